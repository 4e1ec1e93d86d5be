package status

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// scene is a project that is up, as the engine knows it.
type scene struct {
	t *testing.T
	f Facts
	s engine.State
}

// newScene brings up: compile, a command; web, whose image gets live updates
// and which needs compile; job, of no image; lint, which only a person starts;
// late, which needs lint; serve, a local server.
func newScene(t *testing.T, change ...func(*config.Project)) *scene {
	p := &config.Project{
		Tiltfile: "/w/Tiltfile",
		Images: []config.Image{{Ref: "web", Deps: []string{"/w/web"}, LiveUpdate: []config.Step{{
			Kind: config.StepSync, Local: "/w/web", Remote: "/app",
		}}}},
		Resources: []config.Resource{
			{Name: "compile", Kind: config.KindLocal, AutoInit: true, Enabled: true, Local: &config.Local{Cmd: config.Command{Argv: []string{"make"}}}},
			{Name: "web", Kind: config.KindK8s, AutoInit: true, Enabled: true, Images: []string{"web"}, ResourceDeps: []string{"compile"}},
			{Name: "job", Kind: config.KindK8s, AutoInit: true, Enabled: true},
			{Name: "lint", Kind: config.KindLocal, Enabled: true, Local: &config.Local{Cmd: config.Command{Argv: []string{"lint"}}}},
			{Name: "late", Kind: config.KindK8s, AutoInit: true, Enabled: true, ResourceDeps: []string{"lint"}},
			{Name: "serve", Kind: config.KindLocal, AutoInit: true, Enabled: true, Local: &config.Local{
				AllowParallel: true, ServeCmd: config.Command{Argv: []string{"serve"}},
			}},
			{Name: "off", Kind: config.KindK8s, AutoInit: true},
		},
	}
	for _, f := range change {
		f(p)
	}
	s := &scene{t: t, f: Facts{Project: p, Targets: map[engine.TargetID]Target{}, Cluster: api.ClusterStatus{Connected: true}}}
	s.tell(engine.Configured{Project: p}, engine.Wanted{})
	return s
}

func (s *scene) tell(events ...engine.Event) {
	for _, e := range events {
		s.s, _ = engine.Step(s.s, e)
	}
}

func (s *scene) status() *api.Status {
	s.f.State = &s.s
	return Of(s.f)
}

// says compares a resource's line.
func (s *scene) says(name, want string) {
	s.t.Helper()
	for _, r := range s.status().Resources {
		if r.Name == name && r.Text != want {
			s.t.Errorf("%s: %q, want %q", name, r.Text, want)
		}
	}
}

func (s *scene) whole(state api.State, text string) {
	s.t.Helper()
	if got := s.status(); got.State != state || got.Text != text {
		s.t.Errorf("the whole is %s, %q; want %s, %q", got.State, got.Text, state, text)
	}
}

var web1 = engine.TargetID{Pod: "web-1", Container: "c"}

// runs makes web run with its agent, and all else ready.
func (s *scene) runs() {
	s.tell(
		engine.LocalDone{Resource: "compile"}, engine.Observed{Resource: "compile", Ready: true},
		engine.LocalDone{Resource: "serve"}, engine.Observed{Resource: "serve", Ready: true},
		engine.Applied{Resource: "job"}, engine.Observed{Resource: "job", Ready: true},
		engine.Built{Ref: "web", Pushed: "web:1"}, engine.Applied{Resource: "web"},
		s.seen(true, false, ""),
		engine.Attached{Target: web1, Instance: "i"},
	)
	s.synced()
}

func (s *scene) seen(ready, broken bool, message string) engine.Observed {
	return engine.Observed{Resource: "web", Ready: ready, Broken: broken, Message: message, Targets: []engine.Seen{
		{ID: web1, Image: "web", Pushed: "web:1", Instance: "i", Running: true},
	}}
}

func (s *scene) synced() {
	s.tell(engine.LiveDone{Target: web1, Batch: s.s.Target(web1).Sending})
}

func save(files ...string) engine.Changed {
	return engine.Changed{Images: map[string][]string{"web": files}}
}

func TestComingUp(t *testing.T) {
	s := newScene(t)
	s.says("compile", "building: running")
	s.says("web", "pending: waits for compile")
	s.says("lint", "pending: waits for a trigger")
	s.says("late", "pending: waits for lint")
	s.says("off", "disabled")
	s.whole(api.StateBuilding, "0 of 5 ready, compile: building: running")
	s.runs()
	s.says("compile", "done")
	s.says("web", "ready · in sync")
	s.says("serve", "ready")
	// What only a person can start holds nothing up.
	s.whole(api.StateReady, "4 of 5 ready, late waits for lint")
	if status := s.status(); status.Phase != api.PhaseReady || !api.Settled(status) {
		t.Errorf("phase %s, settled %v", status.Phase, api.Settled(status))
	}
}

