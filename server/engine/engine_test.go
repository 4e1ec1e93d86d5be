package engine

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

// world plays the part of everything outside of the engine.
type world struct {
	t       *testing.T
	state   State
	effects []Effect
}

// project is api (compiled by a local resource, live-updated with a restart)
// and web (built from base, synced).
func project() *config.Project {
	return &config.Project{
		Settings: config.Settings{MaxParallelUpdates: 3},
		Images: []config.Image{
			{Ref: "base", Deps: []string{"/w/base"}},
			{Ref: "web", Deps: []string{"/w/web"}, BaseImages: []string{"base"}, LiveUpdate: []config.Step{
				{Kind: config.StepFallBackOn, Paths: []string{"/w/web/package.json"}},
				{Kind: config.StepSync, Local: "/w/web", Remote: "/srv"},
				{Kind: config.StepRun, Argv: []string{"migrate"}, Triggers: []string{"/w/web/db"}},
			}},
			{Ref: "api", Deps: []string{"/w/build"}, LiveUpdate: []config.Step{
				{Kind: config.StepSync, Local: "/w/build", Remote: "/app"},
				{Kind: config.StepRestart},
			}},
		},
		Resources: []config.Resource{
			{Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"web"}},
			{Name: "api", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"api"}, ResourceDeps: []string{"compile"}},
			{Name: "compile", Kind: config.KindLocal, Enabled: true, AutoInit: true, Local: &config.Local{
				Cmd: config.Command{Argv: []string{"go", "build"}}, Deps: []string{"/w/api"},
			}},
		},
	}
}

func newWorld(t *testing.T) *world { return &world{t: t} }

// do feeds an event and returns the effects, one a line.
func (w *world) do(e Event) []string {
	w.t.Helper()
	w.state, w.effects = Step(w.state, e)
	var out []string
	for _, e := range w.effects {
		out = append(out, describe(e))
	}
	return out
}

func describe(e Effect) string {
	switch e := e.(type) {
	case Build:
		return "build " + e.Image.Ref
	case StopBuild:
		return "stop build " + e.Ref
	case Apply:
		var images []string
		for ref, pushed := range e.Images {
			images = append(images, ref+"="+pushed)
		}
		sort.Strings(images)
		return "apply " + e.Resource.Name + " " + strings.Join(images, " ")
	case RunLocal:
		return "run " + e.Resource.Name
	case Attach:
		return "attach " + e.Target.Pod
	case Detach:
		return "detach " + e.Target.Pod
	case Live:
		out := "live " + e.Target.Pod
		for _, f := range e.Files {
			out += " " + f.Remote
		}
		for _, r := range e.Runs {
			out += " run:" + strings.Join(r.Argv, " ")
		}
		for flag, on := range map[string]bool{"restart": e.Restart} {
			if on {
				out += " " + flag
			}
		}
		if e.Check {
			out += " check"
		}
		return out
	case Forget:
		out := fmt.Sprintf("forget %d", len(e.Objects))
		for _, d := range e.Deploys {
			out += " " + d.Name
		}
		return out
	case StopLocal:
		return "stop " + e.Resource
	}
	return fmt.Sprintf("%T", e)
}

func (w *world) want(e Event, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.do(e)); diff != "" {
		w.t.Errorf("%T: effects (-want +got):\n%s", e, diff)
	}
}

func seen(resource, pod, ref, pushed, instance string) Observed {
	return Observed{Resource: resource, Ready: true, Targets: []Seen{{
		ID: TargetID{Namespace: "ns", Pod: pod, Container: "c"}, Image: ref, Pushed: pushed, Instance: instance, Running: true,
	}}}
}

func target(pod string) TargetID { return TargetID{Namespace: "ns", Pod: pod, Container: "c"} }

// live returns the batch of the last Live, to be acknowledged.
func (w *world) live() uint64 {
	w.t.Helper()
	for _, e := range w.effects {
		if l, ok := e.(Live); ok {
			return l.Batch
		}
	}
	w.t.Fatalf("no live update among %v", w.effects)
	return 0
}

// up brings web to the point where its agent has everything.
func up(t *testing.T) *world {
	w := newWorld(t)
	w.want(Configured{Project: project()})
	w.want(Wanted{}, "build base", "run compile")
	w.want(Built{Ref: "base", Pushed: "base:1"}, "build web")
	w.want(Built{Ref: "web", Pushed: "web:1"}, "apply web web=web:1")
	w.want(Applied{Resource: "web"})
	w.want(seen("web", "web-1", "web", "web:1", "i1"), "attach web-1")
	w.want(Attached{Target: target("web-1"), Instance: "i1"}, "live web-1 check")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	return w
}

func TestUpFollowsBasesAndDependencies(t *testing.T) {
	w := up(t)
	w.want(LocalDone{Resource: "compile"})
	w.want(Observed{Resource: "compile", Ready: true}, "build api")
}

func TestChangeIsSentOnceAndAcknowledged(t *testing.T) {
	w := up(t)
	change := Changed{Images: map[string][]string{"web": {"/w/web/index.html"}}}
	w.want(change, "live web-1 /srv/index.html")
	first := w.live()
	w.want(change) // while one is on its way the next waits
	w.want(LiveDone{Target: target("web-1"), Batch: first}, "live web-1 /srv/index.html")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	if img, tg := w.state.Image("web"), w.state.Target(target("web-1")); !InSync(img, tg) {
		t.Errorf("not in sync: %+v %+v", img, tg)
	}
}

