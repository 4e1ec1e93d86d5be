package daemon

import (
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/status"
	"github.com/towline-dev/towline/starlark/config"
)

// TestStagesByTheEngine has a save go into a container by what the engine asks for,
// one answered and one not: only what was answered is said.
func TestStagesByTheEngine(t *testing.T) {
	project := &config.Project{
		Images:    []config.Image{{Ref: "img", LiveUpdate: []config.Step{{Kind: config.StepSync, Local: "/w", Remote: "/srv"}}}},
		Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Images: []string{"img"}, Enabled: true, AutoInit: true}},
	}
	ids := []engine.TargetID{{Pod: "web-1"}, {Pod: "web-2"}}
	var state engine.State
	p := progress{updates: newUpdates()}
	var sent []engine.Live
	step := func(e engine.Event) {
		p.ends(project, e)
		next, effects := engine.Step(state, e)
		state = next
		for _, effect := range effects {
			p.begins(&state, effect, time.Unix(1, 0))
			if live, is := effect.(engine.Live); is {
				sent = append(sent, live)
			}
		}
	}
	step(engine.Configured{Project: project})
	step(engine.Wanted{})
	step(engine.Built{Ref: "img", Pushed: "img:1"})
	step(engine.Applied{Resource: "web"})
	var seen []engine.Seen
	for _, id := range ids {
		seen = append(seen, engine.Seen{ID: id, Image: "img", Pushed: "img:1", Instance: "1", Running: true})
	}
	step(engine.Observed{Resource: "web", Ready: true, Targets: seen})
	for _, id := range ids {
		step(engine.Attached{Target: id, Instance: "1"})
	}
	for _, live := range sent {
		step(engine.LiveDone{Target: live.Target, Batch: live.Batch})
	}
	sent = nil
	changed := engine.Changed{Images: map[string][]string{"img": {"/w/a"}}}
	p.news.Saved(state.Batch+1, concerned(changed), concerns(&state, changed), time.Unix(1, 0))
	step(changed)
	if len(sent) != 2 {
		t.Fatalf("sent %+v, want a live update of each container", sent)
	}
	last := func() *api.LastSave {
		s := status.Of(status.Facts{Project: project, State: &state})
		p.news.Follow(s, time.Unix(2, 0))
		return s.Resources[0].LastSave
	}
	applied := time.Unix(1, 5e6)
	step(engine.LiveDone{Target: sent[0].Target, Batch: sent[0].Batch, Stages: engine.LiveStages{Applied: applied}})
	if got, want := last().Text, "a: sent after 1 ms, on its way"; got != want {
		t.Errorf("one of two has it: %q, want %q", got, want)
	}
	step(engine.LiveDone{Target: sent[1].Target, Batch: sent[1].Batch, Stages: engine.LiveStages{Applied: applied.Add(4e6)}})
	if got, want := last().Text, "a: sent after 1 ms, applied 9 ms, ready 1.0 s"; got != want {
		t.Errorf("both have it: %q, want %q", got, want)
	}
}

// TestProgressFollowsASave has effects and events of one resource: what its last
// update, its container's last sync and the save are said to be.
func TestProgressFollowsASave(t *testing.T) {
	project := &config.Project{Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Images: []string{"img"}}}}
	target := engine.TargetID{Pod: "web-1"}
	state := new(engine.State)
	for _, e := range []engine.Event{engine.Configured{Project: project}, engine.Observed{Resource: "web", Targets: []engine.Seen{{ID: target}}}} {
		*state, _ = engine.Step(*state, e)
	}
	wrong := &config.Problem{Message: "no such file"}
	for name, test := range map[string]struct {
		effect engine.Effect
		event  engine.Event
		kind   string
		way    api.SaveWay
	}{
		"a build":            {engine.Build{Image: config.Image{Ref: "img"}}, engine.Built{Ref: "img"}, "build", api.WayBuild},
		"one that fails":     {engine.Build{Image: config.Image{Ref: "img"}}, engine.Built{Ref: "img", Problem: wrong}, "failed build", api.WayBuild},
		"a deploy":           {engine.Apply{Resource: project.Resources[0]}, engine.Observed{Resource: "web", Ready: true}, "deploy", api.WayNone},
		"one that fails too": {engine.Apply{Resource: project.Resources[0]}, engine.Applied{Resource: "web", Problem: wrong}, "failed deploy", api.WayNone},
		"a command":          {engine.RunLocal{Resource: project.Resources[0]}, engine.LocalDone{Resource: "web", Problem: wrong}, "failed local", api.WayBuild},
		"a live update":      {engine.Live{Target: target, Files: []engine.File{{Local: "/w/a"}}}, engine.LiveDone{Target: target}, "", api.WayLive},
		"one with a restart": {engine.Live{Target: target, Restart: true}, engine.LiveDone{Target: target}, "", api.WayRestart},
		"what is no update":  {engine.Detach{Target: target}, engine.Detached{Target: target}, "", api.WayNone},
	} {
		t.Run(name, func(t *testing.T) {
			p := progress{updates: newUpdates()}
			p.news.Saved(1, []string{"/w/a"}, []status.Concern{{Resource: "web"}}, time.Now())
			p.begins(state, test.effect, time.Now())
			p.ends(project, test.event)
			kind := ""
			if u := p.updates.resources["web"]; u != nil {
				kind = u.Kind
			}
			if kind != test.kind {
				t.Errorf("its last update is %q, want %q", kind, test.kind)
			}
			if _, live := test.effect.(engine.Live); live != (p.updates.synced[target] != nil) {
				t.Errorf("synced %v", p.updates.synced[target])
			}
			events := p.news.Follow(&api.Status{Up: true, Resources: []api.ResourceStatus{{Name: "web", State: api.StateUpdating}}}, time.Now())
			if len(events) == 0 || events[0].Save == nil || events[0].Save.To[0].Way != test.way {
				t.Errorf("the save went %+v, want %s", events, test.way)
			}
		})
	}
}
