//go:build linux

// Package debug lets debuggers attach to the application: it finds the program
// that a person means, and has a [Language] for each kind of program.
//
// Go's debugger is delve, linked into the agent, but it runs in a process of
// its own that is started when somebody debugs and ends with the session: it
// needs 100 to 150 MB, which count against the pod's limit, and a defect of it
// must not take the application's supervisor along. [Attach] is the
// supervisor's side, [Serve] the debugging process's. Other languages' debuggers
// are libraries of the programs themselves, and are switched on there.
package debug

import (
	"context"
	"errors"
	"io"
	"slices"
)

// Language is how programs of one language are debugged. A container has one of
// each; its methods may be called concurrently.
//
// There are two ways to a debugger. Attach is for a program that runs; one for
// which that comes too late answers ErrStart. Then, and where a breakpoint in
// what runs first is not to be missed, Begin makes ready for a new process: it
// is started as Start.Launch says, and stands until the debugger lets it go.
type Language interface {
	// Name is the language's, as Program.Language has it.
	Name() string

	// Debugger names who speaks on the streams, as wire.DebugReady does.
	Debugger() string

	// Env are additions to the environment that all of the container's processes
	// are started with, so that a debugger can join them later. They cost nothing
	// that could be measured in a program that nobody debugs.
	Env(argv, environ []string) []string

	// Can says why a program cannot be started for its debugger, nil when it can.
	// It leaves the program alone.
	Can(ctx context.Context, p Program) error

	// Attach switches debugging on in a program that runs and returns the
	// debugger's stream, whose Close lets the program run on without it.
	Attach(ctx context.Context, p Program) (io.ReadWriteCloser, error)

	// Begin makes ready for a process that is to start under the debugger.
	Begin() (Start, error)

	// Close frees what was made ready for programs to come. Streams stay.
	Close()
}

// Chooser is a Language that may know better than Look which of several like
// programs is meant.
type Chooser interface {
	Choose(p Program) Program
}

// ErrStart is returned by Attach when the program has to be started for its
// debugger.
var ErrStart = errors.New("the program was not started in a way that a debugger can join")

// Start is one start of a process under its debugger.
type Start interface {
	// Launch says how the process is started.
	Launch() Launch

	// Attach returns the stream of the debugger on a program of the process.
	Attach(ctx context.Context, p Program) (io.ReadWriteCloser, error)

	// Close frees what was made ready. Streams stay.
	Close()
}

// Launch is how a process is started for a debugger.
type Launch struct {
	Env    []string // additions
	Frozen bool     // it stands at its first instruction

	// Argv returns the command for this start, of the one that the application
	// has; nil leaves it.
	Argv func(argv []string) []string
}

// Languages are those that can be debugged in a container. self is the agent's
// own binary, and dir a folder that the container's programs may read.
func Languages(self, dir string) []Language {
	return []Language{golang{self: self}, newPython(dir), newNode(self)}
}

// Of returns the language of a program, which Look has found; nil when there is
// none.
func Of(languages []Language, p Program) Language {
	if p.Go() {
		return Named(languages, "Go")
	}
	return Named(languages, p.Language)
}

// Named returns the language of that name, nil when there is none.
func Named(languages []Language, name string) Language {
	if i := slices.IndexFunc(languages, func(l Language) bool { return l.Name() == name }); i >= 0 {
		return languages[i]
	}
	return nil
}

// golang debugs programs in Go with delve, which joins any of them.
type golang struct{ self string }

func (golang) Name() string                       { return "Go" }
func (golang) Debugger() string                   { return "delve" }
func (golang) Env([]string, []string) []string    { return nil }
func (golang) Close()                             {}
func (golang) Can(context.Context, Program) error { return nil } // delve says it best

func (g golang) Attach(ctx context.Context, p Program) (io.ReadWriteCloser, error) {
	session, err := Attach(ctx, g.self, p.PID)
	if err != nil {
		return nil, err // not a session that is nil
	}
	return session, nil
}

func (g golang) Begin() (Start, error) { return frozen{g}, nil }

// frozen is a start of a program that delve takes over at its first instruction.
type frozen struct{ golang }

func (frozen) Launch() Launch { return Launch{Frozen: true} }
