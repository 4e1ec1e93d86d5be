package engine

import (
	"fmt"
	"slices"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

func TestSameDigestAfterARevertStillCorrectsTheContainer(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}}, "live web-1 /srv/a")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/package.json"}}}, "build web")
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a", "/w/web/package.json"}}}, "stop build web")
	w.want(Built{Ref: "web", Problem: &config.Problem{Message: "broken"}}, "build web")
	w.want(Built{Ref: "web", Pushed: "web:1"}, "live web-1 /srv/a")
}

func TestStepsOfAnUpdateWhoseEndWasNotSeenAreDue(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/db/1.sql"}}}, "live web-1 /srv/db/1.sql run:migrate")
	w.want(Detached{Target: target("web-1"), Instance: "i1"}, "attach web-1")
	w.want(Attached{Target: target("web-1"), Instance: "i1"}, "live web-1 /srv/db/1.sql run:migrate check")
	if l := w.effects[0].(Live); !l.Must {
		t.Error("the command is dropped when no file differs")
	}
}

func TestHeldApplicationStartsThoughABuildIsDue(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/package.json", "/w/web/a"}}}, "build web")
	w.want(Built{Ref: "web", Problem: &config.Problem{Message: "broken"}})
	w.want(seen("web", "web-9", "web", "web:1", "i9"), "detach web-1", "attach web-9")
	w.want(Attached{Target: target("web-9"), Instance: "i9"}, "live web-9 /srv/a /srv/package.json check")
}

func TestAskingAgainBuildsWhatFailed(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/package.json"}}}, "build web")
	w.want(Built{Ref: "web", Problem: &config.Problem{Message: "registry down"}})
	w.want(Wanted{}, "build web")
}

func TestTriggerAfterAFailedLiveUpdateTriesAgain(t *testing.T) {
	w := up(t)
	w.state.Project.Resources[0].TriggerMode = config.TriggerManual
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/db/1.sql"}}})
	w.want(Triggered{Resource: "web"}, "live web-1 /srv/db/1.sql run:migrate")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live(), Problem: &config.Problem{Message: "exit 1"}})
	w.want(Triggered{Resource: "web"}, "live web-1 /srv/db/1.sql run:migrate")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}}) // the next waits again
}

func TestManualResourceIsNotAppliedUnasked(t *testing.T) {
	w := up(t)
	p := project()
	p.Resources[0].TriggerMode = config.TriggerManual
	p.YAML = []config.Object{{Key: "web:service", Resource: "web"}}
	w.want(Configured{Project: p})
	w.want(Triggered{Resource: "web"}, "build base")
}

func TestResourcesEnabledLaterComeUpAndDisabledOnesGo(t *testing.T) {
	p := project()
	p.Resources[0].Enabled = false
	w := newWorld(t)
	w.do(Configured{Project: p})
	w.want(Wanted{}, "run compile")
	w.want(Configured{Project: project()}, "build base")
	q := project()
	q.Resources[2].Enabled = false
	w.want(Configured{Project: q}, "stop compile", "build api")
}

func TestOnlyWhatWasNamedComesUp(t *testing.T) {
	w := newWorld(t)
	w.do(Configured{Project: project()})
	w.want(Wanted{Resources: []string{"api"}}, "run compile")
	w.want(Configured{Project: project()})
}

func TestRestartStepWithTriggersRestartsForThemOnly(t *testing.T) {
	img := &config.Image{RestartEntrypoint: []string{"/app"}, LiveUpdate: []config.Step{
		{Kind: config.StepSync, Local: "/w", Remote: "/app"},
		{Kind: config.StepRestart, Triggers: []string{"/w/main.py"}},
	}}
	for path, want := range map[string]bool{"/w/main.py": true, "/w/static/a.css": false} {
		if got := LivePlan(img, []string{path}).Restart; got != want {
			t.Errorf("restart for %s = %v, want %v", path, got, want)
		}
	}
}

