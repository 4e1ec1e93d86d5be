// Command sync measures how long a save takes to run in a pod, with the real
// binaries on a real cluster, beside what most tools do: one tar over one exec
// for each batch, after 200 ms of quiet.
//
// Both are measured alike, from the write of the file on this machine to the
// first answer of the application with the new content, through the same
// port-forward.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/towline-dev/towline/bench/report"
	"github.com/towline-dev/towline/e2e/story"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
)

const namespace = "towline-bench"

// quiet is how long the common design waits for further changes.
const quiet = 200 * time.Millisecond

func main() {
	n := flag.Int("n", 50, "saves of the small file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	defer cancel()
	if err := measure(ctx, *n); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// bench is the example, up.
type bench struct {
	*story.Story
	cluster *kube.Cluster
	web     api.Target
	url     string // of web
	api     string // URL of api
	outside string // folder that nobody syncs
}

func measure(ctx context.Context, n int) error {
	dir, err := os.MkdirTemp("", "towline-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, end, err := begin(ctx, dir)
	if err != nil {
		return err
	}
	defer end()
	r := report.New("sync")
	tarred, err := repeat(ctx, n, b.tarOverExec)
	if err != nil {
		return err
	}
	small, err := repeat(ctx, n, b.saveSmall)
	if err != nil {
		return err
	}
	r.Add("save-small", "ms", small, tarred)
	restarts, err := repeat(ctx, max(n/2, 1), b.saveAndRestart)
	if err != nil {
		return err
	}
	r.Add("save-restart", "ms", restarts, tarred)
	for _, size := range []int{1 << 20, 50 << 20} {
		large := newLarge(size)
		count := max(n*(1<<20)/size, 5)
		big, err := repeat(ctx, min(count, n), func(ctx context.Context, i int) (time.Duration, error) { return b.saveLarge(ctx, large, i) })
		if err != nil {
			return err
		}
		r.Add(fmt.Sprintf("save-%dMB", size>>20), "ms", big, tarred)
	}
	beside, err := b.besideABuild(ctx, n)
	if err != nil {
		return err
	}
	r.Add("save-small-beside-a-build", "ms", beside, small)
	return r.Write()
}

// begin brings the example up in a namespace of its own.
func begin(ctx context.Context, dir string) (*bench, func(), error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, nil, err
	}
	workspace := filepath.Join(dir, "hello")
	if err := errors.Join(story.CopyExample(filepath.Join(root, "examples", "hello"), workspace), addSlow(workspace)); err != nil {
		return nil, nil, err
	}
	env := []string{"XDG_RUNTIME_DIR=" + dir, "XDG_STATE_HOME=" + filepath.Join(dir, "state"), "HELLO_WEB_BASE=127.0.0.1:5000/busybox:1"}
	for _, name := range []string{"HELLO_API_PORT", "HELLO_WEB_PORT"} {
		port, err := story.FreePort()
		if err != nil {
			return nil, nil, err
		}
		env = append(env, fmt.Sprintf("%s=%d", name, port))
	}
	b := &bench{outside: dir}
	if b.cluster, err = kube.Open(kube.Options{Namespace: namespace}); err != nil {
		return nil, nil, err
	}
	b.Story, err = story.Open(ctx, story.Options{
		Towline: filepath.Join(root, "bin", "towline"), Workspace: workspace, Env: env, Namespace: namespace,
		Progress: func(text string) { fmt.Fprintln(os.Stderr, text) },
	})
	if err != nil {
		return nil, nil, err
	}
	end := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		// `towline down` ends the daemon, too, which else stays for a while.
		down := exec.CommandContext(ctx, filepath.Join(root, "bin", "towline"), "down")
		down.Dir, down.Env = workspace, append(os.Environ(), env...)
		for _, err := range []error{b.Down(ctx), b.Close(), down.Run(), b.cluster.DeleteNamespace(ctx, namespace)} {
			if err != nil {
				fmt.Fprintln(os.Stderr, "cleaning up:", err)
			}
		}
	}
	st, err := b.Up(ctx)
	if err != nil {
		end()
		return nil, nil, err
	}
	for _, res := range st.Resources {
		switch res.Name {
		case "web":
			b.web, b.url = res.Targets[0], res.Forwards[0].URL
		case "api":
			b.api = res.Forwards[0].URL
		}
	}
	return b, end, nil
}

// repeat measures n times, in milliseconds, after two that do not count.
func repeat(ctx context.Context, n int, once func(context.Context, int) (time.Duration, error)) ([]float64, error) {
	const warm = 2
	var out []float64
	for i := range n + warm {
		took, err := once(ctx, i)
		if err != nil {
			return nil, err
		}
		if i >= warm {
			out = append(out, float64(took.Nanoseconds())/1e6)
		}
	}
	return out, nil
}

// saveSmall saves a file of a few bytes in the editor.
func (b *bench) saveSmall(ctx context.Context, i int) (time.Duration, error) {
	text := fmt.Sprintf("saved %d\n", i)
	began := time.Now()
	if err := b.Save("web/public/index.html", text); err != nil {
		return 0, err
	}
	_, err := story.Until(ctx, b.url+"/index.html", func(body string) bool { return body == text })
	return time.Since(began), err
}

// saveAndRestart saves a file whose sync is followed by a restart.
func (b *bench) saveAndRestart(ctx context.Context, i int) (time.Duration, error) {
	text := fmt.Sprintf("Hello %d", i)
	began := time.Now()
	if err := b.Save("api/greeting.txt", text+"\n"); err != nil {
		return 0, err
	}
	_, err := story.Until(ctx, b.api, func(body string) bool { return strings.HasPrefix(body, text+", ") })
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	// The file is served as soon as it is there; the restart that belongs to
	// it has to end before the next round.
	_, err = b.Reach(ctx, "in sync", story.Ready)
	return took, err
}

// large is a file of random content of which a few bytes change.
type large struct{ content []byte }

func newLarge(size int) *large {
	l := &large{content: make([]byte, size)}
	rand.Read(l.content) // never fails
	return l
}

// saveLarge changes 100 bytes in the middle of a large file. It is not open in
// the editor, as no editor would: a build writes it and the system tells.
func (b *bench) saveLarge(ctx context.Context, l *large, i int) (time.Duration, error) {
	copy(l.content[len(l.content)/2:], bytes.Repeat([]byte{byte(i)}, 100))
	name := fmt.Sprintf("large-%d", len(l.content)>>20)
	mark := fmt.Sprintf("%d of %d\n", i, len(l.content))
	copy(l.content, mark)
	temp := filepath.Join(b.outside, name)
	if err := os.WriteFile(temp, l.content, 0o644); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := os.Rename(temp, b.Path("web/public/"+name)); err != nil {
		return 0, err
	}
	err := b.untilStarts(ctx, b.url+"/"+name, mark)
	return time.Since(began), err
}

// tarOverExec is the common design, by hand.
func (b *bench) tarOverExec(ctx context.Context, i int) (time.Duration, error) {
	text := fmt.Sprintf("tarred %d\n", i)
	began := time.Now()
	if err := os.WriteFile(filepath.Join(b.outside, "tarred.html"), []byte(text), 0o644); err != nil {
		return 0, err
	}
	time.Sleep(quiet) // the design's own wait for more changes
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "tarred.html", Mode: 0o644, Size: int64(len(text))}); err != nil {
		return 0, err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	code, err := b.cluster.Exec(ctx, kube.ExecOptions{
		Namespace: b.web.Namespace, Pod: b.web.Pod, Container: b.web.Container,
		Argv: []string{"tar", "-x", "-C", "/srv"}, Stdin: &archive,
	})
	if err != nil || code != 0 {
		return 0, fmt.Errorf("tar over exec: exit code %d: %w", code, err)
	}
	_, err = story.Until(ctx, b.url+"/tarred.html", func(body string) bool { return body == text })
	return time.Since(began), err
}
