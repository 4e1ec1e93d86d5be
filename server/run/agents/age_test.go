package agents

import (
	"cmp"
	"strings"
	"testing"

	"github.com/towline-dev/towline/agent/agenttest"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// TestProcessOlderThanItsFiles is told of once, where no live update starts it anew.
func TestProcessOlderThanItsFiles(t *testing.T) {
	for name, test := range map[string]struct {
		step config.Step // beside the sync
		live engine.Live
		file string // that is written, "" is a.py
		gone bool   // it is not there any more
		want string
	}{
		"sync alone":          {want: "was started before these files"},
		"its own program":     {file: "main", want: "the old program runs on"},
		"a command besides":   {step: config.Step{Kind: config.StepRun}, live: engine.Live{Runs: []config.Step{{Argv: []string{"make"}}}}},
		"a restart":           {step: config.Step{Kind: config.StepRestart}, live: engine.Live{Restart: true}},
		"a restart, not due":  {step: config.Step{Kind: config.StepRestart, Triggers: []string{"/other"}}},
		"nothing was written": {gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				b.agent = &agent{Fake: agenttest.NewFake("/srv/main")}
				b.connect()
				p := b.project()
				if test.step.Kind != "" {
					p.Images[0].LiveUpdate = append(p.Images[0].LiveUpdate, test.step)
				}
				b.Configure(p)
				b.live(engine.Live{Restart: true}, "main.py", "begins")
				b.done() // the process runs
				for _, text := range []string{"one", "two"} {
					if test.gone {
						text = ""
					}
					b.live(test.live, cmp.Or(test.file, "a.py"), text)
					if done := b.done(); done.Problem != nil {
						t.Fatal(done.Problem)
					}
				}
				b.with(func() {
					said := strings.Join(b.lines, "\n")
					times := 1
					if test.want == "" {
						times = 0
					}
					if n := strings.Count(said, "end its live_update with restart_container()"); n != times || !strings.Contains(said, test.want) {
						t.Errorf("told %d times, want %q %d times: %q", n, test.want, times, b.lines)
					}
				})
			})
		})
	}
}
