package run

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/server/run/deploy"
	"github.com/towline-dev/towline/starlark/config"
)

// world is a Sink, a Cluster and Images: all that a Runner touches.
type world struct {
	mu     sync.Mutex
	events []engine.Event
	lines  []string
	facts  []Facts
	emit   func(kube.Event)
	did    []string
	broken error
	prune  func(ctx context.Context, o config.DockerPrune, keep []string) ([]string, error) // nil: nothing is old
}

func (w *world) with(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) Event(e engine.Event) { w.with(func() { w.events = append(w.events, e) }) }
func (w *world) Facts(f Facts)        { w.with(func() { w.facts = append(w.facts, f) }) }
func (w *world) Log(l Line) {
	w.with(func() { w.lines = append(w.lines, l.Source+" "+l.Resource+": "+l.Text) })
}

func (w *world) WatchKind(ctx context.Context, _ kube.Ref, _ string, _ func(kube.Event)) error {
	<-ctx.Done()
	return nil
}

func (w *world) Watch(ctx context.Context, _, _ string, emit func(kube.Event)) error {
	w.with(func() { w.emit = emit })
	<-ctx.Done()
	return nil
}
func (w *world) Logs(ctx context.Context, _ kube.LogOptions, _ func(kube.LogLine)) error {
	<-ctx.Done()
	return ctx.Err()
}
func (w *world) Exec(context.Context, kube.ExecOptions) (int, error) {
	return 0, errors.New("no agent here")
}
func (w *world) Dial(_ context.Context, namespace, pod string, _ int) (net.Conn, error) {
	return nil, errors.New("dialled " + namespace + "/" + pod)
}
func (w *world) Apply(_ context.Context, objects []map[string]any, _ kube.ApplyOptions) ([]kube.Applied, error) {
	var applied []kube.Applied
	for _, o := range objects {
		ref := kube.RefOf(o)
		ref.Namespace = "dev"
		applied = append(applied, kube.Applied{Ref: ref, Content: o})
	}
	return applied, nil
}
func (w *world) Delete(_ context.Context, objects []map[string]any, _ kube.DeleteOptions) error {
	for _, o := range objects {
		w.with(func() { w.did = append(w.did, "delete "+kube.RefOf(o).Name) })
	}
	return nil
}
func (w *world) Current(_ context.Context, objects []map[string]any) (found []kube.Applied, _ error) {
	for _, o := range objects {
		found = append(found, kube.Applied{Ref: kube.RefOf(o), Content: map[string]any{
			"apiVersion": o["apiVersion"], "kind": o["kind"],
			"metadata": map[string]any{"name": kube.RefOf(o).Name, "labels": map[string]any{kube.LabelManagedBy: "towline", kube.LabelWorkspace: "ws"}},
		}})
	}
	return found, nil
}
func (w *world) Patch(context.Context, map[string]any, map[string]any) (kube.Applied, error) {
	return kube.Applied{}, nil
}
func (w *world) Fight(context.Context, kube.Controller) (string, error) { return "", nil }
func (w *world) Pause(context.Context, kube.Controller, kube.Pauser) (bool, error) {
	return false, nil
}
func (w *world) Resume(context.Context, kube.Controller, string) (bool, error) { return false, nil }
func (w *world) HandBack(context.Context, map[string]any) (bool, error)        { return false, nil }
func (w *world) Labelled(context.Context, string) ([]map[string]any, error)    { return nil, nil }
func (w *world) ImageConfig(context.Context, string) (build.ImageConfig, error) {
	return build.ImageConfig{}, nil
}
func (w *world) Owned(context.Context, string) ([]map[string]any, error)  { return nil, nil }
func (w *world) Identity() kube.Identity                                  { return kube.Identity{} }
func (w *world) Others(context.Context, string) ([]map[string]any, error) { return nil, nil }

func (w *world) Configure(*config.Project) {}

func (w *world) Build(_ context.Context, r build.Request) (build.Result, error) {
	_, _ = r.Output.Write([]byte("step of " + r.Image.Ref + "\n"))
	if w.broken != nil {
		return build.Result{}, w.broken
	}
	w.with(func() {
		w.did = append(w.did, "build "+r.Image.Ref+" from "+strings.Join(slices.Sorted(maps.Values(r.Bases)), " "))
	})
	return build.Result{Ref: r.Image.Ref + ":1", LocalRef: "local/" + r.Image.Ref, Config: build.ImageConfig{Cmd: []string{"/app"}}}, nil
}
func (w *world) Prune(ctx context.Context, o config.DockerPrune, keep []string) ([]string, error) {
	if w.prune == nil {
		return nil, nil
	}
	return w.prune(ctx, o, keep)
}
func (w *world) AgentImage(context.Context, map[string][]byte, string) (string, error) {
	w.with(func() { w.did = append(w.did, "agent") })
	return "agent:1", nil
}

// take returns what was told since the last look.
func (w *world) take() (events []engine.Event) {
	synctest.Wait()
	w.with(func() { events, w.events = w.events, nil })
	return events
}

