package agents

import (
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// Status is what is known of one agent: what it said of its process last, and
// why it does not answer now.
type Status struct {
	ID       engine.TargetID
	Resource string
	Process  wire.Process
	Problem  *config.Problem
	Refused  bool // the problem does not pass by itself

	// Covered is what something in the container is mounted over, of the files
	// that were to be brought there, by their names here. It is replaced, never
	// changed.
	Covered map[string]wire.Covered
}

// Standing says how far an application has come, by its agent: ready, or what it
// waits for, or with Broken why it will not become ready without a change.
type Standing struct {
	Ready, Broken bool
	Message       string
}

// Standing judges by what an agent said last, also while its connection is lost:
// the agent outlives its application, so that whoever sees the container alone
// would not know.
func (s Status) Standing(id engine.TargetID) Standing {
	switch {
	case s.Process.State != "":
		return standingOf(id.Pod, s.Process)
	case s.Problem != nil:
		return Standing{Broken: s.Refused, Message: s.Problem.Message}
	case id.Composed():
		return Standing{Message: id.Pod + ": its agent has not answered yet"}
	}
	return Standing{Message: id.Pod + ": container " + id.Container + ": its agent has not answered yet"}
}

func standingOf(pod string, p wire.Process) Standing {
	switch p.State {
	case wire.StateExited, wire.StateBackoff:
		text := pod + ": the process ended"
		if p.Exit != nil {
			text += ": " + p.Exit.String()
		}
		return Standing{Broken: p.Exit == nil || !p.Exit.Asked, Message: text}
	case wire.StateHeld:
		return Standing{Message: pod + ": the process is about to start"}
	}
	return Standing{Ready: true}
}

// Container describes one container. A zero Pod UID means that it is gone.
type Container struct {
	ID       engine.TargetID
	Resource string
	PodUID   string
	Image    string
	Ready    bool
	Restarts int
	Process  wire.Process
	Problem  *config.Problem // why no agent answers, nil when all is well
	Covered  []Covered       // files that are not brought there, in the order of their names
}

// Covered is a file that cannot be brought into a container, since something is
// mounted over it there.
type Covered struct {
	Local  string // the file here, absolute
	Path   string // its place in the container
	Mount  string // the mount point that hinders
	Volume string // what is mounted there, for a person: "ConfigMap settings"
}

// Words says it to a person, and what to do.
func (c Covered) Words() (text, hint string) {
	return c.Path + " is not synced: " + c.Volume + " is mounted at " + c.Mount,
		"the container sees what is mounted there, whatever an image or a sync brings: change " + c.Volume + " itself, or leave the file out of what is synced"
}