func TestMendedObjectsAreAppliedAgain(t *testing.T) {
	w := up(t)
	p := project()
	p.YAML = []config.Object{{Key: "web:service", Resource: "web"}}
	w.want(Configured{Project: p}, "apply web web=web:1")
	w.want(Applied{Resource: "web", Problem: &config.Problem{Message: "refused"}})
	w.want(Configured{Project: project()}, "forget 1", "apply web web=web:1")
}

func TestDisabledResourcesAreTakenDownWhole(t *testing.T) {
	p := project()
	p.YAML = []config.Object{{Key: "web:service", Resource: "web"}, {Key: "api:service", Resource: "api"}}
	p.Resources = append(p.Resources, config.Resource{Name: "chart", Kind: config.KindK8s, Enabled: true, AutoInit: true, CustomDeploy: &config.CustomDeploy{}})
	w := newWorld(t)
	w.do(Configured{Project: p})
	w.do(Wanted{})
	for _, e := range []Event{Built{Ref: "base", Pushed: "base:1"}, Built{Ref: "web", Pushed: "web:1"}, Applied{Resource: "web"}, Applied{Resource: "chart"}} {
		w.do(e)
	}
	q := *p
	q.Resources = slices.Clone(p.Resources)
	q.Resources[0].Enabled, q.Resources[3].Enabled = false, false
	w.want(Configured{Project: &q}, "stop web", "forget 1", "stop chart", "forget 0 chart")
	// What comes back is applied, not built.
	w.want(Configured{Project: p}, "apply web web=web:1", "apply chart ")
	w.do(Applied{Resource: "chart"})
	// What leaves the Tiltfile goes the same way.
	gone := *p
	gone.Resources = p.Resources[:3]
	w.want(Configured{Project: &gone}, "stop chart", "forget 0 chart")
}

// TestAutoInitWaitsForAChangeOfThisSession: what changed before the project
// came up is no reason for what waits for a change.
func TestAutoInitWaitsForAChangeOfThisSession(t *testing.T) {
	p := project()
	for i := range p.Resources {
		p.Resources[i].AutoInit = false
	}
	w := newWorld(t)
	w.do(Configured{Project: p})
	w.do(Restored{Ref: "web", Spec: w.state.Image("web").Spec, Pushed: "web:1", Dirty: []string{"/w/web/a"}})
	w.do(Changed{Images: map[string][]string{"web": {"/w/web/b"}}, Locals: []string{"compile"}})
	w.want(Wanted{})
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}}, "build base")
	w.want(Changed{Locals: []string{"compile"}}, "run compile")
}

// TestBasesInDiamondsAreAskedOnce has images each of which is built from the
// two before it: asked again and again, they would never come to an end.
func TestBasesInDiamondsAreAskedOnce(t *testing.T) {
	p := &config.Project{Resources: []config.Resource{{Name: "top", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"60"}}}}
	for i := range 61 {
		img := config.Image{Ref: fmt.Sprint(i)}
		if i > 1 {
			img.BaseImages = []string{fmt.Sprint(i - 1), fmt.Sprint(i - 2)}
		}
		p.Images = append(p.Images, img)
	}
	w := newWorld(t)
	w.do(Configured{Project: p})
	w.want(Wanted{}, "build 1", "build 0")
	for i := range 61 {
		w.do(Built{Ref: fmt.Sprint(i), Pushed: fmt.Sprintf("%d:1", i)})
	}
	if len(w.effects) != 1 || describe(w.effects[0]) != "apply top 60=60:1" {
		t.Errorf("effects %v, want the apply", w.effects)
	}
}

// TestWithoutAgentEveryChangeIsABuild: nobody is there to bring files.
func TestWithoutAgentEveryChangeIsABuild(t *testing.T) {
	w := up(t)
	p := project()
	p.Settings.Towline = map[string]any{"agent": []any{map[string]any{"resource": "web", "enabled": false}}}
	w.want(Configured{Project: p}, "apply web web=web:1")
	w.do(Applied{Resource: "web"})
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}}, "build web")
}

