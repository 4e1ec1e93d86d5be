package story

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
)

// binaries returns the program that the tests run, which is built once.
var binaries = sync.OnceValues(BuildPrograms)

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binaries(); err == nil && code >= 0 {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// stage is a namespace, a workspace and an editor of a test's own.
type stage struct {
	*Story
	t       *testing.T
	cluster *kube.Cluster
	options Options
	editing sync.Mutex // for those who share the editor
}

// newStage skips where there is no cluster to test on.
func newStage(t *testing.T, namespace string) *stage {
	t.Helper()
	s := newEmptyStage(t, namespace)
	var err error
	if s.Story, err = Open(t.Context(), s.options); err != nil {
		t.Fatal(err)
	}
	return s
}

// newEmptyStage is newStage without the editor, for those who bring another.
func newEmptyStage(t *testing.T, namespace string) *stage {
	t.Helper()
	return stageOf(t, namespace, "../../examples/hello")
}

// stageOf is newEmptyStage with a copy of a folder as the workspace.
func stageOf(t *testing.T, namespace, folder string) *stage {
	t.Helper()
	kubeconfig := os.Getenv("TOWLINE_TEST_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("TOWLINE_TEST_KUBECONFIG is not set: this test needs a real cluster (make cluster-up)")
	}
	binary, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	workspace := t.TempDir()
	if err := CopyExample(folder, workspace); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"KUBECONFIG=" + kubeconfig, "XDG_RUNTIME_DIR=" + t.TempDir(), "XDG_STATE_HOME=" + t.TempDir(),
		"HELLO_WEB_BASE=127.0.0.1:5000/busybox:1",
	}
	for _, name := range []string{"HELLO_API_PORT", "HELLO_WEB_PORT"} {
		port, err := FreePort()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, fmt.Sprintf("%s=%d", name, port))
	}
	s := &stage{t: t, options: Options{
		Towline: binary, Workspace: workspace, Env: env, Namespace: namespace, Stderr: testWriter{t}, Progress: func(text string) { t.Log(text) },
	}}
	if s.cluster, err = kube.Open(kube.Options{Kubeconfig: kubeconfig, Namespace: namespace}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.clean)
	return s
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// clean ends what the test started, by the ways that a user has.
func (s *stage) clean() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if s.Story != nil {
		if err := s.Close(); err != nil {
			s.t.Log("closing the editor:", err)
		}
	}
	down := exec.CommandContext(ctx, s.options.Towline, "down", "--namespace", s.options.Namespace)
	down.Dir, down.Env = s.options.Workspace, append(os.Environ(), s.options.Env...)
	if out, err := down.CombinedOutput(); err != nil {
		s.t.Errorf("down: %v\n%s", err, out)
	}
	if err := s.cluster.DeleteNamespace(ctx, s.options.Namespace); err != nil && !kube.IsKind(err, kube.NotFound) {
		s.t.Error(err)
	}
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// resource returns one resource of the status.
func (s *stage) resource(st api.Status, name string) api.ResourceStatus {
	s.t.Helper()
	for _, r := range st.Resources {
		if r.Name == name {
			return r
		}
	}
	s.t.Fatalf("the status has no resource %s: %s", name, brief(st))
	return api.ResourceStatus{}
}

