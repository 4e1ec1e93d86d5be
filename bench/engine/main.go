// Command engine measures how long the engine plans for projects of many
// resources: one changed file, from the event to the planned effects. The
// baseline, taken in turns with it, is the least that any step must do: a copy
// of the maps of the state.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/towline-dev/towline/bench/report"
	"github.com/towline-dev/towline/server/engine"
)

func main() {
	samples := flag.Int("samples", 300, "how often each case is measured")
	flag.Parse()
	if err := run(*samples); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(samples int) error {
	r := report.New("engine")
	for _, n := range []int{10, 300, 2000} {
		s, err := ready(n)
		if err != nil {
			return fmt.Errorf("bringing %d resources up: %w", n, err)
		}
		ours, baseline, err := measure(s, n, samples)
		if err != nil {
			return fmt.Errorf("%d resources: %w", n, err)
		}
		r.Add(fmt.Sprintf("change-to-plan-%d-resources", n), "us", ours, baseline)
	}
	return r.Write()
}

// measure changes one file of another resource each time. The state that the
// step returns is left aside, so that every sample begins with the same one.
func measure(s engine.State, n, samples int) (ours, baseline []float64, err error) {
	for i := range samples {
		k := (i * 7) % n
		change := engine.Changed{Images: map[string][]string{image(k): {folder(k) + "/main.py"}}}
		began := time.Now()
		_, effects := engine.Step(s, change)
		ours = append(ours, microseconds(time.Since(began)))
		if len(effects) != 1 {
			return nil, nil, fmt.Errorf("a change of one file gave %d effects: %v", len(effects), effects)
		}
		if live, ok := effects[0].(engine.Live); !ok || live.Target != target(k) || len(live.Files) != 1 {
			return nil, nil, fmt.Errorf("a change of one file gave %+v", effects[0])
		}
		began = time.Now()
		images, resources, targets := maps.Clone(s.Images), maps.Clone(s.Resources), maps.Clone(s.Targets)
		baseline = append(baseline, microseconds(time.Since(began)))
		if len(images) != n+1 || len(resources) != n || len(targets) != n {
			return nil, nil, fmt.Errorf("the copy has %d images, %d resources and %d targets", len(images), len(resources), len(targets))
		}
	}
	return ours, baseline, nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
