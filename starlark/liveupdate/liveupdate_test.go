package liveupdate

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// stepsOf reads the kinds of steps, by the first letters of their built-ins.
func stepsOf(text string) (steps []config.Step) {
	for word := range strings.FieldsSeq(text) {
		steps = append(steps, map[string]config.Step{
			"initial": {Kind: config.StepInitialSync}, "fall": {Kind: config.StepFallBackOn, Paths: []string{"/w/f"}},
			"sync": {Kind: config.StepSync, Local: "/w/a", Remote: "/app"}, "run": {Kind: config.StepRun, Argv: []string{"x"}},
			"relative": {Kind: config.StepSync, Local: "/w/a", Remote: "app"}, "empty": {Kind: config.StepRun},
			"restart": {Kind: config.StepRestart},
		}[word])
	}
	return steps
}

func TestRules(t *testing.T) {
	for text, want := range map[string]string{
		"initial fall sync run restart": "", "sync": "", "run": "", "": "", "sync sync run run restart": "",
		"sync initial":    "initial_sync must appear at most once",
		"initial initial": "initial_sync must appear at most once",
		"sync fall":       "fall_back_on steps must appear at the start",
		"sync run sync":   "all sync steps must precede all run steps",
		"restart run":     "restart container is only valid as the last step",
		"restart":         "at least one sync() or run()",
		"sync relative":   `sync destination is not absolute: "app"`,
		"sync empty":      "run step has an empty command",
	} {
		steps := stepsOf(text)
		var order Order
		var err error
		for _, s := range steps {
			if err = order.Next(s); err != nil {
				break
			}
		}
		if err == nil {
			err = Check(steps)
		}
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestRestart(t *testing.T) {
	for _, test := range []struct{ steps, policy, want string }{
		{"sync", "on_change", "sync restart"}, {"sync", "on_exit", "sync restart"}, {"sync", "never", "sync"},
		{"sync restart", "on_change", "sync restart"}, {"sync restart", "never", "sync"}, {"", "on_change", ""},
	} {
		got := Restart(stepsOf(test.steps), test.policy, []string{"t"}, config.Position{})
		want := stepsOf(test.want)
		if len(got) != len(want) {
			t.Errorf("%q, %s: %d steps, want %d", test.steps, test.policy, len(got), len(want))
			continue
		}
		if n := len(got); n > 0 && got[n-1].Kind == config.StepRestart && len(got[n-1].Triggers) != 1 {
			t.Errorf("%q, %s: the restart has no trigger", test.steps, test.policy)
		}
	}
}

func TestCheckReach(t *testing.T) {
	for watched, want := range map[string]bool{"/w": true, "/w/a": false, "/other": false} {
		if err := CheckReach(stepsOf("fall sync"), []string{watched}); (err == nil) != want {
			t.Errorf("watching %s: %v", watched, err)
		}
	}
}
