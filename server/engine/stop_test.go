package engine

import (
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

func changed(ref string, paths ...string) Changed {
	return Changed{Images: map[string][]string{ref: paths}}
}

// TestStaleBuildGivesWay: a build that another one would have to follow is ended,
// and made anew with the newest files, but not for ever.
func TestStaleBuildGivesWay(t *testing.T) {
	w := up(t)
	w.want(changed("web", "/w/web/package.json"), "build web")
	for range mostStops {
		w.want(changed("web", "/w/web/package.json"), "stop build web")
		w.want(changed("web", "/w/web/package.json")) // it is being ended
		w.want(Built{Ref: "web", Stopped: true}, "build web")
	}
	w.want(changed("web", "/w/web/package.json"))
	w.want(Built{Ref: "web", Pushed: "web:2"}, "build web")
	w.want(changed("web", "/w/web/package.json"), "stop build web")
	w.want(Built{Ref: "web", Pushed: "web:3"}, "build web") // it came too late
	w.want(Built{Ref: "web", Pushed: "web:4"}, "apply web web=web:4")
}

// TestBuildIsNotEndedForWhatCanWait: what can be synced when a build has ended, what
// a command is still writing, and what a person decides, is no reason to end it.
func TestBuildIsNotEndedForWhatCanWait(t *testing.T) {
	w := up(t)
	w.want(changed("web", "/w/web/package.json"), "build web")
	w.want(changed("web", "/w/web/index.html"))
	w.want(changed("base", "/w/base/x"), "build base") // what is built from it is built anew then

	w = newWorld(t)
	p := project()
	p.Images[2].LiveUpdate = nil
	w.want(Configured{Project: p})
	w.want(Wanted{}, "build base", "run compile")
	w.want(LocalDone{Resource: "compile"})
	w.want(Observed{Resource: "compile", Ready: true}, "build api")
	w.want(Changed{Images: map[string][]string{"api": {"/w/build/main"}}, Locals: []string{"compile"}}, "run compile")
	w.want(changed("api", "/w/build/main"))

	w = up(t)
	w.want(changed("web", "/w/web/package.json"), "build web")
	w.want(Switched{On: map[string]bool{"web": false}}, "stop web", "detach web-1")
	w.want(changed("web", "/w/web/package.json")) // nobody wants it
}

// TestBuildsElsewhere: what failed is built again where images are built in another place
// from now on.
func TestBuildsElsewhere(t *testing.T) {
	w := up(t)
	w.want(changed("web", "/w/web/package.json"), "build web")
	w.want(Built{Ref: "web", Problem: &config.Problem{Message: "docker does not answer"}})
	w.want(Configured{Project: project()})
	p := project()
	p.Settings.Towline = map[string]any{"builder": []any{map[string]any{"where": "cluster"}}}
	w.want(Configured{Project: p}, "build web")
}

// TestBuildIsNoCureForWhatItDoesNotChange: a live update that fails leads to a build; one
// that gives the same image is not tried for ever.
func TestBuildIsNoCureForWhatItDoesNotChange(t *testing.T) {
	full := &config.Problem{Message: "no space left on device"}
	w := up(t)
	for range 2 {
		w.want(changed("web", "/w/web/a"), "live web-1 /srv/a")
		w.want(LiveDone{Target: target("web-1"), Batch: w.live(), Problem: full, Rebuild: true}, "build web")
		w.want(Built{Ref: "web", Pushed: "web:1"}, "live web-1 /srv/a")
		w.want(LiveDone{Target: target("web-1"), Batch: w.live(), Problem: full, Rebuild: true})
		if f := w.state.Target(target("web-1")).Failed; f == nil || f.Problem.Message != full.Message {
			t.Errorf("it failed by %+v", f)
		}
	}
	w.want(changed("web", "/w/web/a"), "live web-1 /srv/a")
	w.want(LiveDone{Target: target("web-1"), Batch: w.live()})
}

// TestAnotherSpecEndsABuild: what the Tiltfile says of an image changes while it is
// being built.
func TestAnotherSpecEndsABuild(t *testing.T) {
	w := up(t)
	w.want(changed("web", "/w/web/package.json"), "build web")
	p := project()
	p.Images[1].Target = "other"
	w.want(Configured{Project: p}, "stop build web")
	w.want(Built{Ref: "web", Stopped: true}, "build web")
}

// TestBuildThatLackedSomethingIsTriedAgain: only what may come back is, and as the
// same build while no file has changed.
func TestBuildThatLackedSomethingIsTriedAgain(t *testing.T) {
	problem := &config.Problem{Message: "docker does not answer"}
	again := func(w *world) bool { return len(w.effects) == 1 && w.effects[0].(Build).Again }
	w := up(t)
	w.want(changed("web", "/w/web/package.json"), "build web")
	w.want(Built{Ref: "web", Problem: problem, Passing: true})
	for range 3 {
		w.want(RetryBuild{Ref: "web"}, "build web")
		if !again(w) {
			t.Error("it is told as another build")
		}
		w.want(RetryBuild{Ref: "web"})
		w.want(Built{Ref: "web", Problem: problem, Passing: true})
	}
	w.want(changed("web", "/w/web/package.json"), "build web")
	if again(w) {
		t.Error("a build of newer files is told as the same one")
	}
	w.want(Built{Ref: "web", Problem: problem})
	w.want(RetryBuild{Ref: "web"}) // it failed for what it reads
	w.want(changed("web", "/w/web/package.json"), "build web")
	w.want(Built{Ref: "web", Pushed: "web:2"}, "apply web web=web:2")
	w.want(RetryBuild{Ref: "web"})
}
