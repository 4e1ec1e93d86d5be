package engine

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

// followed is web, which is synced or built, and a test of it.
func followed(t *testing.T, runAgain bool) *world {
	t.Helper()
	p := project()
	p.Resources = p.Resources[:1]
	p.Resources = append(p.Resources, config.Resource{Name: "e2e", Kind: config.KindLocal, Enabled: true, AutoInit: true, ResourceDeps: []string{"web"},
		Local: &config.Local{Cmd: config.Command{Argv: []string{"make"}}, Deps: []string{"/w/e2e", "/w/web"}}})
	p.Settings.Towline = map[string]any{"follow": []any{map[string]any{"resource": "e2e", "run_again": runAgain}}}
	w := newWorld(t)
	w.want(Configured{Project: p})
	w.want(Wanted{}, "build base")
	w.want(Built{Ref: "base", Pushed: "base:1"}, "build web")
	w.want(Built{Ref: "web", Pushed: "web:1"}, "apply web web=web:1")
	w.want(Applied{Resource: "web"})
	w.want(seen("web", "web-1", "web", "web:1", "i1"), "run e2e", "attach web-1")
	w.want(LocalDone{Resource: "e2e"})
	w.want(Observed{Resource: "e2e", Ready: true, Ended: true})
	w.want(Attached{Target: target("web-1"), Instance: "i1"}, "live web-1 check")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
	return w
}

// TestFollowerWaitsForTheNewest: what is saved in web and is the test's, too, is tested
// when web has it, by a sync, a build or a failure that was mended.
func TestFollowerWaitsForTheNewest(t *testing.T) {
	both := func(path string) Changed {
		return Changed{Images: map[string][]string{"web": {path}}, Locals: []string{"e2e"}}
	}
	w := followed(t, false)
	w.want(both("/w/web/index.html"), "live web-1 /srv/index.html")
	if waits := w.state.Waits("e2e"); !cmp.Equal(waits, []Wait{{Resource: "web"}}) {
		t.Errorf("e2e waits for %+v", waits)
	}
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()}, "run e2e")
	w.want(LocalDone{Resource: "e2e"})

	w.want(both("/w/web/package.json"), "build web")
	w.want(Built{Ref: "web", Problem: &config.Problem{Message: "no"}})
	w.want(both("/w/web/package.json"), "build web")
	w.want(Built{Ref: "web", Pushed: "web:2"}, "apply web web=web:2")
	w.want(Applied{Resource: "web"})
	w.want(Observed{Resource: "web"}, "detach web-1")
	w.want(seen("web", "web-2", "web", "web:2", "i2"), "run e2e", "attach web-2")
	w.want(LocalDone{Resource: "e2e"})
	if waits := w.state.Waits("e2e"); len(waits) > 0 {
		t.Errorf("with nothing to do e2e waits for %+v", waits)
	}

	// What does not concern it, and what a person asks for, goes on.
	w.want(changed("web", "/w/web/package.json"), "build web")
	w.want(Triggered{Resource: "e2e"}, "run e2e")
}

// TestFollowerRunsAgain: with each update of what it follows, once, and not for a crash
// of it.
func TestFollowerRunsAgain(t *testing.T) {
	w := followed(t, true)
	w.want(changed("web", "/w/web/index.html"), "live web-1 /srv/index.html")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()}, "run e2e")
	w.want(LocalDone{Resource: "e2e"})
	one := seen("web", "web-1", "web", "web:1", "i1")
	down := one
	down.Ready = false
	w.want(down)
	w.want(one)
	w.want(changed("web", "/w/web/package.json"), "build web")
	w.want(Built{Ref: "web", Pushed: "web:2"}, "apply web web=web:2")
	w.want(Applied{Resource: "web"})
	w.want(Observed{Resource: "web"}, "detach web-1")
	w.want(seen("web", "web-2", "web", "web:2", "i2"), "run e2e", "attach web-2")
}

// TestFollowersInARow: each waits for the one before it.
func TestFollowersInARow(t *testing.T) {
	command := func(name string, deps ...string) config.Resource {
		return config.Resource{Name: name, Kind: config.KindLocal, Enabled: true, AutoInit: true, ResourceDeps: deps,
			Local: &config.Local{Cmd: config.Command{Argv: []string{"make"}}, AllowParallel: true, Deps: []string{"/w/" + name}}}
	}
	p := &config.Project{Resources: []config.Resource{command("one"), command("two", "one"), command("three", "two")}}
	p.Settings.Towline = map[string]any{"follow": []any{
		map[string]any{"resource": "two", "run_again": true}, map[string]any{"resource": "three", "run_again": true},
	}}
	w := newWorld(t)
	w.want(Configured{Project: p})
	w.want(Wanted{}, "run one")
	ends := func(name string) []string {
		return slices.Concat(w.do(LocalDone{Resource: name}), w.do(Observed{Resource: name, Ready: true, Ended: true}))
	}
	for _, event := range []Event{nil, Changed{Locals: []string{"one"}}} {
		if event != nil {
			w.want(event, "run one")
		}
		for _, next := range [][]string{{"one", "run two"}, {"two", "run three"}, {"three"}} {
			if got := ends(next[0]); !slices.Equal(got, next[1:]) {
				t.Errorf("after %s: %q, want %q", next[0], got, next[1:])
			}
		}
	}
	w.want(Changed{Locals: []string{"one", "two", "three"}}, "run one")
}
