package agents

import (
	"context"
	"fmt"
	"slices"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/starlark/config"
)

// age is how a process stands to files that came after its start.
type age int

const (
	ageCurrent age = iota // as far as is known: a step of the live update sees to it
	ageOlder              // unless it reads them anew by itself
	ageProgram            // one of them is its own program
)

// ageOf says how the process stands to the files that a change wrote. A command
// of the live update may be what has it read them.
func ageOf(image *config.Image, change *client.Change, result *wire.Result) age {
	kind := func(k config.StepKind) bool {
		return slices.ContainsFunc(image.LiveUpdate, func(s config.Step) bool { return s.Kind == k })
	}
	files, p := written(change, result), result.Process
	program := func(f wire.File) bool { return len(p.Argv) > 0 && f.Path.String() == p.Argv[0] }
	switch {
	case change.Restart || kind(config.StepRestart) || kind(config.StepRun) || p.State != wire.StateRunning || len(files) == 0:
		return ageCurrent
	case slices.ContainsFunc(files, program):
		return ageProgram
	}
	return ageOlder
}

// warnStaleProcess says once of each age that a resource's process started before its files came.
func (a *Agents) warnStaleProcess(resource, pod string, p wire.Process, age age) {
	a.box.Put(func(_ context.Context, s *state) {
		if s.stale[resource] >= age {
			return
		}
		s.stale[resource] = age
		if age == ageProgram {
			a.o.Log.Say(resource, "warn", fmt.Sprintf("%s: the old program runs on (pid %d): %s was replaced, and nothing restarts it", pod, p.PID, p.Argv[0]))
			a.o.Log.Say(resource, "", "hint: end its live_update with restart_container()")
			return
		}
		a.o.Log.Say(resource, "", fmt.Sprintf("hint: pid %d of %s was started before these files; if the program does not read them anew by itself, end its live_update with restart_container()", p.PID, pod))
	})
}
