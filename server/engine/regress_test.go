package engine

import (
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

func TestSameDigestAfterARevertStillCorrectsTheContainer(t *testing.T) {
	w := up(t)
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}}, "live web-1 /srv/a")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/package.json"}}}, "build web")
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/a", "/w/web/package.json"}}})
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
	w.want(Configured{p})
	w.want(Triggered{Resource: "web"}, "build base")
}

func TestResourcesEnabledLaterComeUpAndDisabledOnesGo(t *testing.T) {
	p := project()
	p.Resources[0].Enabled = false
	w := newWorld(t)
	w.do(Configured{p})
	w.want(Wanted{}, "run compile")
	w.want(Configured{project()}, "build base")
	q := project()
	q.Resources[2].Enabled = false
	w.want(Configured{q}, "stop compile", "build api")
}

func TestOnlyWhatWasNamedComesUp(t *testing.T) {
	w := newWorld(t)
	w.do(Configured{project()})
	w.want(Wanted{Resources: []string{"api"}}, "run compile")
	w.want(Configured{project()})
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
	w.want(Configured{p}, "apply web web=web:1")
	w.want(Applied{Resource: "web", Problem: &config.Problem{Message: "refused"}})
	w.want(Configured{project()}, "forget 1", "apply web web=web:1")
}
