package daemon

import (
	"fmt"
	"os"
	"testing"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// TestWhatWasSentUnnoted: beside a journal that misses files, the container is
// asked what it was brought. What is not here is deleted there, but for a whole
// folder, which is asked about first; what no step syncs is left alone.
func TestWhatWasSentUnnoted(t *testing.T) {
	inBubble(t, &ground{root: t.TempDir() + "/src", limit: 100}, nil, func(g *ground) {
		g.write("app/here", "1")
		g.must(os.Mkdir(g.path("app/folder"), 0o755))
		p := &config.Project{Settings: config.Settings{MaxParallelUpdates: 3}, Resources: []config.Resource{{
			Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true,
			CustomDeploy: &config.CustomDeploy{Deps: []string{g.path("app"), g.path("empty")}, LiveUpdate: []config.Step{
				{Kind: config.StepSync, Local: g.path("app"), Remote: "/app"}, {Kind: config.StepSync, Local: g.path("empty"), Remote: "/empty"},
			}},
		}}}
		ref := p.LiveImages()[0].Ref
		id := engine.TargetID{Namespace: "n", Pod: "web-1", Container: "c"}
		for _, all := range []bool{false, true} {
			g.core(func(c *core) {
				var did []engine.Effect
				last := func() engine.Live { l, _ := did[len(did)-1].(engine.Live); return l }
				c.tiltfile.good, c.session.runner, c.state, c.store.all = p, performer{did: &did}, engine.State{}, all
				c.sources.follow(p, nil, nil)
				c.configure()
				c.restore()
				c.step(engine.Wanted{})
				c.step(engine.Applied{Resource: "web"})
				c.step(engine.Observed{Resource: "web", Ready: true, Targets: []engine.Seen{{ID: id, Image: ref, Pushed: ref, Instance: "i", Running: true}}})
				c.step(engine.Attached{Target: id, Instance: "i"})
				if last().Recall != all {
					t.Fatalf("any file may have been sent: %v, and the container is asked: %v", all, last().Recall)
				}
				if !all {
					return
				}
				stray := []string{g.path("app/gone"), g.path("elsewhere"), g.path("app/folder")}
				for i := range 10 {
					stray = append(stray, g.path(fmt.Sprint("empty/", i)))
				}
				c.event(engine.LiveDone{Target: id, Batch: last().Batch, Brought: append(stray, g.path("app/here"))})
				if l := last(); l.Check || len(l.Files) != 2 || l.Files[0].Local != g.path("app/folder") || l.Files[1].Remote != "/app/gone" || !l.Files[0].Gone || !l.Files[1].Gone {
					t.Errorf("then follows a check: %v, with %d files, want that app/gone is deleted, and what app/folder was", l.Check, len(l.Files))
				}
				if asks := c.sources.asks(); len(asks) != 1 {
					t.Errorf("asked is %+v, want whether the emptied folder is to be emptied there", asks)
				}
			})
		}
	})
}