// TestADayOfADeveloper is the whole loop, by a language client and a debug
// client over stdio, against a container that has nothing but one static
// binary, runs as uid 65532 without capabilities, and may write to nothing but
// the synced folder.
func TestADayOfADeveloper(t *testing.T) {
	s := newStage(t, "tl-e2e-day")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()

	st, err := s.Up(ctx)
	s.must(err)
	api, web := s.resource(st, "api").Forwards[0].URL, s.resource(st, "web").Forwards[0].URL
	first := s.resource(st, "api").Targets[0]
	body, err := Until(ctx, api, func(b string) bool { return strings.HasPrefix(b, "Hello, world!") })
	s.must(err)
	if pid := Pid(body); pid == 0 || pid != first.Pid {
		t.Errorf("the pod says pid %d, the status %d", pid, first.Pid)
	}

	// A save is served by the same process.
	s.must(s.Save("web/public/index.html", "<h1>saved</h1>\n"))
	_, err = Until(ctx, web, func(b string) bool { return b == "<h1>saved</h1>\n" })
	s.must(err)

	// A port that is asked for answers too, for as long as the command runs.
	port := s.forward(ctx, "api", "0:8080")
	_, err = Until(ctx, port, func(b string) bool { return Pid(b) == first.Pid })
	s.must(err)

	// Code is compiled here, and runs there in a new process of the same
	// container.
	code, err := os.ReadFile(s.Path("api/main.go"))
	s.must(err)
	s.must(s.Save("api/main.go", strings.Replace(string(code), `name + "!"`, `name + "?"`, 1)))
	body, err = Until(ctx, api, func(b string) bool { return strings.HasPrefix(b, "Hello, world?") })
	s.must(err)
	changed := Pid(body)
	if changed == first.Pid {
		t.Errorf("pid %d runs the new code", changed)
	}

	// So does a restart that is asked for.
	s.must(s.Restart(ctx, "api"))
	_, err = Until(ctx, api, func(b string) bool { return Pid(b) != 0 && Pid(b) != changed })
	s.must(err)
	_, err = Until(ctx, port, func(b string) bool { return Pid(b) != 0 && Pid(b) != changed })
	s.must(err)
	s.sameContainer(ctx, first)

	// A breakpoint stops in the pod, and in the process after it.
	line, err := s.Line("api/main.go", "return message")
	s.must(err)
	d, err := s.Debug(ctx, "api", "api/main.go", line)
	s.must(err)
	s.stopsAt(ctx, d, api+"/?name=first", line, `"Hello, first?"`)
	early, err := s.Line("api/main.go", "log.Println")
	s.must(err)
	_, err = d.SetBreakpoints(ctx, s.Path("api/main.go"), early, line)
	s.must(err)
	s.must(s.Restart(ctx, "api"))
	thread, frame, err := d.Stopped(ctx)
	s.must(err)
	if frame.Line != early || frame.Name != "main.main" {
		t.Errorf("the new process stopped at %s:%d, want line %d, before it serves", frame.Name, frame.Line, early)
	}
	s.must(d.Continue(ctx, thread))
	s.stopsAt(ctx, d, api+"/?name=second", line, `"Hello, second?"`)
	s.must(d.End(ctx))
	_, err = Until(ctx, api, func(b string) bool { return Pid(b) != 0 })
	s.must(err)
	s.sameContainer(ctx, first)

	// Down leaves nothing behind.
	s.must(s.Down(ctx))
	s.leavesNothing(ctx)
	if err := s.Problems(); err != nil {
		t.Errorf("messages of the server violate the protocol: %v", err)
	}
}

// sameContainer checks that the container of the api was never restarted.
func (s *stage) sameContainer(ctx context.Context, first api.Target) {
	s.t.Helper()
	st, err := s.Status(ctx)
	s.must(err)
	now := s.resource(st, "api").Targets
	if len(now) != 1 || now[0].PodUID != first.PodUID || now[0].Restarts != 0 {
		s.t.Errorf("another container runs: first %+v, now %+v", first, now)
	}
}

// stopsAt makes a request and expects it to stop at a line, with a value in
// the variable message.
func (s *stage) stopsAt(ctx context.Context, d *Debugger, url string, line int, want string) {
	s.t.Helper()
	stop := Ask(ctx, url)
	thread, frame, err := d.Stopped(ctx)
	s.must(err)
	if frame.Line != line || frame.Source.Path != s.Path("api/main.go") {
		s.t.Errorf("stopped at %s:%d, want %s:%d", frame.Source.Path, frame.Line, s.Path("api/main.go"), line)
	}
	got, err := d.Local(ctx, frame.ID, "message")
	s.must(err)
	if got != want {
		s.t.Errorf("message = %s, want %s", got, want)
	}
	_, err = d.SetBreakpoints(ctx, s.Path("api/main.go")) // no more stops on the way out
	s.must(err)
	s.must(d.Continue(ctx, thread))
	stop()
	_, err = d.SetBreakpoints(ctx, s.Path("api/main.go"), line)
	s.must(err)
}

// leavesNothing asks the cluster what is left in the namespace.
func (s *stage) leavesNothing(ctx context.Context) {
	s.t.Helper()
	for _, kind := range []struct{ version, kind string }{
		{"apps/v1", "Deployment"}, {"v1", "Service"},
	} {
		for _, name := range []string{"api", "web"} {
			left, err := s.cluster.Current(ctx, []map[string]any{{
				"apiVersion": kind.version, "kind": kind.kind,
				"metadata": map[string]any{"name": name, "namespace": s.options.Namespace},
			}})
			s.must(err)
			if len(left) > 0 {
				s.t.Errorf("down left %s", left[0].Ref)
			}
		}
	}
	pods := 0
	watching, stop := context.WithCancel(ctx)
	err := s.cluster.Watch(watching, s.options.Namespace, "", func(e kube.Event) {
		switch e.Kind {
		case kube.PodChanged:
			pods++
		case kube.Synced:
			stop()
		}
	})
	stop()
	s.must(err)
	if pods > 0 {
		s.t.Errorf("down left %d pods", pods)
	}
}