func inBubble(t *testing.T, test func(*testing.T, *Runner, *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		r := New(t.Context(), Options{WorkspaceID: "ws", Cluster: w, Images: w, Agent: map[string][]byte{"amd64": []byte("agent")}, Sink: w})
		defer r.Close()
		test(t, r, w)
	})
}

// project has a Deployment with an image that is built from another.
func project() *config.Project {
	return &config.Project{
		Images:    []config.Image{{Ref: "img", BaseImages: []string{"base"}}, {Ref: "base"}},
		Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Images: []string{"img"}}, {Name: "it", Kind: config.KindLocal, Local: &config.Local{}}},
		YAML: []config.Object{{
			Resource: "web", ImageRefs: []config.ImageRef{{Ref: "img", Path: []string{"spec", "template", "spec", "containers", "0", "image"}}},
			Content: map[string]any{
				"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web"},
				"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "img"}}}}},
			},
		}},
	}
}

// TestWithoutCluster runs what needs this machine alone.
func TestWithoutCluster(t *testing.T) {
	w := &world{}
	r := New(t.Context(), Options{WorkspaceID: "ws", Images: w, Sink: w})
	defer r.Close()
	p := project()
	p.Resources, p.YAML = p.Resources[1:], nil
	r.Configure(p)
	if err := r.Down(t.Context(), End{}); err != nil {
		t.Errorf("down: %v", err)
	}
}

// TestEffectsAreAnswered performs one of each, in the order of an up.
func TestEffectsAreAnswered(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Runner, w *world) {
		p := project()
		r.Configure(p)
		r.Adopt("base", build.Result{Ref: "base:1", LocalRef: "local/base"})
		r.Perform(engine.Build{Image: p.Images[0], Reason: "main.go"})
		if diff := cmp.Diff([]engine.Event{engine.Built{Ref: "img", Pushed: "img:1"}}, w.take()); diff != "" {
			t.Errorf("a build (-want +got):\n%s", diff)
		}
		if got := r.Built("img"); got.Ref != "img:1" {
			t.Errorf("built %+v", got)
		}
		if !slices.Contains(w.did, "build img from local/base") || !slices.Contains(w.lines, "build web: building img (main.go changed)") || !slices.Contains(w.lines, "build web: step of img") {
			t.Errorf("did %q, log %q", w.did, w.lines)
		}
		for range 2 {
			r.Perform(engine.Apply{Resource: p.Resources[0], Images: map[string]string{"img": "img:1"}})
			events := w.take()
			if len(events) != 2 || !cmp.Equal(events[0], engine.Event(engine.Applied{Resource: "web"})) {
				t.Errorf("an apply: %+v", events)
			}
		}
		if n := strings.Count(strings.Join(w.did, " "), "agent"); n != 1 {
			t.Errorf("the agent was pushed %d times", n)
		}
		r.Perform(engine.RunLocal{Resource: p.Resources[1]})
		if events := w.take(); len(events) != 2 || events[0] != engine.Event(engine.LocalDone{Resource: "it"}) {
			t.Errorf("a local resource: %+v", events)
		}
		r.Perform(engine.StopLocal{Resource: "it"})
		id := engine.TargetID{Namespace: "dev", Pod: "web-1", Container: "app"}
		r.Perform(engine.Attach{Target: id, Resource: "web", Image: "img"})
		r.Perform(engine.Live{Target: id, Batch: 3})
		events := w.take()
		if !slices.ContainsFunc(events, func(e engine.Event) bool { done, ok := e.(engine.LiveDone); return ok && done.Problem != nil }) {
			t.Errorf("a live update without an agent: %+v", events)
		}
		last := w.facts[len(w.facts)-1]
		if last.Target == nil || last.Target.Problem == nil || !strings.Contains(last.Target.Problem.Message, "no agent here") {
			t.Errorf("facts %+v", last)
		}
		r.Perform(engine.Detach{Target: id})
		r.Perform(engine.Forget{Objects: p.YAML, Dropped: []string{"web"}})
		w.take()
		if last := w.facts[len(w.facts)-1]; last.Target == nil || last.Target.Resource != "" || !slices.Contains(w.did, "delete web") {
			t.Errorf("facts %+v, did %q", last, w.did)
		}
		if err := r.Down(t.Context(), End{Cluster: deploy.End{Applied: []map[string]any{p.YAML[0].Content}}}); err != nil {
			t.Error(err)
		}
	})
}

// TestBuildThatFails has its place, and is told to whoever uses the image.
func TestBuildThatFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Runner, w *world) {
		p := project()
		r.Configure(p)
		e := engine.Build{Image: p.Images[1]}
		e.Image.Pos = config.Position{File: "/w/Tiltfile", Line: 2}
		for _, err := range []error{errors.New("exit 1"), &config.Problem{Message: "exit 1"}, &config.Problem{Message: "exit 1", Pos: e.Image.Pos}} {
			w.broken = err
			r.Perform(e)
			built := w.take()[0].(engine.Built)
			if built.Problem == nil || built.Problem.Message != "exit 1" || built.Problem.Pos != e.Image.Pos {
				t.Errorf("%v: %+v", err, built.Problem)
			}
		}
		if !slices.Contains(w.lines, "build web: building base") {
			t.Errorf("log %q", w.lines)
		}
	})
}

