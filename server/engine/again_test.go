package engine

import (
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestAskedAgain: a second request runs again what failed, of each kind, once;
// one that is about other resources does not.
func TestAskedAgain(t *testing.T) {
	failed := &config.Problem{Message: "exit status 1"}
	changed := func(paths ...string) Changed { return Changed{Images: map[string][]string{"web": paths}} }
	for name, test := range map[string]struct {
		fail  func(w *world)
		again string
		of    string
	}{
		"an image": {func(w *world) {
			w.want(changed("/w/web/package.json"), "build web")
			w.want(Built{Ref: "web", Problem: failed})
		}, "build web", "web"},
		"a base": {func(w *world) {
			w.want(Changed{Images: map[string][]string{"base": {"/w/base/x"}}}, "build base")
			w.want(Built{Ref: "base", Problem: failed})
		}, "build base", "web"},
		"an apply": {func(w *world) {
			p := project()
			p.YAML = []config.Object{{Key: "web:service", Resource: "web"}}
			w.want(Configured{Project: p}, "apply web web=web:1")
			w.want(Applied{Resource: "web", Problem: failed})
		}, "apply web web=web:1", "web"},
		"a live update": {func(w *world) {
			w.want(changed("/w/web/a"), "live web-1 /srv/a")
			w.want(LiveDone{Target: target("web-1"), Batch: w.live(), Problem: failed})
		}, "live web-1 /srv/a", "web"},
		"a command": {func(w *world) { w.want(LocalDone{Resource: "compile", Problem: failed}) }, "run compile", "compile"},
		"a server that ended": {func(w *world) {
			w.want(LocalDone{Resource: "compile"})
			w.want(Observed{Resource: "compile", Broken: true, Message: "the serve command ended"})
		}, "run compile", "compile"},
	} {
		t.Run(name, func(t *testing.T) {
			w := up(t)
			test.fail(w)
			other := map[string]string{"web": "compile", "compile": "web"}[test.of]
			w.want(Wanted{Resources: []string{other}})
			w.want(Wanted{}, test.again)
			w.want(Wanted{}) // it goes on
		})
	}
}

// TestAskedAgainKeepsWhatStands: pods that cannot run are no reason to apply
// the same again, and stay an error.
func TestAskedAgainKeepsWhatStands(t *testing.T) {
	w := up(t)
	w.do(Observed{Resource: "web", Broken: true, Message: "web-1: container app crashes"})
	w.want(Wanted{})
	if r := w.state.Resource("web"); !r.Broken || r.Message == "" {
		t.Errorf("the error is gone: %+v", r)
	}
}

// TestReadableAgain: files that can be read again run again what failed, once,
// and nothing else.
func TestReadableAgain(t *testing.T) {
	failed := &config.Problem{Message: "permission denied"}
	again := Readable{Images: []string{"web"}, Locals: []string{"compile"}}
	for name, test := range map[string]struct {
		fail  func(w *world)
		again []string
	}{
		"nothing": {func(w *world) { w.want(LocalDone{Resource: "compile"}) }, nil},
		"an image": {func(w *world) {
			w.want(Changed{Images: map[string][]string{"web": {"/w/web/package.json"}}}, "build web")
			w.want(Built{Ref: "web", Problem: failed})
		}, []string{"build web"}},
		"a live update": {func(w *world) {
			w.want(Changed{Images: map[string][]string{"web": {"/w/web/a"}}}, "live web-1 /srv/a")
			w.want(LiveDone{Target: target("web-1"), Batch: w.live(), Problem: failed})
		}, []string{"live web-1 /srv/a"}},
		"a command": {func(w *world) { w.want(LocalDone{Resource: "compile", Problem: failed}) }, []string{"run compile"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := up(t)
			test.fail(w)
			w.want(again, test.again...)
			w.want(again) // it goes on
		})
	}
}
