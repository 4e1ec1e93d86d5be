package daemon

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// TestWhatACommandMayHaveWritten changes files while a command runs: what it
// depends on, what its ignore leaves out of that, and what an editor saves.
func TestWhatACommandMayHaveWritten(t *testing.T) {
	inBubble(t, &ground{root: t.TempDir() + "/src", limit: 100}, nil, func(g *ground) {
		names := []string{"main", "out/a", "out/saved"}
		g.must(os.MkdirAll(g.path("out"), 0o755))
		for _, name := range names {
			g.write(name, "before")
		}
		p := &config.Project{
			Images: []config.Image{{Ref: "web", Deps: []string{g.root}}},
			Resources: []config.Resource{{
				Name: "compile", Kind: config.KindLocal, Enabled: true, AutoInit: true,
				Local: &config.Local{Cmd: config.Command{Argv: []string{"make"}}, Deps: []string{g.root}, Ignore: []config.Ignore{{Base: g.root, Patterns: []string{"out"}}}},
			}},
		}
		g.core(func(c *core) {
			c.tiltfile.good = p
			c.sources.follow(p, nil, nil)
			c.step(engine.Configured{Project: p})
			c.step(engine.Wanted{})
			g.write("out/saved", "after")
			c.hint([]string{g.path("out/saved")}, true)
		})
		g.write("main", "after")
		g.write("out/a", "after")
		time.Sleep(2 * watchedPause)
		synctest.Wait()
		g.core(func(c *core) {
			if n := len(c.state.Image("web").Dirty); n != len(names) {
				t.Errorf("%d files changed, want %d", n, len(names))
			}
			writing := c.state.Resource("compile").Writing
			if _, ok := writing[g.path("out/a")]; !ok || len(writing) != 1 {
				t.Errorf("taken for the command's work: %v, want out/a alone", writing)
			}
		})
	})
}