func TestFirstFailureHoldsBackWhatNeedsIt(t *testing.T) {
	s := newScene(t)
	s.tell(engine.LocalDone{Resource: "compile", Problem: &config.Problem{Message: "go: not found"}})
	s.says("compile", "error: go: not found")
	s.says("web", "pending: waits for compile, which failed")
}

// TestStale is what runs without the last save, each for another reason.
func TestStale(t *testing.T) {
	bad := &config.Problem{Message: "syntax error"}
	t.Run("a failed command that makes it", func(t *testing.T) {
		s := newScene(t)
		s.runs()
		s.tell(engine.Changed{Locals: []string{"compile"}}, engine.LocalDone{Resource: "compile", Problem: bad})
		s.says("web", "stale: compile failed")
		s.proof("behind")
		s.tell(engine.Changed{Locals: []string{"compile"}}, engine.LocalDone{Resource: "compile"})
		s.says("web", "ready · in sync")
	})
	t.Run("a failed image", func(t *testing.T) {
		s := newScene(t)
		s.runs()
		s.tell(save("/w/web/a", "/w/elsewhere"), engine.Built{Ref: "web", Problem: bad})
		s.says("web", "stale: syntax error")
		s.proof("behind 2")
		if r := s.status().Resources[1]; r.Phase != api.PhaseError || r.Problem == nil || r.Targets[0].Sync != api.SyncStale {
			t.Errorf("%s %v %s", r.Phase, r.Problem, r.Targets[0].Sync)
		}
	})
	t.Run("a failed live update", func(t *testing.T) {
		s := newScene(t)
		s.runs()
		s.tell(save("/w/web/a"))
		s.says("web", "updating: updating web-1")
		s.tell(engine.LiveDone{Target: web1, Batch: s.s.Target(web1).Sending, Problem: bad})
		s.says("web", "stale: syntax error")
		s.proof("differs")
	})
	t.Run("a trigger that is awaited", func(t *testing.T) {
		s := newScene(t, func(p *config.Project) { p.Resources[1].TriggerMode = config.TriggerManual })
		s.runs()
		s.tell(save("/w/web/a"))
		s.says("web", "stale: changed, awaits a trigger")
		s.proof("behind 1")
		status := s.status()
		if r := status.Resources[1]; !r.Changed || r.Phase != api.PhaseReady || r.Next.Command != "trigger" || !api.Settled(status) {
			t.Errorf("changed %v, phase %s, next %+v, settled %v", r.Changed, r.Phase, r.Next, api.Settled(status))
		}
		s.tell(engine.Triggered{Resource: "web"})
		s.synced()
		s.says("web", "ready · in sync")
	})
}

func (s *scene) proof(want api.Proof) {
	s.t.Helper()
	if got := s.status().Resources[1].Proof; got != want {
		s.t.Errorf("proof %q, want %q", got, want)
	}
}

// TestNotReady tells what crashed from what cannot come up, and from what is
// stopped at a breakpoint.
func TestNotReady(t *testing.T) {
	s := newScene(t)
	s.runs()
	s.tell(s.seen(false, true, "web-1: the process ended: exit code 3"))
	s.says("web", "error: web-1: the process ended: exit code 3")
	s.f.Targets[web1] = Target{Process: wire.Process{State: wire.StateExited, Exit: &wire.Exit{Code: 3}}}
	s.says("web", "crashed: web-1: the process ended: exit code 3")
	s.f.Targets[web1] = Target{Process: wire.Process{State: wire.StateRunning, Debug: true}}
	s.tell(s.seen(false, false, "0 of 1 pods are ready"))
	s.says("web", "starting: 0 of 1 pods are ready") // attached, and runs
	s.f.Targets[web1] = Target{Process: wire.Process{State: wire.StateRunning, Debug: true, Paused: true}}
	s.says("web", "paused · in sync")
	s.tell(s.seen(true, false, "")) // no probe asks
	s.says("web", "paused · in sync")
	s.tell(s.seen(false, false, "0 of 1 pods are ready"))
	s.tell(engine.Observed{Resource: "serve", Broken: true, Message: "the serve command ended"})
	s.says("serve", "crashed: the serve command ended")
	s.whole(api.StateCrashed, "3 of 5 ready, serve: crashed: the serve command ended")
}

