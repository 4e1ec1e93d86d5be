package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// fakeCluster is a cluster of a test's own: it holds objects.
type fakeCluster struct {
	mu      sync.Mutex
	objects map[string]map[string]any
	cut     error // nobody is answered
	patched []string
}

func (w *fakeCluster) with(f func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut != nil {
		return w.cut
	}
	return f()
}

func (w *fakeCluster) names() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for name := range w.objects {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func (w *fakeCluster) Apply(_ context.Context, objects []map[string]any, o kube.ApplyOptions) (applied []kube.Applied, err error) {
	return applied, w.with(func() error {
		for _, object := range objects {
			meta := map[string]any{"labels": map[string]any{kube.LabelManagedBy: "towline"}}
			for k, v := range object["metadata"].(map[string]any) {
				meta[k] = v
			}
			for k, v := range o.Labels {
				meta["labels"].(map[string]any)[k] = v
			}
			ref := kube.RefOf(object)
			w.objects[ref.Name] = map[string]any{"apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": meta}
			applied = append(applied, kube.Applied{Ref: ref, Content: w.objects[ref.Name]})
		}
		return nil
	})
}

func (w *fakeCluster) Delete(_ context.Context, objects []map[string]any, _ kube.DeleteOptions) error {
	return w.with(func() error {
		for _, o := range objects {
			delete(w.objects, kube.RefOf(o).Name)
		}
		return nil
	})
}

func (w *fakeCluster) Current(_ context.Context, objects []map[string]any) (found []kube.Applied, err error) {
	return found, w.with(func() error {
		for _, o := range objects {
			if now := w.objects[kube.RefOf(o).Name]; now != nil {
				found = append(found, kube.Applied{Ref: kube.RefOf(now), Content: now})
			}
		}
		return nil
	})
}

// Owned lists nothing: the user may not.
func (w *fakeCluster) Owned(context.Context, string) ([]map[string]any, error) {
	return nil, w.with(func() error { return nil })
}

func (w *fakeCluster) Others(context.Context, string) ([]map[string]any, error) { return nil, nil }
func (w *fakeCluster) Identity() kube.Identity                                  { return kube.Identity{Namespace: "dev"} }
func (w *fakeCluster) Watch(ctx context.Context, _, _ string, _ func(kube.Event)) error {
	<-ctx.Done()
	return nil
}
func (w *fakeCluster) WatchKind(ctx context.Context, _ kube.Ref, _ string, _ func(kube.Event)) error {
	<-ctx.Done()
	return nil
}
func (w *fakeCluster) Logs(context.Context, kube.LogOptions, func(kube.LogLine)) error { return nil }
func (w *fakeCluster) Exec(context.Context, kube.ExecOptions) (int, error) {
	return 0, errors.New("no agent")
}
func (w *fakeCluster) Dial(context.Context, string, string, int) (net.Conn, error) {
	return nil, errors.New("no agent")
}
func (w *fakeCluster) Configure(*config.Project) {}
func (w *fakeCluster) Build(context.Context, build.Request) (build.Result, error) {
	return build.Result{}, errors.New("nothing is built here")
}
func (w *fakeCluster) Prune(context.Context, config.DockerPrune, []string) ([]string, error) {
	return nil, nil
}
func (w *fakeCluster) ImageConfig(context.Context, string) (build.ImageConfig, error) {
	return build.ImageConfig{}, errors.New("no images here")
}
func (w *fakeCluster) Patch(_ context.Context, object, _ map[string]any) (kube.Applied, error) {
	w.patched = append(w.patched, kube.RefOf(object).Name)
	return kube.Applied{Content: object}, nil
}
func (w *fakeCluster) Fight(context.Context, kube.Controller) (string, error) { return "", nil }
func (w *fakeCluster) Pause(context.Context, kube.Controller, kube.Pauser) (bool, error) {
	return false, nil
}
func (w *fakeCluster) Resume(context.Context, kube.Controller, string) (bool, error) {
	return false, nil
}
func (w *fakeCluster) HandBack(context.Context, map[string]any) (bool, error)     { return false, nil }
func (w *fakeCluster) Labelled(context.Context, string) ([]map[string]any, error) { return nil, nil }
func (w *fakeCluster) AgentImage(context.Context, map[string][]byte, string) (string, error) {
	return "", nil
}

// play brings up what a Tiltfile says (names of objects, or "broken") in a
// cluster that is there.
type play struct {
	*stand
	world    *fakeCluster
	tiltfile string
	asked    []string      // subcommands of the evaluations
	gate     chan struct{} // an evaluation waits for it unless it is nil
}

func newPlay(t *testing.T, tiltfile string) *play {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", file)
	p := &play{stand: newStand(t), world: &fakeCluster{objects: map[string]map[string]any{}}, tiltfile: tiltfile}
	if err := os.WriteFile(filepath.Join(p.o.Endpoint.Workspace, "Tiltfile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.evaluates(func(ctx context.Context, e Evaluation) *config.Project {
		p.asked = append(p.asked, e.Subcommand)
		if p.tiltfile == "endless" {
			<-ctx.Done()
			return &config.Project{Tiltfile: e.Tiltfile, ConfigFiles: []string{e.Tiltfile}, Error: &config.Problem{Message: context.Cause(ctx).Error()}}
		}
		if p.gate != nil && e.Subcommand != "down" {
			<-p.gate
		}
		project := &config.Project{Tiltfile: e.Tiltfile, ConfigFiles: []string{e.Tiltfile}, Settings: config.Settings{MaxParallelUpdates: 3}}
		if p.tiltfile == "broken" {
			project.Error = &config.Problem{Message: "syntax error"}
			return project
		}
		for _, name := range strings.Fields(p.tiltfile) {
			project.Resources = append(project.Resources, config.Resource{Name: name, Kind: config.KindK8s, AutoInit: true, Enabled: true})
			project.YAML = append(project.YAML, config.Object{Resource: name, Key: name, Content: map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name},
			}})
		}
		return project
	})
	p.do(func(c *core) {
		c.newRunner = func(o run.Options) runner {
			o.Cluster, o.Images = p.world, p.world
			return run.New(t.Context(), o)
		}
	})
	return p
}