func TestRunStepOnlyForItsTrigger(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/db/1.sql"}}}, "live web-1 /srv/db/1.sql run:migrate")
}

func TestFallBackBuilds(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/package.json"}}}, "build web")
	w.want(Built{Ref: "web", Pushed: "web:2"}, "apply web web=web:2")
	w.want(Applied{Resource: "web"})
	w.want(seen("web", "web-2", "web", "web:2", "i2"), "detach web-1", "attach web-2")
}

func TestChangeDuringBuildIsNotLost(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/package.json"}}}, "build web")
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/late.html"}}})
	w.want(Built{Ref: "web", Pushed: "web:2"}, "apply web web=web:2")
	w.want(Applied{Resource: "web"})
	w.want(seen("web", "web-2", "web", "web:2", "i2"), "detach web-1", "attach web-2")
	w.want(Attached{Target: target("web-2"), Instance: "i2"}, "live web-2 /srv/late.html check")
}

func TestRecreatedPodGetsAllSinceTheBuild(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}}, "live web-1 /srv/a")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	w.want(Observed{Resource: "web"}, "detach web-1")
	w.want(seen("web", "web-9", "web", "web:1", "i9"), "attach web-9")
	w.want(Attached{Target: target("web-9"), Instance: "i9"}, "live web-9 /srv/a check")
}

func TestLostAgentIsAttachedAgainAndChecked(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}}, "live web-1 /srv/a")
	batch := w.live()
	w.want(Detached{Target: target("web-1"), Instance: "i1"}, "attach web-1")
	w.want(LiveDone{Target: target("web-1"), Batch: batch, Problem: &config.Problem{Message: "lost"}})
	w.want(Attached{Target: target("web-1"), Instance: "i1"}, "live web-1 /srv/a check")
}

func TestRefusedFileLeadsToABuild(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}}, "live web-1 /srv/a")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live(), Problem: &config.Problem{Message: "read-only"}, Rebuild: true}, "build web")
}

func TestFailedRunIsTriedWithTheNextChange(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/db/1.sql"}}}, "live web-1 /srv/db/1.sql run:migrate")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live(), Problem: &config.Problem{Message: "exit 1"}})
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/db/1.sql"}}}, "live web-1 /srv/db/1.sql run:migrate")
}

func TestFailedBuildWaitsForAReason(t *testing.T) {
	w := newWorld(t)
	w.do(Configured{Project: project()})
	w.do(Wanted{})
	w.want(Built{Ref: "base", Problem: &config.Problem{Message: "no Dockerfile"}})
	w.want(LocalDone{Resource: "compile"})
	w.want(Changed{Images: map[string][]string{"base": {"/w/base/Dockerfile"}}}, "build base")
}

func TestRestartOnlyWhereAsked(t *testing.T) {
	w := up(t)
	w.want(RestartAsked{Resource: "api"})
	w.want(RestartAsked{Resource: "web"}, "live web-1 restart")
}

func TestManualWaitsForTheTrigger(t *testing.T) {
	p := project()
	p.Resources[0].TriggerMode = config.TriggerManual
	w := newWorld(t)
	w.do(Configured{Project: p})
	w.do(Wanted{})
	w.do(Built{Ref: "base", Pushed: "base:1"})
	w.want(Built{Ref: "web", Pushed: "web:1"}, "apply web web=web:1")
	w.do(Applied{Resource: "web"})
	w.do(seen("web", "web-1", "web", "web:1", "i1"))
	w.want(Attached{Target: target("web-1"), Instance: "i1"}, "live web-1 check")
	w.do(LiveDone{Target: target("web-1"), Batch: w.live()})
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}})
	w.want(Triggered{Resource: "web"}, "live web-1 /srv/a")
}

func TestRestoredImageIsNotBuilt(t *testing.T) {
	w := newWorld(t)
	w.do(Configured{Project: project()})
	spec := func(ref string) string { return w.state.Image(ref).Spec }
	w.want(Restored{Ref: "web", Spec: spec("web"), Pushed: "web:1", Dirty: []string{"/w/web/a"}})
	w.want(Restored{Ref: "base", Spec: spec("base"), Pushed: "base:1"})
	w.want(Restored{Ref: "api", Spec: "another", Pushed: "api:1"})
	w.want(Wanted{}, "apply web web=web:1", "run compile")
}

func TestBrokenProjectKeepsNothingAndDownForgetsAll(t *testing.T) {
	w := up(t)
	w.want(Unwanted{}, "detach web-1", "stop compile")
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}})
}

func TestObjectThatLeftTheProjectIsForgotten(t *testing.T) {
	p := project()
	p.YAML = []config.Object{{Key: "web:service", Resource: "web"}}
	w := newWorld(t)
	w.do(Configured{Project: p})
	w.do(Wanted{Resources: []string{"web"}})
	w.do(Built{Ref: "base", Pushed: "base:1"})
	w.do(Built{Ref: "web", Pushed: "web:1"})
	w.do(Applied{Resource: "web"})
	w.want(Configured{Project: project()}, "forget 1", "apply web web=web:1")
}

func TestStepLeavesTheOldStateAlone(t *testing.T) {
	w := up(t)
	before := fmt.Sprintf("%+v", w.state)
	Step(w.state, Changed{Images: map[string][]string{"web": {"/w/web/a"}}})
	Step(w.state, Unwanted{})
	if after := fmt.Sprintf("%+v", w.state); before != after {
		t.Errorf("Step changed the state that it was given:\n%s\n%s", before, after)
	}
}
