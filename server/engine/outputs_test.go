package engine

import (
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// declared has compile declare what it writes, nobody name it, and pack, a
// command, and ship, a k8s_custom_deploy, read it as well.
func declared(p *config.Project) {
	independent(p)
	p.Resources[2].Local.Outputs = []string{"/w/build"}
	p.Resources[2].Local.AllowParallel = true
	p.Resources = append(p.Resources,
		config.Resource{Name: "pack", Kind: config.KindLocal, Enabled: true, AutoInit: true, Local: &config.Local{
			Cmd: config.Command{Argv: []string{"tar"}}, Deps: []string{"/w"}, AllowParallel: true,
		}},
		config.Resource{Name: "ship", Kind: config.KindK8s, Enabled: true, AutoInit: true, CustomDeploy: &config.CustomDeploy{Deps: []string{"/w/build/out"}}},
	)
	p.Settings.MaxParallelUpdates = 9
}

// wroteFor is wrote with the resources whose own files these are.
func wroteFor(resources []string, names ...string) Changed {
	e := wrote(names...)
	e.Locals, e.Own = resources, map[string][]string{}
	for _, r := range resources {
		e.Own[r] = e.Images["api"]
	}
	return e
}

// TestWhatReadsDeclaredOutputsComesAfterTheFirstRun: though nobody names it.
func TestWhatReadsDeclaredOutputsComesAfterTheFirstRun(t *testing.T) {
	p := project()
	declared(p)
	w := newWorld(t)
	w.do(Configured{Project: p})
	w.want(Wanted{Resources: []string{"api", "pack", "ship"}}, "run compile")
	if waits := w.state.Waits("pack"); len(waits) != 1 || waits[0].Resource != "compile" {
		t.Errorf("pack waits for %+v", waits)
	}
	w.want(wroteFor([]string{"pack", "ship"}, "out"))
	w.want(LocalDone{Resource: "compile"})
	w.want(Observed{Resource: "compile", Ready: true}, "build api", "run pack", "apply ship ")
}

func TestDeclaredOutputsAreHeldUntilTheEnd(t *testing.T) {
	both := []string{"pack", "ship"}
	up := func(t *testing.T) *world {
		w := compiled(t, declared)
		for _, e := range []Event{
			LocalDone{Resource: "pack"}, Observed{Resource: "pack", Ready: true}, Applied{Resource: "ship"}, Observed{Resource: "ship", Ready: true},
		} {
			w.do(e)
		}
		return w
	}
	t.Run("from the first time", func(t *testing.T) {
		w := up(t)
		w.want(source(), "run compile")
		w.want(wroteFor(both, "a"))
		saved := wroteFor(both, "b")
		saved.Saved = true // a person who writes there loses it again
		w.want(saved)
		w.want(LocalDone{Resource: "compile"}, "run pack", "apply ship ", "live api-1 /app/a /app/b restart")
		w.acknowledge("api-1")
		w.do(LocalDone{Resource: "pack"})
		w.do(Applied{Resource: "ship"})
		w.want(wroteFor(both, "a"), "run pack", "apply ship ", "live api-1 /app/a restart") // by hand: nothing runs
	})
	t.Run("what was saved elsewhere runs no reader beside it", func(t *testing.T) {
		w := up(t)
		w.want(source(), "run compile")
		w.want(Changed{Locals: []string{"pack"}, Own: map[string][]string{"pack": {"/w/notes"}}})
		w.want(Triggered{Resource: "pack"}, "run pack") // a person need not wait
		w.do(LocalDone{Resource: "pack"})
		w.want(LocalDone{Resource: "compile"})
	})
	t.Run("of a command that fails", func(t *testing.T) {
		w := up(t)
		w.want(source(), "run compile")
		w.want(wroteFor([]string{"pack"}, "a"))
		w.want(LocalDone{Resource: "compile", Problem: &config.Problem{Message: "exit 1"}})
		for _, name := range []string{"api", "pack"} {
			if got := w.state.StaleBy(name); got != "compile" {
				t.Errorf("%s is stale by %q, want compile", name, got)
			}
		}
		w.want(source(), "run compile")
		w.want(LocalDone{Resource: "compile"}, "run pack", "live api-1 /app/a restart")
	})
	t.Run("of a command that leaves", func(t *testing.T) {
		w := up(t)
		w.want(source(), "run compile")
		w.want(wroteFor([]string{"pack"}, "a"))
		p := project()
		declared(p)
		p.Resources[2].Enabled = false
		w.want(Configured{Project: p}, "stop compile", "run pack", "live api-1 /app/a restart")
	})
	t.Run("no other folder is held", func(t *testing.T) {
		w := compiled(t, func(p *config.Project) { p.Resources[2].Local.Outputs = []string{"/w/build/sub"} }) // api names it, too
		w.want(source(), "run compile")
		w.want(wrote("a"), "live api-1 /app/a restart")
		w.acknowledge("api-1")
		w.want(wrote("sub/b"))
		w.want(LocalDone{Resource: "compile"}, "live api-1 /app/sub/b restart")
	})
}

// TestWhoReadsDeclaredOutputs: by what is watched, less what is ignored, and in no
// circle.
func TestWhoReadsDeclaredOutputs(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*config.Project)
		wait   bool
	}{
		"its image":       {func(*config.Project) {}, true},
		"a folder above":  {func(p *config.Project) { p.Images[2].Deps = []string{"/w"} }, true},
		"a file below":    {func(p *config.Project) { p.Images[2].Deps, p.Images[2].LiveUpdate = []string{"/w/build/x/y"}, nil }, true},
		"a synced folder": {func(p *config.Project) { p.Images[2].Deps = []string{"/w/api"} }, true},
		"another folder":  {func(p *config.Project) { p.Images[2].Deps, p.Images[2].LiveUpdate = []string{"/w/builder"}, nil }, false},
		"ignored": {func(p *config.Project) {
			p.Images[2].Deps, p.Images[2].LiveUpdate, p.Images[2].Ignores = []string{"/w"}, nil, []config.Ignore{{Base: "/w", Patterns: []string{"build"}}}
		}, false},
		"not among the only":   {func(p *config.Project) { p.Images[2].Deps, p.Images[2].Only = []string{"/w"}, []string{"/w/src"} }, false},
		"a command that waits": {func(p *config.Project) { p.Resources[2].ResourceDeps = []string{"api"} }, false},
		"only by a trigger":    {func(p *config.Project) { p.Resources[2].AutoInit = false }, false},
	} {
		p := project()
		independent(p)
		p.Resources[2].Local.Outputs = []string{"/w/build"}
		p.Settings.MaxParallelUpdates = 9
		test.change(p)
		w := newWorld(t)
		w.do(Configured{Project: p})
		w.do(Wanted{})
		if waits := w.state.Waits("api"); len(waits) == 1 != test.wait {
			t.Errorf("%s: api waits for %+v", name, waits)
		}
	}
}
