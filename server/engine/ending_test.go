package engine

import (
	"slices"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// shared has web up beside migrate, which has run to its end with the same image.
func shared(t *testing.T, change ...func(*config.Resource)) *world {
	p := project()
	p.Resources = append(p.Resources[:1], config.Resource{Name: "migrate", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"web"}})
	for _, f := range change {
		f(&p.Resources[1])
	}
	w := newWorld(t)
	w.do(Configured{Project: p})
	w.do(Wanted{})
	w.do(Built{Ref: "base", Pushed: "base:1"})
	w.do(Built{Ref: "web", Pushed: "web:1"})
	w.do(Applied{Resource: "web"})
	w.do(Applied{Resource: "migrate", Ending: []string{"web"}})
	w.do(Observed{Resource: "migrate", Ready: true, Ended: true})
	w.do(seen("web", "web-1", "web", "web:1", "i1"))
	w.do(Attached{Target: target("web-1"), Instance: "i1"})
	w.do(LiveDone{Target: target("web-1"), Batch: w.live()})
	return w
}

func edit(path string) Changed { return Changed{Images: map[string][]string{"web": {path}}} }

// TestJobDoesNotKeepLiveUpdatesFromOthers: one image in a Deployment and in a Job. A
// change that can be synced is, and the Job stays as it ran; one that cannot is
// built for both.
func TestJobDoesNotKeepLiveUpdatesFromOthers(t *testing.T) {
	w := shared(t)
	if got := w.state.Concerned(edit("/w/web/a")); !slices.Equal(got, []string{"web"}) {
		t.Errorf("a file that is synced concerns %q", got)
	}
	w.want(edit("/w/web/a"), "live web-1 /srv/a")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	if n := w.state.Unbuilt("migrate"); n != 1 {
		t.Errorf("the Job ran without %d files, want 1", n)
	}
	if n := w.state.Unbuilt("web"); n != 0 {
		t.Errorf("the Deployment counts %d files as unbuilt", n)
	}
	if got := w.state.Concerned(edit("/w/web/package.json")); !slices.Equal(got, []string{"web", "migrate"}) {
		t.Errorf("a file that has to be built concerns %q", got)
	}
	w.want(edit("/w/web/package.json"), "build web")
	w.want(Built{Ref: "web", Pushed: "web:2"}, "apply web web=web:2", "apply migrate web=web:2")
	if n := w.state.Unbuilt("migrate"); n != 0 {
		t.Errorf("the new image lacks %d files", n)
	}
}

// TestTriggeredJobRunsANewImage: a person gets what is live elsewhere into the Job.
func TestTriggeredJobRunsANewImage(t *testing.T) {
	w := shared(t)
	w.do(edit("/w/web/a"))
	w.do(LiveDone{Target: target("web-1"), Batch: w.live()})
	w.want(Triggered{Resource: "migrate"}, "build base")
	w.want(Built{Ref: "base", Pushed: "base:1"}, "build web")
	w.want(Built{Ref: "web", Pushed: "web:2"}, "apply web web=web:2", "apply migrate web=web:2")
}

// TestEndingAlone: where nobody else gets a change at once, a build brings it: the
// Deployment was never wanted, was turned off, or has no agent itself.
func TestEndingAlone(t *testing.T) {
	for name, alone := range map[string]Event{
		"turned off": Switched{On: map[string]bool{"web": false}},
		"no agent":   Applied{Resource: "web", Agentless: []string{"web"}},
	} {
		w := shared(t)
		if name == "no agent" {
			w.do(edit("/w/web/package.json"))
			w.do(Built{Ref: "web", Pushed: "web:2"})
			w.do(Applied{Resource: "migrate", Ending: []string{"web"}})
		}
		w.do(alone)
		if got := w.do(edit("/w/web/a")); !slices.Contains(got, "build web") {
			t.Errorf("%s: %q, want a build", name, got)
		}
	}
}

// TestManualJobAwaitsItsTrigger: a Job that only a person runs says so, and runs what
// is live elsewhere once asked.
func TestManualJobAwaitsItsTrigger(t *testing.T) {
	w := shared(t, func(r *config.Resource) { r.TriggerMode = config.TriggerManual })
	w.want(edit("/w/web/a"), "live web-1 /srv/a")
	if !AwaitsTrigger(&w.state, w.state.view.resource("migrate")) {
		t.Error("the Job waits for nobody")
	}
	w.want(Triggered{Resource: "migrate"}, "build base")
	w.want(Built{Ref: "base", Pushed: "base:1"}, "build web")
}

// TestNewDaemonLearnsWhatEnds: before the Job was looked at, and after, a change that
// an earlier daemon brought is no reason to build.
func TestNewDaemonLearnsWhatEnds(t *testing.T) {
	old := shared(t)
	w := newWorld(t)
	w.do(Configured{Project: old.state.Project})
	for _, ref := range []string{"base", "web"} {
		w.do(Restored{Ref: ref, Spec: w.state.Image(ref).Spec, Pushed: ref + ":1"})
	}
	w.do(Restored{Ref: "web", Spec: w.state.Image("web").Spec, Pushed: "web:1", Dirty: []string{"/w/web/a"}})
	w.want(Wanted{}, "apply web web=web:1", "apply migrate web=web:1")
	w.want(Applied{Resource: "migrate", Ending: []string{"web"}})
	w.want(Applied{Resource: "web"})
}
