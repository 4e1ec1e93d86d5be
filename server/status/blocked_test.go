package status

import (
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
)

// TestBlocked: what the cluster goes on trying against is no error, says what
// refuses the pods as data and in words, and lets nobody hang.
func TestBlocked(t *testing.T) {
	for kind, want := range map[string]string{
		"quota":           "its pods do not fit in the quota x (the words)",
		"limits":          "its pods ask for other resources than the namespace's LimitRange allows (the words)",
		"webhook":         "the admission webhook x, which is asked about its pods, does not answer (the words)",
		"service account": "the service account x is not there (the words)",
		"priority class":  "the priority class x is not there (the words)",
		"node":            "no node takes its pods (the words)",
		"update strategy": "its update strategy leaves old pods until they are deleted (the words)",
		"something new":   "its pods are refused (the words)",
	} {
		s := newScene(t)
		s.runs()
		s.tell(engine.Switched{On: map[string]bool{"late": false}}) // nothing but web is wanting
		s.tell(engine.Observed{Resource: "web", Message: "the words", Blocker: engine.Blocker{Kind: kind, Name: "x"}})
		s.says("web", "waiting: "+want)
		status := s.status()
		web := status.Resources[1]
		if !slices.Equal(web.WaitsFor, []api.Wait{{Kind: api.WaitKind(kind), Name: "x"}}) {
			t.Errorf("%s: waits for %+v", kind, web.WaitsFor)
		}
		if web.Problem == nil || !strings.HasSuffix(web.Problem.Hint, "its pods then come by themselves") {
			t.Errorf("%s: %+v says no next step", kind, web.Problem)
		}
		if o := api.OutcomeOf(status, "web"); !o.Settled() || len(o.Failed) != 1 || web.Phase != api.PhaseStarting || status.State != api.StateWaiting {
			t.Errorf("%s: %+v, phase %s, the whole %s", kind, o, web.Phase, status.State)
		}
		for id, p := range problemsOf(status) {
			if p.Severity != "warn" {
				t.Errorf("%s: %s is told as %s", kind, id, p.Severity)
			}
		}
		s.tell(s.seen(true, false, ""))
		s.says("web", "ready · unproven")
	}
}

// TestWhatWaitsForOneThatWaits holds back what depends on it.
func TestWhatWaitsForOneThatWaits(t *testing.T) {
	for state, want := range map[api.State]string{
		api.StateWaiting: "waits for web, which waits itself", api.StateError: "waits for web, which failed", api.StateStarting: "waits for web",
	} {
		if got := waitsText([]api.Wait{{Kind: api.WaitResource, Name: "web"}}, map[string]api.State{"web": state}); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}
