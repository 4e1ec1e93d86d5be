package engine

import (
	"slices"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// wrote tells of changes to api's compiled files.
func wrote(names ...string) Changed {
	e := Changed{Images: map[string][]string{}}
	for _, n := range names {
		e.Images["api"] = append(e.Images["api"], "/w/build/"+n)
	}
	return e
}

// source is a save of what compile depends on.
func source() Changed { return Changed{Locals: []string{"compile"}} }

// compiled has api and web up, with all that there is in their containers.
func compiled(t *testing.T, change func(*config.Project)) *world {
	p := project()
	change(p)
	w := newWorld(t)
	w.do(Configured{Project: p})
	w.do(Wanted{})
	for _, e := range []Event{
		Built{Ref: "base", Pushed: "base:1"}, Built{Ref: "web", Pushed: "web:1"}, Applied{Resource: "web"},
		LocalDone{Resource: "compile"}, Observed{Resource: "compile", Ready: true},
		LocalDone{Resource: "between"}, Observed{Resource: "between", Ready: true},
		Built{Ref: "api", Pushed: "api:1"}, Applied{Resource: "api"},
	} {
		w.do(e)
	}
	w.attach("web", "i1")
	w.attach("api", "i1")
	return w
}

// attach brings up a container of a resource, and has all sent to it.
func (w *world) attach(name, instance string) {
	w.t.Helper()
	w.do(seen(name, name+"-1", name, name+":1", instance))
	w.do(Attached{Target: target(name + "-1"), Instance: instance})
	w.acknowledge(name + "-1")
}

// acknowledge ends the last live update.
func (w *world) acknowledge(pod string, want ...string) {
	w.t.Helper()
	w.want(LiveDone{Target: target(pod), Batch: w.live()}, want...)
}

func unchanged(*config.Project) {}

// independent has api not name the command that writes its files.
func independent(p *config.Project) { p.Resources[1].ResourceDeps = nil }

func TestWhatACommandWritesIsOneUpdate(t *testing.T) {
	stories := map[string]func(*config.Project){
		"named": unchanged,
		"named by what is named": func(p *config.Project) {
			p.Resources[1].ResourceDeps = []string{"between"}
			p.Resources = append(p.Resources, config.Resource{
				Name: "between", Kind: config.KindLocal, Enabled: true, AutoInit: true, Local: &config.Local{}, ResourceDeps: []string{"compile"},
			})
		},
	}
	for name, change := range stories {
		t.Run(name, func(t *testing.T) {
			w := compiled(t, change)
			w.want(source(), "run compile")
			w.want(wrote("a"))
			w.want(wrote("b"))
			w.want(wrote("a", "c"))
			w.want(LocalDone{Resource: "compile"}, "live api-1 /app/a /app/b /app/c restart")
			w.acknowledge("api-1")
			w.want(wrote("a"), "live api-1 /app/a restart") // by hand: nothing runs
		})
	}
}

// TestSavesBesideACommandGoAtOnce: what the command depends on, what an editor
// saved, and what other resources have is not its work.
func TestSavesBesideACommandGoAtOnce(t *testing.T) {
	w := compiled(t, unchanged)
	own := wrote("main.js")
	own.Locals, own.Own = []string{"compile"}, map[string][]string{"compile": {"/w/build/main.js"}}
	w.want(own, "run compile", "live api-1 /app/main.js restart")
	w.acknowledge("api-1")
	w.want(wrote("a"))
	saved := wrote("by-hand")
	saved.Saved = true
	w.want(saved, "live api-1 /app/by-hand restart")
	w.acknowledge("api-1")
	if InSync(w.state.Image("api"), w.state.Target(target("api-1"))) {
		t.Error("in sync without what is held")
	}
	w.want(Changed{Images: map[string][]string{"web": {"/w/web/x"}}}, "live web-1 /srv/x")
	w.acknowledge("web-1")
	w.want(LocalDone{Resource: "compile"}, "live api-1 /app/a restart")
	w.acknowledge("api-1")
	if !InSync(w.state.Image("api"), w.state.Target(target("api-1"))) {
		t.Error("not in sync at the end")
	}
}

// TestWhatChangedWithTheSourceWaits: a checkout changes both at once.
func TestWhatChangedWithTheSourceWaits(t *testing.T) {
	w := compiled(t, func(p *config.Project) { p.Images[2].LiveUpdate = nil })
	both := wrote("a")
	both.Locals = []string{"compile"}
	w.want(both, "run compile")
	w.want(LocalDone{Resource: "compile"}, "build api")

	w = compiled(t, unchanged)
	w.want(both, "run compile")
	w.want(LocalDone{Resource: "compile"}, "live api-1 /app/a restart")
}

func TestImageOfWhatIsBeingWrittenIsNotBuilt(t *testing.T) {
	w := compiled(t, func(p *config.Project) { p.Images[2].LiveUpdate = nil })
	w.want(source(), "run compile")
	w.want(wrote("a"))
	w.want(wrote("b"))
	w.want(LocalDone{Resource: "compile"}, "build api")
	w.want(Built{Ref: "api", Pushed: "api:2"}, "apply api api=api:2")

	w = compiled(t, func(p *config.Project) { p.Images[2].LiveUpdate = nil })
	w.want(source(), "run compile")
	w.want(wrote("a"))
	w.want(Triggered{Resource: "api"}, "build api") // a person need not wait
}

func TestWhatACommandWritesIsLearnt(t *testing.T) {
	w := compiled(t, independent)
	w.want(source(), "run compile")
	w.want(wrote("a"), "live api-1 /app/a restart") // nobody knows yet
	w.acknowledge("api-1")
	w.want(LocalDone{Resource: "compile"})
	w.want(source(), "run compile")
	w.want(wrote("a"))
	w.want(wrote("b"))
	w.want(LocalDone{Resource: "compile"}, "live api-1 /app/a /app/b restart")
	w.acknowledge("api-1")
	w.want(wrote("a"), "live api-1 /app/a restart") // without it: so others write there
	w.acknowledge("api-1")
	w.want(source(), "run compile")
	w.want(wrote("a"), "live api-1 /app/a restart")
}

func TestHalfWrittenFilesOfAFailedCommandAreHeld(t *testing.T) {
	failed := LocalDone{Resource: "compile", Problem: &config.Problem{Message: "exit 1"}}
	w := compiled(t, unchanged)
	w.want(source(), "run compile")
	w.want(wrote("a"))
	w.want(failed)
	if got := w.state.StaleBy("api"); got != "compile" {
		t.Errorf("stale by %q, want compile", got)
	}
	w.want(wrote("b"), "live api-1 /app/b restart") // by hand
	w.acknowledge("api-1")
	w.want(Observed{Resource: "api"}, "detach api-1")
	w.want(seen("api", "api-1", "api", "api:1", "i2"), "attach api-1")
	w.want(Attached{Target: target("api-1"), Instance: "i2"}, "live api-1 /app/b restart check")
	w.acknowledge("api-1")
	w.want(source(), "run compile")
	w.want(LocalDone{Resource: "compile"}, "live api-1 /app/a restart")

	w = compiled(t, unchanged)
	w.want(source(), "run compile")
	w.want(wrote("a"))
	w.want(failed)
	w.want(wrote("a"), "live api-1 /app/a restart") // mended by hand

	w = compiled(t, independent)
	w.state.setResource("compile", withOutputs(w.state.Resource("compile"), "/w/build"))
	w.want(source(), "run compile")
	w.want(wrote("a"))
	w.want(failed)
	if got := w.state.StaleBy("api"); got != "compile" {
		t.Errorf("by what was learnt: stale by %q, want compile", got)
	}
}

func withOutputs(r Resource, dirs ...string) Resource {
	r.Outputs = setOf(dirs)
	return r
}

// TestFailedUpdateBesideHeldFilesIsNotTriedForEver: what is held is no reason.
func TestFailedUpdateBesideHeldFilesIsNotTriedForEver(t *testing.T) {
	w := compiled(t, unchanged)
	w.want(source(), "run compile")
	w.want(wrote("a"))
	saved := wrote("by-hand")
	saved.Saved = true
	w.want(saved, "live api-1 /app/by-hand restart")
	w.want(LiveDone{Target: target("api-1"), Batch: w.live(), Problem: &config.Problem{Message: "exit 1"}})
	w.want(LocalDone{Resource: "compile"}, "live api-1 /app/a /app/by-hand restart")
}

// TestRestartInTheMiddle: what an interrupted command left waits for the one
// that the next daemon runs, a held application with it.
func TestRestartInTheMiddle(t *testing.T) {
	w := newWorld(t)
	w.do(Configured{Project: project()})
	spec := func(ref string) string { return w.state.Image(ref).Spec }
	w.want(Restored{Ref: "api", Spec: spec("api"), Pushed: "api:1", Dirty: []string{"/w/build/a"}})
	w.want(Restored{Ref: "base", Spec: spec("base"), Pushed: "base:1"})
	w.want(Restored{Ref: "web", Spec: spec("web"), Pushed: "web:1"})
	w.want(Wanted{}, "apply web web=web:1", "run compile")
	w.want(seen("api", "api-1", "api", "api:1", "i1"), "apply api api=api:1", "attach api-1")
	w.want(Attached{Target: target("api-1"), Instance: "i1"})
	w.want(wrote("b"))
	w.want(LocalDone{Resource: "compile"}, "live api-1 /app/a /app/b restart check")
}

// TestNobodyWaitsForACommandThatIsNoMore has commands that end in other ways.
func TestNobodyWaitsForACommandThatIsNoMore(t *testing.T) {
	without := project()
	without.Resources = slices.Clone(without.Resources[:2])
	loose := project()
	independent(loose)
	off := project()
	off.Resources[2].Enabled = false
	for name, story := range map[string]struct {
		event Event
		want  []string
	}{
		"removed":         {Configured{Project: without}, []string{"stop compile", "live api-1 /app/a restart"}},
		"disabled":        {Configured{Project: off}, []string{"stop compile", "live api-1 /app/a restart"}},
		"no longer named": {Configured{Project: loose}, []string{"live api-1 /app/a restart"}},
		"triggered":       {Triggered{Resource: "api"}, []string{"live api-1 /app/a restart"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := compiled(t, unchanged)
			w.want(source(), "run compile")
			w.want(wrote("a"))
			w.want(story.event, story.want...)
		})
	}
	w := compiled(t, unchanged)
	w.want(source(), "run compile")
	w.want(wrote("a"))
	w.do(Unwanted{})
	w.want(Wanted{}, "apply web web=web:1", "run compile")
	if by := holders(&w.state); len(by) != 0 {
		t.Errorf("after a down %q hold something", by)
	}
}
