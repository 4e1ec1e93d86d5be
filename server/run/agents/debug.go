package agents

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/starlark/config"
)

// debuggerTimeout is how long a process that is restarted while somebody
// debugs it waits for the debugger to come back.
const debuggerTimeout = 5 * time.Second

// Session describes a debugger's stream.
type Session struct {
	Pid     int // of the application
	Child   int // of the process that is debugged, when it is one that the application started
	Program string

	Language string
	Debugger string // who speaks on the stream; "" if the language is to tell
	Started  bool   // the process was started for the debugger
	Image    *config.Image
}

// Debug opens a debugger on a container's process. With launch, or where the
// process waits for its debugger, it is started and stands at its first
// instruction.
func (a *Agents) Debug(ctx context.Context, id engine.TargetID, launch bool) (net.Conn, Session, error) {
	s, err := a.session(ctx, id)
	if err != nil {
		return nil, Session{}, err
	}
	mode, held := wire.DebugAttach, a.takePausedProcess(ctx, id)
	if held || launch {
		mode = wire.DebugRestart
	}
	conn, ready, err := s.agent.Debug(ctx, wire.DebugRequest{Mode: mode})
	if err != nil {
		if held {
			a.startAlone(s.agent) // it waited for this debugger; one that runs is left alone
		}
		return nil, Session{}, debugError(id, err)
	}
	session := Session{Pid: ready.PID, Child: ready.Child, Program: ready.Program, Language: ready.Language, Debugger: ready.Debugger, Started: ready.Started, Image: s.image}
	if argv := s.agent.Facts().Entrypoint; session.Program == "" && len(argv) > 0 {
		session.Program = argv[0]
	}
	return conn, session, nil
}

// startAlone starts a process whose debugger did not come, whatever becomes of
// who asked for the debugger.
func (a *Agents) startAlone(c Starter) {
	a.box.Put(func(ctx context.Context, _ *state) {
		a.box.Go(func() { _, _ = c.Start(ctx, wire.StartOptions{}) }) // a lost agent starts it when it is found again
	})
}

// debugError says where a debugger could not be opened, with the agent's hint.
func debugError(id engine.TargetID, err error) error {
	var refused *wire.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("debugging %s: %w", id, err)
	}
	return &config.Problem{
		Message: fmt.Sprintf("%s: %s", id, refused.Message),
		Hint:    refused.Hint,
	}
}

// restartDebugged stops a process that is debugged and leaves the start of the
// next one to its debugger, which comes back by Debug: so a breakpoint in what
// runs first is not missed. When it does not come, the process starts alone.
func (a *Agents) restartDebugged(ctx context.Context, t *target, c Starter) error {
	hold := func(held bool) {
		inbox.Ask(ctx, a.box, func(context.Context, *state) bool { t.held = held; return held })
	}
	hold(true)
	if _, err := c.Stop(ctx); err != nil {
		hold(false)
		return err
	}
	a.box.Go(func() {
		if pause(ctx, debuggerTimeout) && a.takePausedProcess(ctx, t.Target) {
			a.startAlone(c)
		}
	})
	return nil
}

// takePausedProcess reports whether a container's process waits for its debugger, which
// it then no longer does.
func (a *Agents) takePausedProcess(ctx context.Context, id engine.TargetID) bool {
	return inbox.Ask(ctx, a.box, func(_ context.Context, s *state) bool {
		t := s.targets[id]
		if t == nil || !t.held {
			return false
		}
		t.held = false
		return true
	})
}