// TestWhatWasDeleted names what is gone and offers what brings it back.
func TestWhatWasDeleted(t *testing.T) {
	s := newScene(t)
	s.runs()
	gone := s.seen(false, true, "Service web in namespace n is gone: it was deleted in the cluster")
	gone.Gone = true
	s.tell(gone)
	s.says("web", "error: "+gone.Message)
	for _, r := range s.status().Resources {
		if r.Name == "web" && (r.Next == nil || r.Next.Command != "trigger" || !strings.Contains(r.Problem.Hint, "towline trigger web")) {
			t.Errorf("next %+v, problem %+v", r.Next, r.Problem)
		}
	}
}

// TestWhatWasTakenOver says so, what a person can do, and no port that answers no more.
func TestWhatWasTakenOver(t *testing.T) {
	s := newScene(t)
	s.runs()
	taken := s.seen(false, true, "Service web in namespace n was taken over by me@vm:/w/shop2")
	taken.Gone, taken.Taken = true, true
	s.tell(taken)
	s.says("web", "error: "+taken.Message)
	s.f.Forwards = map[string][]api.Forward{"web": {{Local: "127.0.0.1:8000"}}}
	for _, r := range s.status().Resources {
		if r.Name == "web" && (!strings.Contains(r.Problem.Hint, "asks whether to take it back") || strings.Contains(r.Problem.Hint, "brings it back") || len(r.Forwards) > 0) {
			t.Errorf("problem %+v, forwards %+v", r.Problem, r.Forwards)
		}
	}
	s.tell(s.seen(true, false, ""))
	s.says("web", "ready · in sync")
}

func TestClusterOutOfReach(t *testing.T) {
	s := newScene(t)
	s.runs()
	s.f.Cluster = api.ClusterStatus{Problem: &config.Problem{Message: "connection refused"}}
	s.says("web", "unknown: the cluster does not answer (was ready)")
	s.says("serve", "ready")
	if r := s.status().Resources[1]; r.Was != api.StateReady {
		t.Errorf("was %q", r.Was)
	}
}

// TestUnwritten: what is ready now is not all that a next daemon will know.
func TestUnwritten(t *testing.T) {
	s := newScene(t)
	s.runs()
	s.f.Daemon.Unwritten = &config.Problem{Message: "what is done here is not written down: no space left on device"}
	s.says("web", "ready · in sync")
	if got := s.status(); !strings.Contains(got.Text, ", but what is done here is not written down") || !got.State.Good() {
		t.Errorf("the whole is %s: %q", got.State, got.Text)
	}
}

func TestDown(t *testing.T) {
	s := newScene(t)
	s.runs()
	s.tell(engine.Unwanted{})
	s.whole(api.StateStopped, "nothing is up")
	s.f.Stopping = true
	s.whole(api.StateStopping, "being taken down")
	for _, r := range s.status().Resources {
		if r.State != api.StateStopped && r.State != api.StateDisabled || len(r.Targets) > 0 || strings.Contains(r.Text, "sync") {
			t.Errorf("%s is %s", r.Name, r.Text)
		}
	}
}

// TestEnds: a build server waits longer for what is a run than for what serves.
func TestEnds(t *testing.T) {
	object := func(resource, kind string) config.Object {
		return config.Object{Resource: resource, Content: map[string]any{"kind": kind}}
	}
	s := newScene(t, func(p *config.Project) {
		p.YAML = []config.Object{
			object("job", "ConfigMap"), object("job", "Job"), object("job", "Job"),
			object("web", "Job"), object("web", "Deployment"), object("late", "Service"),
		}
		p.Resources[6].PodReadiness = config.ReadinessSucceeded
	})
	got := map[string]bool{}
	for _, r := range s.status().Resources {
		got[r.Name] = r.Ends
	}
	for name, want := range map[string]bool{"compile": true, "job": true, "off": true, "web": false, "late": false, "serve": false} {
		if got[name] != want {
			t.Errorf("%s: ends is %v", name, got[name])
		}
	}
}

// TestWaitsForWhatItLacks: what was refused because of what another resource may
// bring is not called failed, and the refusal is told.
func TestWaitsForWhatItLacks(t *testing.T) {
	s := newScene(t)
	s.tell(engine.Applied{Resource: "job", Problem: &config.Problem{Message: "no matches for kind Widget"}, Passing: true})
	s.says("job", "pending: waits for what it lacks: no matches for kind Widget")
}

// TestTargetThatEnded is not ready, though its container, which its agent keeps, is.
func TestTargetThatEnded(t *testing.T) {
	for state, want := range map[wire.State]bool{wire.StateRunning: true, wire.StateBackoff: false, wire.StateExited: false, "": true} {
		f := Facts{State: &engine.State{}, Targets: map[engine.TargetID]Target{web1: {Ready: true, Process: wire.Process{State: state}}}}
		if got := f.target(web1).Ready; got != want {
			t.Errorf("of a process that is %q: ready is %v", state, got)
		}
	}
}
