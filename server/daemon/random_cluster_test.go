package daemon

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fsnotify/fsnotify"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

var randomPod = flag.Int("pod-steps", 60, "steps of the random sync test on a real pod")

// podBound is after how long a change must be in a real pod that nothing told
// of: a sweep, and what a busy machine takes for the rest.
const podBound = watchedPause + 30*time.Second

// TestRandomSyncOnARealPod has the random hand of TestRandomSync change what is
// synced into a real pod by a real agent, while the operating system tells of it,
// the daemon is replaced and the container dies; and compares the two whenever
// the hand rests. `make test-sync` plays 500 steps.
func TestRandomSyncOnARealPod(t *testing.T) {
	seed := seedOf(t)
	const namespace = "tl-random-sync"
	b := newBed(t, namespace)
	p := &podWorld{bed: b, kills: 3, hand: &hand{
		ground: &ground{t: t, root: filepath.Join(b.endpoint.Workspace, "web")},
		joint:  seed%2 == 1,
		rand:   rand.New(rand.NewPCG(seed, 0)), outside: filepath.Join(b.endpoint.Workspace, "outside"),
	}}
	p.tells = func(op fsnotify.Op, name string) { p.note("%s %q", op, name) } // the system does
	p.hand.begin()
	b.project = p.project(namespace)
	b.start()
	if _, err := b.client.Up(t.Context(), api.UpRequest{Namespace: namespace}); err != nil {
		t.Fatal(err)
	}
	b.reach("in sync", inSync)
	for step := 1; step <= *randomPod && !t.Failed(); step++ {
		if n := p.rand.IntN(changes + 1); n < changes {
			p.change(n)
		} else {
			name := p.at(p.hand.path())
			p.note("a save of %q", name)
			p.must(b.client.Hint(t.Context(), time.Time{}, name))
		}
		if step%20 == 10 {
			p.fault()
		}
		if step%20 == 0 {
			p.check(step)
		}
	}
	t.Logf("%d files at the end, %d faults", len(p.want()), p.faults)
}

// podWorld is a pod on the real cluster that is kept in sync with what the hand
// changes.
type podWorld struct {
	*bed
	*hand
	last   []string
	faults int
	kills  int // that are left: a container that dies too often is not started again at once
}

func (p *podWorld) note(format string, args ...any) {
	p.last = append(p.last[max(0, len(p.last)-60):], fmt.Sprintf(format, args...))
}

// project is a pod that does nothing, with two synced folders.
func (p *podWorld) project(namespace string) *config.Project {
	b := p.bed
	project := b.webProject(namespace)
	b.write("web/Dockerfile", "FROM 127.0.0.1:5000/busybox:1\nCOPY src /app\nCOPY lib /app/"+p.second()+"\nCMD [\"sleep\", \"100000\"]\n")
	p.must(os.RemoveAll(p.at("public")))
	img := &project.Images[0]
	img.Deps = []string{p.at("src"), p.at("lib")}
	img.LiveUpdate = []config.Step{
		{Kind: config.StepSync, Local: p.at("src"), Remote: "/app"},
		{Kind: config.StepSync, Local: p.at("lib"), Remote: "/app/" + p.second()},
	}
	project.Resources[0].PortForwards = nil
	return project
}

// fault replaces the daemon, with changes that none sees, or ends the container.
func (p *podWorld) fault() {
	switch n := p.rand.IntN(3); {
	case n == 0:
		p.faults++
		p.note("the daemon ends")
		p.stopDaemon()
		for range p.rand.IntN(5) {
			p.change(p.rand.IntN(changes))
		}
		p.start()
		p.note("a daemon begins")
	case n == 1 && p.kills > 0:
		p.faults, p.kills = p.faults+1, p.kills-1
		p.note("the container dies")
		_, _ = p.exec(io.Discard, "killall", "-9", "towline-agent") // the exec dies with it
	}
}

// exec runs a command in the pod.
func (p *podWorld) exec(out io.Writer, argv ...string) (int, error) {
	s, err := p.client.Status(p.bed.t.Context())
	if err != nil || len(s.Resources) == 0 || len(s.Resources[0].Targets) == 0 {
		return 0, errors.Join(err, errors.New("there is no pod"))
	}
	pod := s.Resources[0].Targets[0]
	return p.cluster.Exec(p.bed.t.Context(), kube.ExecOptions{Namespace: pod.Namespace, Pod: pod.Pod, Container: pod.Container, Argv: argv, Stdout: out})
}

// held is what the pod holds.
func (p *podWorld) held() (map[string]string, error) {
	var out bytes.Buffer
	if code, err := p.exec(&out, "tar", "-c", "-f", "-", "-C", "/app", "."); err != nil || code != 0 {
		return nil, fmt.Errorf("tar ended with %d, %w", code, err)
	}
	held := map[string]string{}
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if err == io.EOF {
			return held, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		what := "-" + string(content)
		switch mode := h.FileInfo().Mode(); {
		case mode.IsDir():
			continue
		case mode&fs.ModeSymlink != 0:
			what = "l" + h.Linkname
		case mode&0o111 != 0:
			what = "x" + string(content)
		}
		if name := filepath.Clean(h.Name); utf8.ValidString(name) && utf8.ValidString(what) {
			held[name] = what
		}
	}
}

// check waits until the pod holds what it is to hold, and is said to.
func (p *podWorld) check(step int) {
	p.bed.t.Helper()
	began, wrong := time.Now(), []string{"nobody looked"}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for ; len(wrong) > 0 && time.Since(began) < podBound; <-tick.C {
		p.reach("in sync", inSync)
		held, err := p.held()
		if err != nil { // it has just gone
			wrong = []string{err.Error()}
			continue
		}
		wrong = p.compare(held)
	}
	if len(wrong) > 0 {
		p.bed.t.Errorf("%s after %d steps:\n%s\nwhat happened last:\n%s\n%s", podBound, step, strings.Join(wrong, "\n"), strings.Join(p.last, "\n"), p.describe())
	}
	p.bed.t.Logf("as it should be %s after step %d", time.Since(began).Round(time.Millisecond), step)
}
