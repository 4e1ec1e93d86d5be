package compose

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/towline-dev/towline/e2e/story"
	"github.com/towline-dev/towline/server/api"
)

// binaries returns the program that the tests run, which is built once.
var binaries = sync.OnceValues(story.BuildPrograms)

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv("TOWLINE_TEST_KUBECONFIG") != "" { // without it nothing was built
		if path, err := binaries(); err == nil {
			os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

// base is the image that the test bed's registry has.
const base = "127.0.0.1:5000/busybox:1"

// bed is a workspace of a test's own, whose commands know no cluster.
type bed struct {
	t       *testing.T
	project string // Compose's
	o       story.Options
}

// newBed skips where there is no docker to test on. The files' text may speak of
// $BASE, an image that there is.
func newBed(t *testing.T, project string, files map[string]string) *bed {
	t.Helper()
	if os.Getenv("TOWLINE_TEST_KUBECONFIG") == "" || os.Getenv("DOCKER_HOST") == "" {
		t.Skip("no test bed: see make test")
	}
	binary, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, project: project, o: story.Options{Towline: binary, Workspace: t.TempDir(), Stderr: os.Stderr}}
	for _, name := range []string{"XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"} {
		b.o.Env = append(b.o.Env, name+"="+t.TempDir())
	}
	b.o.Env = append(b.o.Env, "KUBECONFIG=/nonexistent", "DOCKER_CONFIG="+plugin(t))
	for file, text := range files {
		b.write(file, text)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		_, _ = b.run(ctx, binary, "down")
		_, _ = b.run(ctx, binary, "daemon", "--stop")
		_, _ = b.run(ctx, "docker", "compose", "-p", project, "down", "--volumes", "--timeout", "1")
	})
	return b
}

// plugin builds docker's Compose plugin, which Go's cache keeps, into a docker
// configuration of the test's own.
func plugin(t *testing.T) (config string) {
	t.Helper()
	config = t.TempDir()
	build := exec.Command("go", "build", "-C", "../../hack/compose", "-trimpath", "-o", filepath.Join(config, "cli-plugins", "docker-compose"), "github.com/docker/compose/v5/cmd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the plugin: %v\n%s", err, out)
	}
	return config
}

// write puts a file into the workspace.
func (b *bed) write(file, text string) {
	b.t.Helper()
	file = filepath.Join(b.o.Workspace, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "$BASE", base)), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

// run runs a program in the workspace.
func (b *bed) run(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = b.o.Workspace, append(os.Environ(), b.o.Env...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// must runs a program that has to succeed.
func (b *bed) must(program string, args ...string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 3*time.Minute)
	defer cancel()
	out, err := b.run(ctx, program, args...)
	if err != nil {
		b.t.Fatalf("%s %s: %v\n%s\n%s", program, strings.Join(args, " "), err, out, b.describe())
	}
	return out
}

func (b *bed) towline(args ...string) string { b.t.Helper(); return b.must(b.o.Towline, args...) }

// describe tells what a person would look at.
func (b *bed) describe() string {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	status, _ := b.run(ctx, b.o.Towline, "status", "--json")
	logs, _ := b.run(ctx, b.o.Towline, "logs")
	return status + "\n" + logs
}

// until waits for a condition.
func (b *bed) until(what string, is func() bool) {
	b.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(90 * time.Second); !is(); <-tick.C {
		if time.Now().After(deadline) {
			b.t.Fatalf("gave up waiting until %s\n%s", what, b.describe())
		}
	}
}

// resource is what is known of a resource now, nothing of one that is not there.
func (b *bed) resource(name string) api.ResourceStatus {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.o.Towline, "status", "--json")
	cmd.Dir, cmd.Env = b.o.Workspace, append(os.Environ(), b.o.Env...)
	out, _ := cmd.Output() // its exit code says that not all is ready
	var s api.Status
	_ = json.Unmarshal(out, &s) // there may be no daemon yet
	for _, r := range s.Resources {
		if r.Name == name {
			return r
		}
	}
	return api.ResourceStatus{}
}

// synced waits until a service is ready with all files, and returns its container.
func (b *bed) synced(name string) (t api.Target) {
	b.t.Helper()
	b.until(name+" is in sync", func() bool {
		r := b.resource(name)
		if r.State == api.StateReady && r.Proof == api.ProofInSync && len(r.Targets) == 1 {
			t = r.Targets[0]
			return true
		}
		return false
	})
	return t
}

// container is docker's id of a service's container.
func (b *bed) container(service string) string {
	b.t.Helper()
	return b.must("docker", "ps", "-a", "-q", "--no-trunc", "--filter", "label=com.docker.compose.project="+b.project, "--filter", "label=com.docker.compose.service="+service)
}

// file waits until a file in a service's container has a content.
func (b *bed) file(service, path, want string) {
	b.t.Helper()
	id := b.container(service)
	b.until(service+" has "+path+": "+want, func() bool {
		out, err := b.run(b.t.Context(), "docker", "exec", id, "cat", path)
		return err == nil && out == want
	})
}
