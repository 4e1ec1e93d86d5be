package engine

import (
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestAskingAgainTriesAgain: a second Up runs what failed, and nothing else.
func TestAskingAgainTriesAgain(t *testing.T) {
	local := func(name string) config.Resource {
		return config.Resource{Name: name, Kind: config.KindLocal, AutoInit: true, Enabled: true, Local: &config.Local{AllowParallel: true}}
	}
	p := &config.Project{Resources: []config.Resource{local("good"), local("failed"), local("crashed"), local("running")}, Settings: config.Settings{MaxParallelUpdates: 9}}
	var s State
	tell := func(events ...Event) (ran []string) {
		for _, e := range events {
			var effects []Effect
			s, effects = Step(s, e)
			for _, effect := range effects {
				if run, ok := effect.(RunLocal); ok {
					ran = append(ran, run.Resource.Name)
				}
			}
		}
		return ran
	}
	if ran := tell(Configured{Project: p}, Wanted{}); len(ran) != 4 {
		t.Fatalf("at first %q run", ran)
	}
	tell(
		LocalDone{Resource: "good"}, Observed{Resource: "good", Ready: true},
		LocalDone{Resource: "failed", Problem: &config.Problem{Message: "exit 127"}}, Observed{Resource: "failed"},
		LocalDone{Resource: "crashed"}, Observed{Resource: "crashed", Broken: true},
	)
	if ran := tell(Wanted{}); len(ran) != 2 || ran[0] != "failed" || ran[1] != "crashed" {
		t.Errorf("asked again %q run, want failed and crashed", ran)
	}
	if ran := tell(Wanted{}); len(ran) != 0 {
		t.Errorf("while they run, %q run beside them", ran)
	}
}

// TestWaits names what holds a first update back.
func TestWaits(t *testing.T) {
	local := func(name string, change func(*config.Resource)) config.Resource {
		r := config.Resource{Name: name, Kind: config.KindLocal, AutoInit: true, Enabled: true, Local: &config.Local{}}
		change(&r)
		return r
	}
	p := &config.Project{Settings: config.Settings{MaxParallelUpdates: 1}, Resources: []config.Resource{
		local("first", func(*config.Resource) {}),
		local("second", func(*config.Resource) {}),
		local("beside", func(r *config.Resource) { r.Local.AllowParallel = true }),
		local("manual", func(r *config.Resource) { r.AutoInit = false }),
		local("needs", func(r *config.Resource) { r.ResourceDeps = []string{"first", "manual"} }),
	}}
	s, _ := Step(State{}, Configured{Project: p})
	s, _ = Step(s, Wanted{})
	for name, want := range map[string][]Wait{
		"first": nil, "second": {{Resource: "first"}}, "beside": {{Slot: true}}, "manual": {{Trigger: true}},
		"needs": {{Resource: "first"}, {Resource: "manual"}}, "no such": nil,
	} {
		got := s.Waits(name)
		if len(got) != len(want) {
			t.Errorf("%s waits for %+v, want %+v", name, got, want)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s waits for %+v, want %+v", name, got, want)
			}
		}
	}
}
