package daemon

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// TestEmptiedFolder removes all files of a folder at once.
func TestEmptiedFolder(t *testing.T) {
	answer := func(c *core, id, choice string) error { return c.answer(api.AnswerRequest{ID: id, Choice: choice}) }
	for what, test := range map[string]struct {
		files   int
		confirm func(g *ground)
		want    int // deletions that are planned in the end
	}{
		"nobody confirms": {30, func(*ground) {}, 0},
		"a save": {30, func(g *ground) {
			g.core(func(c *core) { c.hint([]string{g.path("elsewhere")}, true) })
		}, 30},
		"an answer": {30, func(g *ground) {
			g.core(func(c *core) {
				asks := c.sources.asks()
				if len(asks) != 1 || !asks[0].Danger || answer(c, "delete:api", "delete") == nil || answer(c, asks[0].ID, "keep") == nil {
					g.must(fmt.Errorf("asked is %+v, or a wrong answer is taken", asks))
					return
				}
				g.must(answer(c, asks[0].ID, asks[0].Choices[0]))
				if err := answer(c, asks[0].ID, asks[0].Choices[0]); err == nil || !strings.Contains(err.Error(), "answered already") {
					g.must(fmt.Errorf("answered twice: %w", err))
				}
				if again := c.sources.asks(); len(again) > 0 {
					g.must(fmt.Errorf("it is asked again: %+v", again))
				}
			})
		}, 30},
		"all came back": {30, func(g *ground) {
			for i := range 30 {
				g.write(fmt.Sprint("f", i), fmt.Sprint("content ", i))
			}
			g.core(func(c *core) {
				c.hint([]string{g.root}, false)
				if asks := c.sources.asks(); len(asks) > 0 {
					g.must(fmt.Errorf("still asked: %+v", asks))
				}
			})
		}, 30},
		"a trigger": {30, func(g *ground) { g.core((*core).confirm) }, 30},
		"some came back": {30, func(g *ground) {
			g.write("f1", "content 1")
			g.write("f2", "other")
			g.core(func(c *core) { c.hint([]string{g.root}, false); c.confirm() })
		}, 30}, // 28 that went, and two that came
		"few files": {3, func(*ground) {}, 3},
	} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, &ground{root: t.TempDir() + "/src", limit: 100}, nil, func(g *ground) {
				for i := range test.files {
					g.write(fmt.Sprint("f", i), fmt.Sprint("content ", i))
				}
				p := &config.Project{Images: []config.Image{{Ref: "web", Deps: []string{g.root}}}}
				dirty := func() (n int) {
					g.core(func(c *core) { n = len(c.state.Image("web").Dirty) })
					return n
				}
				g.core(func(c *core) {
					c.tiltfile.good = p
					c.sources.follow(p, nil, nil)
					c.step(engine.Configured{Project: p})
				})
				g.must(os.RemoveAll(g.root))
				time.Sleep(2 * watchedPause)
				synctest.Wait()
				if got := dirty(); test.files >= emptiedFrom && got != 0 {
					t.Errorf("%d deletions are planned before anybody confirms", got)
				}
				test.confirm(g)
				if got := dirty(); got != test.want {
					t.Errorf("%d changes are planned, want %d", got, test.want)
				}
			})
		})
	}
}
