package daemon

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// TestTypedIntoASave: what an editor says of its file is of the save that the file is
// in, and of no other.
func TestTypedIntoASave(t *testing.T) {
	inBubble(t, &ground{root: t.TempDir() + "/src", limit: 100}, nil, func(g *ground) {
		g.write("main.go", "old")
		p := &config.Project{
			Images:    []config.Image{{Ref: "web", Deps: []string{g.root}}},
			Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"web"}}},
		}
		g.core(func(c *core) {
			c.tiltfile.good = p
			c.sources.follow(p, nil, nil)
			c.step(engine.Configured{Project: p})
			c.step(engine.Wanted{})
		})
		synctest.Wait()
		typed := time.Now()
		time.Sleep(time.Second)
		g.write("main.go", "new")
		g.core(func(c *core) {
			path := g.path("main.go")
			c.hint([]string{path}, true)
			c.typed([]string{g.path("other.go")}, typed.Add(time.Millisecond))
			c.typed([]string{path}, typed)
			status := &api.Status{Up: true, Resources: []api.ResourceStatus{{Name: "web", State: api.StateBuilding}}}
			for _, e := range c.progress.news.Follow(status, time.Now()) {
				if e.Save != nil {
					if at := e.Save.At[api.SaveTyped]; !at.Equal(typed) {
						g.must(fmt.Errorf("typed at %s, and the save has %v", typed, e.Save.At))
					}
					return
				}
			}
			g.must(fmt.Errorf("no save is told"))
		})
	})
}
