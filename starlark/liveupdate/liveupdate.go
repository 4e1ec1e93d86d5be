// Package liveupdate says which live updates are right: the order of their
// steps, what these need, and that a change can reach them.
package liveupdate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/value"
)

// ranks are the order in which steps must stand.
var ranks = map[config.StepKind]int{
	config.StepInitialSync: 1, config.StepFallBackOn: 2, config.StepSync: 3, config.StepRun: 4, config.StepRestart: 5,
}

// Order checks the order of steps, one after the other.
type Order struct{ highest int }

// Next says what is wrong with a step in this place.
func (o *Order) Next(kind config.StepKind) error {
	rank, highest := ranks[kind], o.highest
	o.highest = max(highest, rank)
	switch {
	case rank == 1 && highest > 0:
		return errors.New("initial_sync must appear at most once, at the start of the list")
	case rank == 2 && highest > 2:
		return errors.New("fall_back_on steps must appear at the start of the list")
	case highest == 5 && rank < 5:
		return errors.New("restart container is only valid as the last step")
	case rank == 3 && highest > 3:
		return errors.New("all sync steps must precede all run steps")
	}
	return nil
}

// Check checks what can be seen without knowing the image.
func Check(steps []config.Step) error {
	works := len(steps) == 0
	for i, s := range steps {
		works = works || s.Kind == config.StepSync || s.Kind == config.StepRun
		switch {
		case s.Kind == config.StepSync && !strings.HasPrefix(s.Remote, "/"):
			return fmt.Errorf("spec.syncs[%d]: Invalid value: %q: sync destination is not absolute", syncIndex(steps, i), s.Remote)
		case s.Kind == config.StepRun && len(s.Argv) == 0:
			return errors.New("run step has an empty command")
		}
	}
	if !works {
		return errors.New("spec.syncs: Invalid value: must contain at least 1 sync or 1 exec to run on live update")
	}
	return nil
}

// Restart makes a restart the last of the steps, as towline.restart asks for.
// Without triggers each update restarts.
func Restart(steps []config.Step, policy string, triggers []string, pos config.Position) []config.Step {
	n := len(steps)
	switch {
	case n > 0 && steps[n-1].Kind == config.StepRestart && policy == "never":
		return steps[:n-1]
	case n > 0 && steps[n-1].Kind == config.StepRestart:
		steps[n-1].Triggers = triggers
	case n > 0 && (policy == "on_change" || policy == "on_exit"):
		return append(steps, config.Step{Kind: config.StepRestart, Triggers: triggers, Pos: pos})
	}
	return steps
}

// syncIndex is the number of the sync at an index of the steps.
func syncIndex(steps []config.Step, i int) int {
	n := 0
	for _, s := range steps[:i] {
		if s.Kind == config.StepSync {
			n++
		}
	}
	return n
}

// CheckReach checks that synced and watched paths can change what is updated:
// they must lie below one of the folders that are watched for it.
func CheckReach(steps []config.Step, watched []string) error {
	for _, s := range steps {
		if s.Kind == config.StepSync && !value.Below(watched, s.Local) {
			return &fault.Located{Pos: s.Pos, Err: fmt.Errorf("sync step source '%s' is not a child of any watched filepaths (%v)", s.Local, watched)}
		}
		for _, p := range s.Paths {
			if !value.Below(watched, p) {
				return &fault.Located{Pos: s.Pos, Err: fmt.Errorf("fall_back_on paths '%s' is not a child of any watched filepaths (%v)", p, watched)}
			}
		}
	}
	return nil
}
