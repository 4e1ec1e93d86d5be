package daemon

import (
	"fmt"
	"strings"
	"testing"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/server/status"
	"github.com/towline-dev/towline/starlark/config"
)

// TestACrashHasItsLastWords in the status, though the log comes after the news of
// the crash; they are no part of the message, which is told once.
func TestACrashHasItsLastWords(t *testing.T) {
	id := engine.TargetID{Namespace: "n", Pod: "web-1", Container: "app"}
	for what, test := range map[string]struct {
		message string
		process wire.Process
	}{
		"below an agent": {"web-1: the process ended: exit code 2", wire.Process{State: wire.StateBackoff}},
		"without one":    {"web-1: container app crashes again and again (exit code 2)", wire.Process{}},
	} {
		t.Run(what, func(t *testing.T) {
			s := newStand(t)
			log := sink{shared: s.shared, queue: s.queue}
			s.queue.put(func(c *core) {
				p := &config.Project{Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"web"}}},
					Images: []config.Image{{Ref: "web", Builder: config.BuilderDocker}}, Settings: config.Settings{MaxParallelUpdates: 1}}
				var did []engine.Effect
				c.tiltfile.good, c.session.runner, c.state = p, performer{did: &did}, engine.State{}
				c.step(engine.Configured{Project: p})
				c.step(engine.Wanted{})
				c.step(engine.Built{Ref: "web", Pushed: "web:1"})
				c.step(engine.Applied{Resource: "web"})
				c.session.targets[id] = status.Target{Process: test.process}
				c.step(engine.Observed{Resource: "web", Broken: true, Message: test.message, Targets: []engine.Seen{{ID: id, Image: "web", Pushed: "web:1", Instance: "i", Running: true}}})
			})
			web := func(s *api.Status) *api.ResourceStatus {
				for i := range s.Resources {
					if s.Resources[i].Problem != nil {
						return &s.Resources[i]
					}
				}
				return nil
			}
			s.await("it crashed", func(s *api.Status) bool { return web(s) != nil })
			for i, container := range []string{"app", "sidecar"} {
				log.Log(run.Line{Resource: "web", Source: "runtime", Namespace: "n", Pod: "web-1", Container: container, Text: fmt.Sprintf("words %d", i)})
			}
			now := s.await("its words are known", func(s *api.Status) bool { return strings.Contains(web(s).Problem.Hint, "said last") })
			if p := web(now).Problem; p.Message != test.message || !strings.Contains(p.Hint, `"words 0"`) || !strings.Contains(p.Hint, "towline logs web") {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestOneNameInAnother: the pod web-10 has not said what web-1 did.
func TestOneNameInAnother(t *testing.T) {
	for _, test := range []struct {
		sentence, name string
		speaks         bool
	}{
		{"web-1: container web has exited", "web-1", true},
		{"web-10: container web has exited", "web-1", false},
		{"pod web-1.", "web-1", true},
		{"my-web-1 has exited", "web-1", false},
		{"web-10 beside web-1", "web-1", true},
		{"webweb-1", "web-1", false},
		{"container web has exited", "container web", true},
		{"container webber has exited", "container web", false},
		{"nothing", "", false},
	} {
		if got := speaksOf(test.sentence, test.name); got != test.speaks {
			t.Errorf("%q speaks of %q: %v", test.sentence, test.name, got)
		}
	}
}
