package status

import (
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// TestJobSaysWhatItRan: one image in a Deployment and in a Job. What is synced into
// the one is told to be missing in the other, until a build has it.
func TestJobSaysWhatItRan(t *testing.T) {
	s := newScene(t, func(p *config.Project) {
		p.YAML = append(p.YAML, config.Object{Key: "job", Resource: "job", Content: map[string]any{"kind": "Job"}})
		for i := range p.Resources {
			if p.Resources[i].Name == "job" {
				p.Resources[i].Images = []string{"web"}
			}
		}
	})
	s.runs()
	s.tell(engine.Applied{Resource: "job", Ending: []string{"web"}}, engine.Observed{Resource: "job", Ready: true, Ended: true})
	s.says("job", "done")
	s.tell(save("/w/web/a", "/w/web/b"))
	s.synced()
	s.says("web", "ready · in sync")
	s.says("job", "done · behind 2")
	for _, r := range s.status().Resources {
		if r.Name == "job" && (r.Message == "" || !r.State.Good()) {
			t.Errorf("%s: %q does not say what the Job ran without", r.State, r.Message)
		}
	}
	s.tell(engine.Triggered{Resource: "job"}, engine.Built{Ref: "web", Pushed: "web:2"})
	for _, r := range s.status().Resources {
		if r.Name == "job" && r.Proof != api.ProofNone {
			t.Errorf("behind %q with the new image", r.Proof)
		}
	}
}