// TestWhichPodIsMeant by a forward and by a debugger.
func TestWhichPodIsMeant(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Runner, w *world) {
		if _, _, err := r.Debug(t.Context(), "web", "", "", false); err == nil || !strings.Contains(err.Error(), "has no pod") {
			t.Errorf("a debugger without a project: %v", err)
		}
		p := project()
		r.Configure(p)
		r.Perform(engine.Apply{Resource: p.Resources[0]})
		synctest.Wait()
		if _, err := r.DialPod(t.Context(), "web", config.PortForward{}); err == nil || !strings.Contains(err.Error(), "no pod of web runs") {
			t.Errorf("without a pod: %v", err)
		}
		pod := func(name, phase string, ready, deleting bool) {
			w.emit(kube.Event{Kind: kube.PodChanged, Pod: kube.Pod{
				Name: name, UID: name, Namespace: "dev", Phase: phase, Ready: ready, Deleting: deleting,
				Labels: map[string]string{kube.LabelResource: "web"}, Containers: []kube.Container{{Name: "app"}},
			}})
		}
		for _, step := range []struct {
			name, phase     string
			ready, deleting bool
			want            string
		}{
			{"a", "Pending", false, false, "no pod of web runs"},
			{"b", "Running", false, false, "dialled dev/b"},
			{"c", "Running", true, false, "dialled dev/c"},
			{"d", "Running", false, false, "dialled dev/c"}, // newer, and not ready
			{"e", "Running", true, false, "dialled dev/e"},
			{"f", "Running", true, true, "dialled dev/e"},
		} {
			pod(step.name, step.phase, step.ready, step.deleting)
			if _, err := r.DialPod(t.Context(), "web", config.PortForward{}); err == nil || !strings.Contains(err.Error(), step.want) {
				t.Errorf("with %s: %v, want %q", step.name, err, step.want)
			}
			if coming := r.ComingUp(t.Context(), "web"); coming != (step.name < "c") {
				t.Errorf("with %s: coming up: %v", step.name, coming)
			}
		}
		w.emit(kube.Event{Kind: kube.PodChanged, Pod: kube.Pod{
			Name: "young", UID: "young", Namespace: "dev", Phase: "Running", Ready: true, Labels: map[string]string{kube.LabelResource: "web"},
			Containers: []kube.Container{{Name: "app", StartedAt: time.Now()}},
		}})
		if !r.ComingUp(t.Context(), "web") {
			t.Error("a program that began just now is taken to listen")
		}
		time.Sleep(youth)
		if r.ComingUp(t.Context(), "web") {
			t.Errorf("after %s the program still comes up", youth)
		}
		if _, _, err := r.Debug(t.Context(), "web", "e", "app", false); err == nil || !strings.Contains(err.Error(), "has the agent that a debugger needs") {
			t.Errorf("debugging without an agent: %v", err)
		}
		p.Settings.Towline = map[string]any{"debug": []any{map[string]any{"resource": "web", "container": "sidecar"}}}
		r.Configure(p)
		for container, want := range map[string]string{"": `no container named "sidecar"`, "other": `no container named "other"`} {
			if _, _, err := r.Debug(t.Context(), "web", "e", container, false); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("with towline.debug(container='sidecar') and asked for %q: %v, want %q", container, err, want)
			}
		}
	})
}

// TestDebuggersKnowTheFolders that towline.debug() maps.
func TestDebuggersKnowTheFolders(t *testing.T) {
	set := config.DebugSetting{PathMap: map[string]string{"/w/lib": "/usr/lib/lib"}}
	img := &config.Image{Ref: "img"}
	got := sessionOf(engine.TargetID{Pod: "p"}, agents.Session{Pid: 1, Child: 2, Program: "/app", Language: "go", Image: img}, set)
	want := Session{Target: engine.TargetID{Pod: "p"}, Pid: 1, Child: 2, Program: "/app", Language: "go", Image: img, PathMap: set.PathMap}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCustomBuildsGetTheImagesThatTheyName, as docker builds those of their
// Dockerfile.
func TestCustomBuildsGetTheImagesThatTheyName(t *testing.T) {
	inBubble(t, func(t *testing.T, r *Runner, w *world) {
		r.Configure(project())
		r.Adopt("base", build.Result{Ref: "base:1", LocalRef: "local/base"})
		r.Adopt("tool", build.Result{Ref: "tool:1", LocalRef: "local/tool"})
		r.Perform(engine.Build{Image: config.Image{Ref: "img", BaseImages: []string{"base"}, ImageDeps: []string{"tool"}}})
		if w.take(); !slices.Contains(w.did, "build img from local/base local/tool") {
			t.Errorf("did %q", w.did)
		}
	})
}
