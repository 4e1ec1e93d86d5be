package status

import (
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// settled compares whether one who waits for a resource has an answer.
func (s *scene) settled(name string, want bool) {
	s.t.Helper()
	if got := api.Settled(s.status(), name); got != want {
		s.t.Errorf("%s has settled: %v, want %v; %+v", name, got, want, s.status().Text)
	}
}

// TestWhatAnotherOneIsAboutToChange is not ready: one who waits gets the new code.
func TestWhatAnotherOneIsAboutToChange(t *testing.T) {
	s := newScene(t)
	s.runs()
	s.settled("web", true)
	s.tell(engine.Changed{Locals: []string{"compile"}})
	s.says("web", "updating: waits for the end of compile")
	s.settled("web", false)
	s.settled("job", true)
	s.tell(engine.LocalDone{Resource: "compile"}, engine.Observed{Resource: "compile", Ready: true})
	s.says("web", "ready · in sync")
	s.settled("web", true)
}

// TestWhatIsBeingMended stays what it is, and is not given up: a newer file is on its
// way to what crashed, or another command comes first.
func TestWhatIsBeingMended(t *testing.T) {
	s := newScene(t)
	s.runs()
	s.tell(s.seen(false, true, "it panicked"))
	s.says("web", "error: it panicked")
	s.settled("web", true)
	next, effects := engine.Step(s.s, engine.Changed{Images: map[string][]string{"web": {"/w/web/a"}}})
	s.s = next
	s.says("web", "error: it panicked · updating web-1")
	s.settled("web", false)
	if o := api.OutcomeOf(s.status()); len(o.Failed) > 0 {
		t.Errorf("failed: %s", o.Failed[0].Text)
	}
	live := effects[0].(engine.Live)
	s.tell(engine.LiveDone{Target: web1, Batch: live.Batch})
	s.says("web", "error: it panicked") // until its next process is seen
	s.settled("web", true)

	s.tell(engine.Changed{Locals: []string{"compile"}})
	s.says("web", "error: it panicked · waits for the end of compile")
	s.settled("web", false)
	s.tell(engine.LocalDone{Resource: "compile", Problem: &config.Problem{Message: "exit 1"}}, engine.Observed{Resource: "compile"})
	s.settled("web", true)
}

// TestWhatOnlyAPersonStarts makes nothing pending: the command of a button stands still
// until it is pressed, and what has auto_init=False counts where it is asked for.
func TestWhatOnlyAPersonStarts(t *testing.T) {
	s := newScene(t, func(p *config.Project) {
		p.Buttons = []config.Button{{Name: "seed"}}
		p.Resources = append(p.Resources[:4:4], p.Resources[5:]...) // late would wait for lint
		p.Resources = append(p.Resources, config.Resource{Name: "btn-seed", Kind: config.KindLocal, Enabled: true, Local: &config.Local{
			Cmd: config.Command{Argv: []string{"seed"}}, AllowParallel: true, Buttons: []string{"seed"},
		}})
	})
	s.runs()
	s.says("btn-seed", "stopped")
	s.says("lint", "pending: waits for a trigger")
	s.whole(api.StateReady, "4 ready")
	s.tell(engine.Triggered{Resource: "btn-seed"})
	s.says("btn-seed", "building: running")
	s.tell(engine.LocalDone{Resource: "btn-seed"}, engine.Observed{Resource: "btn-seed", Ready: true})
	s.says("btn-seed", "done")
	s.whole(api.StateReady, "5 ready")
}
