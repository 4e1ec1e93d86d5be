package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// resources reads "web:ready db:pending>web job:error!": a name, a state, what
// it waits for (a resource, or ? for a trigger), ! for a problem, and + for what is
// about to mend it.
func resources(text string) []ResourceStatus {
	var out []ResourceStatus
	for _, word := range strings.Fields(text) {
		name, rest, _ := strings.Cut(word, ":")
		rest, coming := strings.CutSuffix(rest, "+")
		rest, problem := strings.CutSuffix(rest, "!")
		state, waits, _ := strings.Cut(rest, ">")
		r := ResourceStatus{Name: name, State: State(state)}
		if coming {
			r.Coming = "updating " + name
		}
		if problem {
			r.Problem = &config.Problem{Message: "it failed"}
		}
		for _, on := range strings.FieldsFunc(waits, func(r rune) bool { return r == ',' }) {
			w := Wait{Kind: WaitResource, Name: on}
			if on == "?" {
				w = Wait{Kind: WaitTrigger}
			}
			r.WaitsFor = append(r.WaitsFor, w)
		}
		out = append(out, r)
	}
	return out
}

// TestRestarting: what a save has just restarted is not ready until it has shown that
// it lives; a save that went another way, or has ended, holds nobody up.
func TestRestarting(t *testing.T) {
	for _, test := range []struct {
		save *LastSave
		want bool
	}{
		{nil, true}, {&LastSave{Way: WayRestart}, false}, {&LastSave{Way: WayRestart, Ended: true}, true}, {&LastSave{Way: WayLive}, true}, {&LastSave{Way: WayNone}, true},
	} {
		s := &Status{Resources: []ResourceStatus{{Name: "web", State: StateReady, LastSave: test.save}}}
		for _, state := range []State{StateReady, StateCrashed} {
			s.Resources[0].State, s.Resources[0].Problem = state, &config.Problem{Message: "exit 1"}
			if got := Settled(s, "web"); got != test.want {
				t.Errorf("%s, %+v: settled %v, want %v", state, test.save, got, test.want)
			}
		}
		s.Resources[0].State, s.Resources[0].Problem = StateStale, nil // what it depends on failed: no process of it says more
		if !Settled(s, "web") {
			t.Errorf("stale, %+v: something is waited for that does not come", test.save)
		}
	}
}

