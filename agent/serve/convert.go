//go:build linux

package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towline-dev/towline/agent/proc"
	"github.com/towline-dev/towline/agent/wire"
)

var states = map[proc.State]wire.State{
	proc.Held: wire.StateHeld, proc.Running: wire.StateRunning, proc.Exited: wire.StateExited,
	proc.Backoff: wire.StateBackoff, proc.Stopped: wire.StateStopped,
}

// process returns the application as it is now.
func (s *Server) process() wire.Process { return s.processOf(s.app.Status()) }

func (s *Server) processOf(st proc.Status) wire.Process {
	p := wire.Process{
		State: states[st.State], PID: st.PID, Starts: st.Starts, Argv: st.Argv,
		Started: nanos(st.Started), Next: nanos(st.Next), Debug: s.debug.of(st.PID),
	}
	p.Language, p.Paused = s.insight.of(st.PID)
	if st.Exit != nil {
		e := exitToWire(*st.Exit)
		p.Exit = &e
	}
	return p
}

func exitToWire(e proc.Exit) wire.Exit {
	out := wire.Exit{Code: e.Code, OOM: e.OOM, Asked: e.Asked, At: nanos(e.At)}
	if e.Signal != 0 {
		out.Signal = unix.SignalName(e.Signal)
	}
	if e.Err != nil {
		out.Error = e.Err.Error()
	}
	return out
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// policyFromWire returns the policy with the fields that p sets.
func policyFromWire(p wire.Policy, old proc.Policy) proc.Policy {
	set := func(d *time.Duration, ms int64) {
		if ms > 0 {
			*d = time.Duration(ms) * time.Millisecond
		}
	}
	set(&old.Backoff, p.BackoffMS)
	set(&old.BackoffMax, p.BackoffMaxMS)
	set(&old.Grace, p.GraceMS)
	set(&old.Healthy, p.HealthyMS)
	if sig := unix.SignalNum(p.StopSignal); sig != 0 {
		old.StopSignal = sig
	}
	switch p.Restart {
	case wire.RestartAlways:
		old.Restart = proc.Always
	case wire.RestartNever:
		old.Restart = proc.Never
	case wire.RestartOnFailure:
		old.Restart = proc.OnFailure
	}
	return old
}

func launchFromWire(o wire.StartOptions) proc.Launch {
	return proc.Launch{Argv: o.Argv, Env: o.Env, Original: o.Original}
}

// procError turns an error of proc into one for the wire.
func procError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, proc.ErrNotRunning):
		return wire.Errorf(wire.CodeNoProcess, "%v", err)
	case errors.Is(err, proc.ErrEnded):
		return wire.Errorf(wire.CodeCanceled, "%v", err)
	}
	e := wire.Errorf(wire.CodeStartFailed, "%v", err)
	e.Hint = startHint(err)
	return e
}

// startHint names the next step when a program could not be started.
func startHint(err error) string {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return "is it built for the container's operating system and processor? a script needs its #! line"
	case errors.Is(err, fs.ErrPermission):
		return "make the file executable (mode 0755) and readable for the container's user"
	case errors.Is(err, fs.ErrNotExist):
		return "the program, or the interpreter or dynamic loader that it names, does not exist in the container"
	}
	return ""
}

// toWire turns any error into one for the wire.
func toWire(err error) *wire.Error {
	var e *wire.Error
	switch {
	case errors.As(err, &e):
		if joined := err.Error(); joined != e.Message {
			full := *e
			full.Message = joined // with what else went wrong, such as an undo
			return &full
		}
		return e
	case errors.Is(err, wire.ErrAborted):
		return wire.Errorf(wire.CodeCanceled, "%v", err)
	case errors.Is(err, wire.ErrProtocol):
		return wire.Errorf(wire.CodeBadRequest, "%v", err)
	}
	return wire.Errorf(wire.CodeInternal, "%s", fmt.Sprint(err))
}
