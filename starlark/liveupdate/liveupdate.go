// Package liveupdate says which live updates are right: the order of their
// steps, what these need, and that a change can reach them.
package liveupdate

import (
	"errors"
	"fmt"
	"path"
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

// Next says what is wrong with a step in this place. The error is of the step's
// own place in the Tiltfile.
func (o *Order) Next(s config.Step) error {
	if err := o.next(ranks[s.Kind]); err != nil {
		return &fault.Located{Pos: s.Pos, Err: err}
	}
	return nil
}

func (o *Order) next(rank int) error {
	highest := o.highest
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
	for _, s := range steps {
		works = works || s.Kind == config.StepSync || s.Kind == config.StepRun
		switch {
		case s.Kind == config.StepSync && !strings.HasPrefix(s.Remote, "/"):
			return &fault.Located{
				Pos: s.Pos, Err: fmt.Errorf("sync destination is not absolute: %q", s.Remote),
				Hint: fmt.Sprintf("write the whole path in the container, such as %q", path.Join("/", s.Remote)),
			}
		case s.Kind == config.StepRun && len(s.Argv) == 0:
			return &fault.Located{Pos: s.Pos, Err: errors.New("run step has an empty command"), Hint: "name the command that is to run in the container"}
		}
	}
	if !works {
		return &fault.Located{Pos: steps[0].Pos, Err: errors.New("there must be at least one sync() or run() step"), Hint: "sync('./src', '/app/src') copies a folder into the container"}
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

// CheckReach checks that synced and watched paths can change what is updated:
// they must lie below one of the folders that are watched for it.
func CheckReach(steps []config.Step, watched []string) error {
	for _, s := range steps {
		if s.Kind == config.StepSync && !value.Below(watched, s.Local) {
			return unreached(s, "sync step source", s.Local, watched)
		}
		for _, p := range s.Paths {
			if !value.Below(watched, p) {
				return unreached(s, "fall_back_on paths", p, watched)
			}
		}
	}
	return nil
}

// unreached says that nothing tells of changes of a path that a step names.
func unreached(s config.Step, what, name string, watched []string) error {
	return &fault.Located{
		Pos: s.Pos, Err: fmt.Errorf("%s '%s' is not a child of any watched filepaths (%s)", what, name, strings.Join(watched, ", ")),
		Hint: "name a path below the build's context, or one that deps or only watch",
	}
}