// TestCommandAloneRestartsNothing: towline.restart(policy='step') says when.
func TestCommandAloneRestartsNothing(t *testing.T) {
	img := &config.Image{RestartEntrypoint: []string{"/app"}, LiveUpdate: []config.Step{{Kind: config.StepSync, Local: "/w", Remote: "/app"}}}
	if LivePlan(img, []string{"/w/a"}).Restart {
		t.Error("a live update without a restart step restarts")
	}
}

// TestWhereNoAgentIsAChangeIsBuilt: a Job, an init container or a cluster that
// the agent does not get to: a change that could be synced elsewhere is built.
func TestWhereNoAgentIsAChangeIsBuilt(t *testing.T) {
	change := Changed{Images: map[string][]string{"web": {"/w/web/a"}}}
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/package.json"}}}, "build web")
	w.want(Built{Ref: "web", Pushed: "web:2"}, "apply web web=web:2")
	w.want(Applied{Resource: "web", Agentless: []string{"web"}})
	w.want(change, "build web")
	w.want(Built{Ref: "web", Pushed: "web:2"}) // the change is none of the image: that is not tried for ever
	w.want(change, "build web")
	w.want(Built{Ref: "web", Pushed: "web:3"}, "apply web web=web:3")
	w.want(Applied{Resource: "web"}) // the Job left
	w.want(seen("web", "web-3", "web", "web:3", "i3"), "detach web-1", "attach web-3")
	w.want(Attached{Target: target("web-3"), Instance: "i3"}, "live web-3 check")
	w.want(LiveDone{Target: target("web-3"), Batch: w.live()})
	w.want(change, "live web-3 /srv/a")
}

// TestCustomDeployIsSyncedWithoutABuild: what its sync steps cover goes to the
// containers, the rest has its command run again, and no build is planned.
func TestCustomDeployIsSyncedWithoutABuild(t *testing.T) {
	p := project()
	p.Images, p.Resources = nil, []config.Resource{{
		Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true,
		CustomDeploy: &config.CustomDeploy{Deps: []string{"/w"}, LiveUpdate: []config.Step{
			{Kind: config.StepFallBackOn, Paths: []string{"/w/src/go.mod"}},
			{Kind: config.StepSync, Local: "/w/src", Remote: "/srv"},
		}},
	}}
	img, _ := p.Resources[0].LiveImage()
	changed := func(paths ...string) Changed { return Changed{Images: map[string][]string{img.Ref: paths}} }
	w := newWorld(t)
	w.want(Configured{Project: p})
	w.want(Wanted{}, "apply web ")
	w.want(Applied{Resource: "web"})
	w.want(seen("web", "web-1", img.Ref, img.Ref, "i1"), "attach web-1")
	w.want(Attached{Target: target("web-1"), Instance: "i1"}, "live web-1 check")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	w.want(changed("/w/src/a"), "live web-1 /srv/a")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live(), Problem: &config.Problem{Message: "sealed"}, Rebuild: true})
	w.want(changed("/w/src/a", "/w/chart.yaml"), "apply web ", "live web-1 /srv/a")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	w.want(Applied{Resource: "web"})
	w.want(changed("/w/src/go.mod"), "apply web ", "live web-1 /srv/go.mod")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	w.want(Applied{Resource: "web"})
	if s := w.state; !InSync(s.Image(img.Ref), s.Target(target("web-1"))) {
		t.Errorf("not in sync: %+v", s.Image("web"))
	}
	w.want(Configured{Project: p})
	w.want(seen("web", "web-2", img.Ref, img.Ref, "i2"), "detach web-1", "attach web-2")
	w.want(Attached{Target: target("web-2"), Instance: "i2"}, "live web-2 /srv/a /srv/go.mod check")
}