// do runs something on the core's goroutine.
func (s *stand) do(f func(*core)) {
	s.t.Helper()
	_, err := in(bounded(s.t), s.Daemon, func(c *core, answer func(int, error)) { f(c); answer(0, nil) })
	if err != nil {
		s.t.Fatal(err)
	}
}

func (p *play) up() {
	p.t.Helper()
	_, err := in(bounded(p.t), p.Daemon, func(c *core, answer func(int, error)) {
		c.session.open()
		c.session.serial++
		c.session.remote = true
		c.session.runner = c.newRunner(c.runnerOptions(c.session.serial))
		c.up(api.UpRequest{}, func(err error) { answer(0, err) })
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.await("all is applied", func(s *api.Status) bool {
		return s.Up && len(s.Resources) > 0 && p.world.names() == p.tiltfile
	})
}

// TestDownForgetsOnlyWhatIsGone cuts the cluster off in the middle of a Down.
func TestDownForgetsOnlyWhatIsGone(t *testing.T) {
	p := newPlay(t, "db web")
	p.up()
	p.do(func(c *core) { c.store.touch([]string{"/w/a"}) })
	p.world.with(func() error { p.world.cut = errors.New("connection refused"); return nil })
	if code, problem := p.post(api.RouteDown, `{}`); code == 200 || !strings.Contains(problem.Message, "connection refused") {
		t.Fatalf("a Down without a cluster: %d %+v", code, problem)
	}
	s := p.await("what is left is told", func(s *api.Status) bool { return s.Left != "" })
	if s.State != api.StateError || !strings.Contains(s.Text, "not all is down") {
		t.Errorf("the status says %s, %q", s.State, s.Text)
	}
	p.do(func(c *core) {
		if c.store.record.Up == nil || len(c.store.record.Applied) != 2 || !c.store.touched["/w/a"] {
			t.Errorf("forgotten: %+v, %v", c.store.record, c.store.touched)
		}
	})
	p.world.mu.Lock()
	p.world.cut = nil
	p.world.mu.Unlock()
	if code, problem := p.post(api.RouteDown, `{}`); code != 200 {
		t.Fatalf("again: %d %+v", code, problem)
	}
	if left := p.world.names(); left != "" {
		t.Errorf("left: %s", left)
	}
	p.do(func(c *core) {
		if c.store.record.Up != nil || len(c.store.record.Applied) != 0 || len(c.store.touched) != 0 || c.requests.left != "" {
			t.Errorf("kept: %+v, %v", c.store.record, c.store.touched)
		}
	})
}

// TestDownNeedsNoTiltfile: a daemon that never evaluated it takes down what the
// record of an earlier one has, and no Up that waits comes between.
func TestDownNeedsNoTiltfile(t *testing.T) {
	p := newPlay(t, "db web")
	p.up()
	p.tiltfile = "broken"
	p.do(func(c *core) { // what a kill and a new daemon leave
		old := c.session.end()
		serial := c.session.serial
		c.tiltfile.good, c.tiltfile.last, c.state = nil, nil, engine.State{}
		c.session.reset()
		c.session.serial = serial
		c.spawn(func(context.Context) { old.Close() })
		p.gate = make(chan struct{})
		c.resume()
		time.AfterFunc(50*time.Millisecond, func() { close(p.gate) })
	})
	if code, problem := p.post(api.RouteDown, `{}`); code != 200 {
		t.Fatalf("%d %+v", code, problem)
	}
	if left := p.world.names(); left != "" {
		t.Errorf("left: %s", left)
	}
	p.await("nothing is up", func(s *api.Status) bool { return !s.Up && s.State == api.StateStopped })
}

// TestDownWaitsForNoTiltfile: one whose evaluation does not end, for `down`
// either, keeps nothing up.
func TestDownWaitsForNoTiltfile(t *testing.T) {
	p := newPlay(t, "db web")
	p.up()
	p.tiltfile = "endless"
	p.do(func(c *core) { c.o.DownWait = time.Millisecond; c.evaluate(nil) })
	if code, problem := p.post(api.RouteDown, `{}`); code != 200 {
		t.Fatalf("%d %+v", code, problem)
	}
	if left := p.world.names(); left != "" {
		t.Errorf("left: %s", left)
	}
	p.await("nothing is up", func(s *api.Status) bool { return !s.Up && s.State == api.StateStopped })
}

// TestDownTakesWhatLeft: what the Tiltfile dropped, and was not deleted yet
// when Down came, goes as well.
func TestDownTakesWhatLeft(t *testing.T) {
	p := newPlay(t, "db web")
	p.up()
	p.do(func(c *core) { p.tiltfile = "db"; c.evaluate(nil) })
	if code, problem := p.post(api.RouteDown, `{}`); code != 200 {
		t.Fatalf("%d %+v", code, problem)
	}
	if left := p.world.names(); left != "" {
		t.Errorf("left: %s", left)
	}
	if last := p.asked[len(p.asked)-1]; last != "down" {
		t.Errorf("the Tiltfile was told %q at last, want down", last)
	}
}

// TestDownSparesWhatAnotherTook: an object with another workspace's label is
// that one's.
func TestDownSparesWhatAnotherTook(t *testing.T) {
	p := newPlay(t, "db web")
	p.up()
	p.world.with(func() error {
		labels := p.world.objects["web"]["metadata"].(map[string]any)["labels"].(map[string]any)
		labels[kube.LabelWorkspace] = "another"
		return nil
	})
	if code, problem := p.post(api.RouteDown, `{}`); code != 200 {
		t.Fatalf("%d %+v", code, problem)
	}
	if left := p.world.names(); left != "web" {
		t.Errorf("left: %q, want web", left)
	}
}

// TestDownKnowsWhatGotTheAgent: who may not search all namespaces for the
// workloads that a command applied and that got the agent looks where the
// command said that they are, also after a restart.
func TestDownKnowsWhatGotTheAgent(t *testing.T) {
	p := newPlay(t, "web")
	p.up()
	theirs := map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{
			"name": "theirs", "namespace": "elsewhere", "labels": map[string]any{}, "annotations": map[string]any{"towline.dev/before": "{}"},
		},
		"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{}}}},
	}
	p.do(func(c *core) {
		theirs["metadata"].(map[string]any)["labels"] = map[string]any{"towline.dev/agent-of": c.store.workspace(c.o.Endpoint.ID())}
		p.world.objects["theirs"] = theirs
		c.logsSink().Facts(run.Facts{Objects: []map[string]any{theirs, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": map[string]any{"name": "web"}}}})
	})
	p.settle()
	p.do(func(c *core) {
		again, err := openStore(c.store.dir, slog.New(slog.DiscardHandler))
		if err != nil || len(again.record.Named) != 1 {
			t.Errorf("remembered %v, %v", again.record.Named, err)
		}
		again.close()
	})
	if code, problem := p.post(api.RouteDown, `{}`); code != 200 {
		t.Fatalf("%d %+v", code, problem)
	}
	if !slices.Equal(p.world.patched, []string{"theirs"}) || p.world.names() != "theirs" {
		t.Errorf("patched %q, left %q", p.world.patched, p.world.names())
	}
}

// TestClusterBehindANameIsPinned: the context of what is up leads elsewhere.
func TestClusterBehindANameIsPinned(t *testing.T) {
	p := newPlay(t, "web")
	p.up()
	p.do(func(c *core) {
		old := c.session.end()
		c.spawn(func(context.Context) { old.Close() })
		c.state, c.store.record.Pin = engine.State{}, "kind-none@another/default"
	})
	for _, route := range []string{api.RouteUp, api.RouteDown} {
		if code, problem := p.post(route, `{}`); code == 200 || !strings.Contains(problem.Message, "another cluster") || !strings.Contains(problem.Hint, "--forget") {
			t.Errorf("%s: %d %+v", route, code, problem)
		}
	}
	if code, problem := p.post(api.RouteDown, `{"forget":true}`); code != 200 {
		t.Errorf("forgetting it: %d %+v", code, problem)
	}
	p.do(func(c *core) {
		if c.store.record.Up != nil {
			t.Error("it is not forgotten")
		}
	})
}
