package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// TestWhatLinksLeadToIsWatched: a change behind a link that leads out of the
// synced folder is one of the link, as soon as the system tells of it.
func TestWhatLinksLeadToIsWatched(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inBubble(t, &ground{root: filepath.Join(dir, "src"), limit: 100}, nil, func(g *ground) {
		g.write("own", "own")
		g.write("../shared/f", "f")
		g.write("../lib/deep/x", "x")
		for link, to := range map[string]string{"f": "../hop", "../hop": "shared/f", "lib": "../lib", "later": "../more/later"} {
			g.must(os.Symlink(to, g.path(link)))
		}
		p := &config.Project{Tiltfile: filepath.Join(dir, "Tiltfile"), Images: []config.Image{{
			Ref: "web", Deps: []string{g.root}, LiveUpdate: []config.Step{{Kind: config.StepSync, Local: g.root, Remote: "/srv"}},
		}}}
		g.core(func(c *core) {
			c.tiltfile.good = p
			c.sources.follow(p, nil, nil)
			c.step(engine.Configured{Project: p})
		})
		time.Sleep(time.Minute + time.Second) // no sweep is due in this moment
		synctest.Wait()
		for _, step := range []struct {
			what, want string
			do         func()
		}{
			{"a file", "f", func() { g.write("../shared/f", "f 2"); g.ring(fsnotify.Write, "../shared/f") }},
			{"a file below a folder", "lib/deep/x", func() { g.write("../lib/deep/x", "x 2"); g.ring(fsnotify.Write, "../lib/deep/x") }},
			{"a new folder below one", "lib/new/y", func() { g.write("../lib/new/y", "y"); g.ring(fsnotify.Create, "../lib/new") }},
			{"in the new folder", "lib/new/z", func() { g.write("../lib/new/z", "z"); g.ring(fsnotify.Create, "../lib/new/z") }},
			{"a link in the middle", "f", func() {
				g.must(os.Remove(g.path("../hop")))
				g.must(os.Symlink("own-less", g.path("../hop")))
				g.ring(fsnotify.Create, "../hop")
			}},
			{"what the link in the middle leads to now", "f", func() { g.write("../own-less", "f 3"); g.ring(fsnotify.Create, "../own-less") }},
			{"what was not there", "later", func() {
				g.must(os.Mkdir(g.path("../more"), 0o755))
				g.ring(fsnotify.Create, "../more")
				g.write("../more/later", "later")
				g.ring(fsnotify.Create, "../more/later")
			}},
			{"a new link", "z", func() { g.must(os.Symlink("../shared/f", g.path("z"))); g.ring(fsnotify.Create, "z") }},
			{"what the new link leads to", "z", func() { g.write("../shared/f", "f 4"); g.ring(fsnotify.Write, "../shared/f") }},
		} {
			g.core(func(c *core) { clear(c.state.Image("web").Dirty) })
			step.do()
			time.Sleep(10 * quiet)
			synctest.Wait()
			var got []string
			g.core(func(c *core) {
				for path := range c.state.Image("web").Dirty {
					got = append(got, strings.TrimPrefix(path, g.root+"/"))
				}
			})
			slices.Sort(got)
			if is := strings.Join(got, " "); is != step.want {
				t.Errorf("%s: changed is %q, want %q", step.what, is, step.want)
			}
		}
	})
}

// TestWarningsAreTheResources: a link that is not followed, and a name that is
// left out, are told to those who depend on them, and to nobody else.
func TestWarningsAreTheResources(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	away := t.TempDir()
	inBubble(t, &ground{root: filepath.Join(dir, "src"), limit: 100}, nil, func(g *ground) {
		for _, name := range []string{"web/f", "db/f", "chart/f", "tool/f", "tool/\xff"} {
			g.write(name, "f")
		}
		for _, name := range []string{"web/link", "chart/link"} {
			g.must(os.Symlink(away, g.path(name)))
		}
		synced := func(name string) []config.Step {
			return []config.Step{{Kind: config.StepSync, Local: g.path(name), Remote: "/srv"}}
		}
		p := &config.Project{
			Tiltfile: filepath.Join(dir, "Tiltfile"),
			Images: []config.Image{
				{Ref: "web", Deps: []string{g.path("web")}, LiveUpdate: synced("web")},
				{Ref: "db", Deps: []string{g.path("db")}, LiveUpdate: synced("db")},
			},
			Resources: []config.Resource{
				{Name: "front end", Kind: config.KindK8s, Images: []string{"web"}}, {Name: "db", Kind: config.KindK8s, Images: []string{"db"}},
				{Name: "chart", Kind: config.KindK8s, CustomDeploy: &config.CustomDeploy{Deps: []string{g.path("chart")}, LiveUpdate: synced("chart")}},
				{Name: "tool", Kind: config.KindLocal, Local: &config.Local{Deps: []string{g.path("tool")}}},
			},
		}
		g.core(func(c *core) { c.tiltfile.good = p; c.sources.follow(p, nil, nil) })
		var got []string
		for _, l := range g.d.logged() {
			what, _, _ := strings.Cut(strings.ReplaceAll(l.Text, g.root, ""), ": ")
			got = append(got, l.Level+" "+l.Resource+": "+what)
		}
		slices.Sort(got)
		want := []string{
			"warn chart: /chart/link", "warn front end: /web/link",
			"warn tool: files whose names, or the names that they link to, are not UTF-8 are left out of live updates",
		}
		if !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}
