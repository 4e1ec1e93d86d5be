package engine

import "testing"

// TestSwitched: a person turns resources off and on; the Tiltfile is evaluated
// again in between.
func TestSwitched(t *testing.T) {
	w := newWorld(t)
	w.want(Configured{Project: project()})
	w.want(Wanted{}, "build base", "run compile")
	w.want(Switched{On: map[string]bool{"web": false}}, "stop web")
	if w.state.Resource("web").Wanted || !w.state.SwitchedOff("web") || w.state.SwitchedOff("api") {
		t.Errorf("web is turned off: %+v", w.state.Resource("web"))
	}
	w.want(Built{Ref: "base", Pushed: "base:1"}) // nobody wants web
	w.want(Configured{Project: project()})
	if w.state.Resource("web").Wanted {
		t.Error("an evaluation turned web on again")
	}
	w.want(Wanted{})
	if w.state.Resource("web").Wanted {
		t.Error("another up turned web on again")
	}
	w.want(Switched{On: map[string]bool{"web": true}}, "build web")
	// api needs compile: it is turned on with it, unless that was turned off.
	w.want(Switched{On: map[string]bool{"compile": false, "api": false}}, "stop api", "stop compile")
	w.do(Switched{On: map[string]bool{"api": true}})
	if !w.state.Resource("compile").Wanted || !w.state.Resource("api").Wanted {
		t.Errorf("what api needs is not on: %+v", w.state.Resource("web"))
	}
	w.do(Switched{On: map[string]bool{"compile": false, "api": true}})
	if w.state.Resource("compile").Wanted || !w.state.Resource("api").Wanted {
		t.Errorf("what was turned off is on: %+v", w.state.Resource("web"))
	}
	w.do(Unwanted{})
	if len(w.state.Switched) > 0 {
		t.Error("a down does not forget it")
	}
}

// TestSwitchedBesideNames: up named web alone; api joins it.
func TestSwitchedBesideNames(t *testing.T) {
	w := newWorld(t)
	w.want(Configured{Project: project()})
	w.want(Wanted{Resources: []string{"web"}}, "build base")
	w.do(Switched{On: map[string]bool{"api": true}})
	for _, name := range []string{"web", "api", "compile"} {
		if !w.state.Resource(name).Wanted {
			t.Errorf("%s is not on", name)
		}
	}
	w.do(Switched{On: map[string]bool{"gone": true}})
	if w.state.Resource("api").Wanted {
		t.Error("api stays on though only a resource that is there no more is switched")
	}
}