// TestAnotherKindUnderTheSameName: nothing known of a local resource is true of
// the objects that take its name, nor the other way round.
func TestAnotherKindUnderTheSameName(t *testing.T) {
	kinds := map[string]config.Resource{
		"local":  {Kind: config.KindLocal, Local: &config.Local{ServeCmd: config.Command{Argv: []string{"serve"}}}},
		"k8s":    {Kind: config.KindK8s},
		"custom": {Kind: config.KindK8s, CustomDeploy: &config.CustomDeploy{}},
	}
	with := func(kind string) *config.Project {
		r := kinds[kind]
		r.Name, r.Enabled, r.AutoInit = "it", true, true
		p := &config.Project{Resources: []config.Resource{r}}
		if kind == "k8s" {
			p.YAML = []config.Object{{Key: "it", Resource: "it", Content: map[string]any{"kind": "ConfigMap"}}}
		}
		return p
	}
	begin := map[string]string{"local": "run it", "k8s": "apply it ", "custom": "apply it "}
	end := map[string][]string{"local": {"stop it"}, "k8s": {"stop it", "forget 1"}, "custom": {"stop it", "forget 0 it"}}
	answer := map[string]Event{"local": LocalDone{Resource: "it"}, "k8s": Applied{Resource: "it"}, "custom": Applied{Resource: "it"}}
	for from := range kinds {
		for to := range kinds {
			w := newWorld(t)
			w.want(Configured{Project: with(from)})
			w.want(Wanted{}, begin[from])
			w.want(answer[from])
			w.want(Observed{Resource: "it", Ready: true})
			if from == to {
				w.want(Configured{Project: with(to)})
				continue
			}
			w.want(Configured{Project: with(to)}, append(slices.Clone(end[from]), begin[to])...)
			if w.state.Resource("it").Ready {
				t.Errorf("from %s to %s: ready before it is there", from, to)
			}
		}
	}
}

// TestWhatWasDeletedInTheClusterIsAppliedWhenAsked by a trigger or a new
// request, and not built again; nobody puts it back unasked.
func TestWhatWasDeletedInTheClusterIsAppliedWhenAsked(t *testing.T) {
	gone := Observed{Resource: "web", Broken: true, Gone: true, Message: "Service web is gone"}
	for _, mode := range []config.TriggerMode{config.TriggerAuto, config.TriggerManual} {
		for _, ask := range []Event{Triggered{Resource: "web"}, Wanted{}} {
			w := up(t)
			w.state.Project.Resources[0].TriggerMode = mode
			w.want(gone, "detach web-1")
			w.want(ask, "apply web web=web:1")
			if r := w.state.Resource("web"); r.Gone || r.Broken {
				t.Errorf("%T: %+v", ask, r)
			}
			w.want(Applied{Resource: "web"})
			w.want(Wanted{})
		}
	}
}

// TestWhatImagesComeFrom: other buildInputs, and another choice of what a
// context holds, are a build; what only says which files matter is none.
func TestWhatImagesComeFrom(t *testing.T) {
	ignoring := func(builder config.Builder, source string, patterns ...string) *config.Project {
		p := project()
		p.Images[1].Builder = builder
		p.Images[1].Ignores = []config.Ignore{{Base: "/w/web", Patterns: patterns, Source: source}}
		return p
	}
	for name, test := range map[string]struct {
		from, to Configured
		builds   bool
	}{
		"nothing new":       {Configured{project(), "a"}, Configured{project(), "a"}, false},
		"another registry":  {Configured{project(), "a"}, Configured{project(), "b"}, true},
		"ignore":            {Configured{ignoring(config.BuilderDocker, "ignore", "a"), ""}, Configured{ignoring(config.BuilderDocker, "ignore", "b"), ""}, true},
		"of a command":      {Configured{ignoring(config.BuilderCustom, "ignore", "a"), ""}, Configured{ignoring(config.BuilderCustom, "ignore", "b"), ""}, false},
		"of a mounted file": {Configured{ignoring(config.BuilderDocker, config.SourceVolume, "a"), ""}, Configured{ignoring(config.BuilderDocker, config.SourceVolume, "b"), ""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := Step(State{}, test.from)
			img := s.Image("web")
			img.Pushed = "web:1"
			s.setImage("web", img)
			s, _ = Step(s, test.to)
			if s.Image("web").Stale != test.builds {
				t.Errorf("stale = %v, want %v", s.Image("web").Stale, test.builds)
			}
		})
	}
}
