// Command engine measures how long the engine plans for projects of many
// resources: one changed file, from the event to the planned effects. The
// baseline, taken in turns with it, is the same in a project of ten: only what
// a change touches is planned again, so the ratio should stay near one.
package main

import (
	"flag"
	"fmt"
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
	base, err := ready(few)
	if err != nil {
		return fmt.Errorf("bringing the baseline up: %w", err)
	}
	for _, n := range []int{10, 300, 2000} {
		s, err := ready(n)
		if err != nil {
			return fmt.Errorf("bringing %d resources up: %w", n, err)
		}
		ours, baseline, err := measure(s, base, n, samples)
		if err != nil {
			return fmt.Errorf("%d resources: %w", n, err)
		}
		r.Add(fmt.Sprintf("change-to-plan-%d-resources", n), "us", ours, baseline)
	}
	return r.Write()
}

// few are the resources of the baseline.
const few = 10

// measure changes a file of another resource each time, in turns with the
// baseline's project. The state that a step returns is left aside, so that
// every sample begins with the same one.
func measure(s, base engine.State, n, samples int) (ours, baseline []float64, err error) {
	for i := range samples {
		took, err := change(s, (i*7)%n)
		if err != nil {
			return nil, nil, err
		}
		ours = append(ours, took)
		if took, err = change(base, i%few); err != nil {
			return nil, nil, err
		}
		baseline = append(baseline, took)
	}
	return ours, baseline, nil
}

// change changes one file of the resource k and returns the microseconds until
// the plan.
func change(s engine.State, k int) (took float64, err error) {
	e := engine.Changed{Images: map[string][]string{image(k): {folder(k) + "/main.py"}}}
	began := time.Now()
	_, effects := engine.Step(s, e)
	took = microseconds(time.Since(began))
	if len(effects) != 1 {
		return 0, fmt.Errorf("a change of one file gave %d effects: %v", len(effects), effects)
	}
	if live, ok := effects[0].(engine.Live); !ok || live.Target != target(k) || len(live.Files) != 1 {
		return 0, fmt.Errorf("a change of one file gave %+v", effects[0])
	}
	return took, nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