func TestSettled(t *testing.T) {
	tests := []struct {
		resources, only string
		want            string // "settled" or what is busy; then failed and held
	}{
		{"", "", "settled 0/0"},
		{"a:ready b:done c:stopped d:disabled", "", "settled 2/2"},
		{"a:ready b:building", "", "busy b 1/2"},
		{"a:ready b:building", "a", "settled 1/1"},
		{"a:deploying b:starting c:updating d:stopping", "", "busy a,b,c,d 0/4"},
		{"a:error! b:ready", "", "settled failed a 1/2"},
		{"a:crashed! b:ready", "", "settled failed a 1/2"},
		{"a:paused b:ready", "", "settled 2/2"},
		{"a:unknown b:ready", "", "busy a 1/2"},
		{"a:pending", "", "busy a 0/1"},
		{"a:pending>? b:ready", "", "settled 1/1"},
		{"a:stale>? b:ready", "", "settled 2/2"},
		{"a:stale! b:ready", "", "settled failed a 1/2"},
		{"a:waiting! b:ready c:pending>a", "", "settled failed a held c 1/3"},
		{"a:stale compile:error!", "", "settled failed compile 1/2"},
		{"a:pending>b b:building", "", "busy a,b 0/2"},
		{"a:pending>b b:error!", "", "settled failed b held a 0/2"},
		{"a:pending>b b:pending>c c:crashed!", "", "settled failed c held a,b 0/3"},
		{"a:pending>b b:pending>?", "", "settled held a 0/1"},
		{"a:pending>b,c b:building c:pending>?", "", "busy b held a 0/2"},
		{"a:crashed!+ b:ready", "", "busy a 1/2"}, // it is being mended
		{"a:pending>b b:error!+", "", "busy a,b 0/2"},
		{"a:pending>b b:pending>a", "", "settled held a,b 0/2"},
		{"a:pending>gone", "", "busy a 0/1"},
		{"a:pending>b b:error!", "a", "settled held a 0/1"},
		{"a:stale>b b:error!", "a", "settled held a 0/1"}, // what it runs is not what was saved
		{"a:stale>b b:error!", "", "settled failed b held a 0/2"},
		{"a:stale>b b:building", "a", "busy a 0/1"},
		{"a:stale>b b:error!+", "a", "busy a 0/1"},
		{"a:pending>b b:stale>c c:error!", "a", "settled held a 0/1"},
	}
	for _, test := range tests {
		s := &Status{Up: true, Resources: resources(test.resources)}
		o := OutcomeOf(s, strings.Fields(test.only)...)
		got := "settled"
		list := func(title string, rs []*ResourceStatus) {
			var names []string
			for _, r := range rs {
				names = append(names, r.Name)
			}
			if len(names) > 0 {
				got += " " + title + " " + strings.Join(names, ",")
			}
		}
		list("busy", o.Busy)
		got = strings.TrimPrefix(got, "settled ")
		if o.Settled() {
			got = "settled"
		}
		list("failed", o.Failed)
		list("held", o.Held)
		got += fmt.Sprintf(" %d/%d", o.Ready, o.Total)
		if got != test.want {
			t.Errorf("%q of %q: %s, want %s", test.only, test.resources, got, test.want)
		}
		if Settled(s, strings.Fields(test.only)...) != o.Settled() {
			t.Errorf("%q: Settled disagrees with the outcome", test.resources)
		}
	}
}

// TestNotSettled: an agent that has not answered, and an evaluation that goes
// on, are still to come.
func TestNotSettled(t *testing.T) {
	s := &Status{Up: true, Resources: []ResourceStatus{{Name: "web", State: StateReady, Targets: []Target{{Sync: SyncUnknown}}}}}
	if Settled(s) {
		t.Error("settled before the agent answered")
	}
	s.Resources[0].Targets[0].Problem = &config.Problem{Message: "no agent"}
	if !Settled(s) {
		t.Error("an agent that cannot be reached is waited for")
	}
	s.Config.Evaluating = true
	if Settled(s) {
		t.Error("settled while the Tiltfile is evaluated")
	}
}

// TestEveryStateHasARankAndAPhase: a new state must not be forgotten.
func TestEveryStateHasARankAndAPhase(t *testing.T) {
	phases := map[Phase]bool{
		PhaseStopped: true, PhaseDisabled: true, PhasePending: true, PhaseBuilding: true, PhaseDeploying: true, PhaseStarting: true,
		PhaseReady: true, PhaseUpdating: true, PhaseError: true, PhaseStopping: true,
	}
	for _, s := range States {
		if !phases[s.Phase(false)] || !phases[s.Phase(true)] {
			t.Errorf("%s is the phase %q, which is none", s, s.Phase(false))
		}
	}
}

// TestEachStateHasAClass: a new state is sorted on purpose.
func TestEachStateHasAClass(t *testing.T) {
	want := map[State]Class{
		StateReady: ClassGood, StateDone: ClassGood, StateError: ClassBad, StateCrashed: ClassBad,
		StateStale: ClassWarning, StateUnknown: ClassWarning, StateWaiting: ClassWarning,
		StateStopped: ClassIdle, StateDisabled: ClassIdle,
		StateBuilding: ClassBusy, StateDeploying: ClassBusy, StateStarting: ClassBusy, StateUpdating: ClassBusy,
		StateStopping: ClassBusy, StatePending: ClassBusy, StatePaused: ClassBusy,
	}
	for _, s := range States {
		if class, named := want[s]; !named || s.Class() != class {
			t.Errorf("%s is of class %d, want %d (named: %v)", s, s.Class(), class, named)
		}
	}
}
