package daemon

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// TestTiltfileTakes has projects, one after the other: which one is in force, and
// what a person is told.
func TestTiltfileTakes(t *testing.T) {
	one, two := &config.Project{Tiltfile: "/w/one"}, &config.Project{Tiltfile: "/w/two"}
	broken := &config.Project{Error: &config.Problem{Message: "syntax error"}}
	held := &config.Project{Error: &config.Problem{Message: "not run", Cause: config.CauseHeld}}
	f := &tiltfile{}
	if f.inForce() != nil {
		t.Error("one is in force before the first evaluation")
	}
	for i, step := range []struct {
		take, inForce *config.Project
		up            bool
		told, held    string
	}{
		{held, held, false, "", "not run"},
		{broken, broken, false, "it is saved", ""},
		{one, one, false, "", ""},
		{&config.Project{Error: &config.Problem{Message: "syntax error"}}, one, true, "what runs stays", ""},
		{held, one, false, "", "not run"},
		{two, two, true, "", ""},
	} {
		problem := f.take(step.take, false, step.up)
		if problem != nil != (step.told != "") || problem != nil && !strings.Contains(problem.Hint, step.told) {
			t.Errorf("step %d: told %v, want %q", i, problem, step.told)
		}
		if f.inForce() != step.inForce {
			t.Errorf("step %d: %+v is in force", i, f.inForce())
		}
		s := f.status(false)
		if s.Error != nil != (step.told != "") || s.Held != nil != (step.held != "") || s.CI != nil {
			t.Errorf("step %d: its status is %+v", i, s)
		}
	}
	if f.take(one, true, false); f.status(true).CI == nil {
		t.Error("a build server is not told of its settings")
	}
}

// TestTiltfileIsEvaluatedAgain counts evaluations that changed files cause: at
// once, later, or at the end of the one that goes on.
func TestTiltfileIsEvaluatedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		play func(again func(within bool), f *tiltfile)
		want string // evaluations at once, and after two minutes
	}{
		"a change": {func(again func(bool), _ *tiltfile) { again(false) }, "1 1"},
		"too many": {func(again func(bool), _ *tiltfile) {
			for range freely + 3 {
				again(false)
			}
		}, "55555 555556"},
		"its own, the second time": {func(again func(bool), f *tiltfile) { again(true); f.running = true; again(true) }, "1 11"},
		"its own, and it ended":    {func(again func(bool), f *tiltfile) { again(true); f.running = true; again(true); f.running = false }, "1 1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				var owner sync.Mutex // as the daemon's core, which does one thing after the other
				owner.Lock()
				f := &tiltfile{evaluator: evaluator{post: func(f func()) { owner.Lock(); defer owner.Unlock(); f() }}, warn: func(string) {}}
				test.play(func(within bool) { f.again([]string{"/w/gen"}, within, func() { n++ }) }, f)
				got := []int{n}
				owner.Unlock()
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if got = append(got, n); got[0] != len(strings.Fields(test.want)[0]) || got[1] != len(strings.Fields(test.want)[1]) {
					t.Errorf("%d evaluations at once and then, want as many as digits in %s", got, test.want)
				}
			})
		})
	}
}
