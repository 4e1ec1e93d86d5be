package agents

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// TestProcessOlderThanItsFiles is told of once, where no live update starts it anew.
func TestProcessOlderThanItsFiles(t *testing.T) {
	const older = "was started before"
	for name, test := range map[string]struct {
		step config.Step // beside the sync
		live engine.Live
		want int
	}{
		"sync alone":          {want: 1},
		"a command besides":   {step: config.Step{Kind: config.StepRun}, live: engine.Live{Runs: []config.Step{{Argv: []string{"make"}}}}, want: 1},
		"a restart":           {step: config.Step{Kind: config.StepRestart}, live: engine.Live{Restart: true}},
		"a restart, not due":  {step: config.Step{Kind: config.StepRestart, Triggers: []string{"/other"}}},
		"nothing was written": {live: engine.Live{}, want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				b.connect()
				p := b.project()
				if test.step.Kind != "" {
					p.Images[0].LiveUpdate = append(p.Images[0].LiveUpdate, test.step)
				}
				b.Configure(p)
				b.live(engine.Live{Restart: true}, "main.py", "begins")
				b.done() // the process runs
				for _, text := range []string{"one", "two"} {
					if name == "nothing was written" {
						text = ""
					}
					b.live(test.live, "a.py", text)
					if done := b.done(); done.Problem != nil {
						t.Fatal(done.Problem)
					}
				}
				b.with(func() {
					if n := strings.Count(strings.Join(b.lines, "\n"), older); n != test.want {
						t.Errorf("told %d times, want %d: %q", n, test.want, b.lines)
					}
				})
			})
		})
	}
}
