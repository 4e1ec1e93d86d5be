package daemon

import (
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/status"
	"github.com/towline-dev/towline/starlark/config"
)

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
