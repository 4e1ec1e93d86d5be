//go:build linux

package serve

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/towline-dev/towline/agent/debug"
	"github.com/towline-dev/towline/agent/proc"
	"github.com/towline-dev/towline/agent/wire"
)

// drainTimeout is how long a debugger may speak after its process has ended: it
// tells its client of the end. As long may take what a daemon sent before it cut
// a tunnel.
const drainTimeout = 200 * time.Millisecond

// goodbye is how long a session that nobody has ended yet is waited for when
// another one wants the process: its client may have gone a moment ago.
const goodbye = 2 * time.Second

// A shell or another program that runs the one that is meant may have done so
// or not. Of one that is younger than youngWrapper it is awaited.
const (
	youngWrapper = 5 * time.Second
	wrapperTime  = 3 * time.Second
	wrapperLook  = 20 * time.Millisecond
)

// debugging is the debugging session that there is at most one of.
type debugging struct {
	pid atomic.Int64 // of the application while a session lives
	mu  sync.Mutex   // guards what follows
	end context.CancelFunc
	// ended is closed when the session is over.
	ended chan struct{}
	over  bool // it is being ended, or its process has
}

func (d *debugging) of(pid int) bool { return pid != 0 && d.pid.Load() == int64(pid) }

// saw is told the pid of the application with each change. A session whose
// process has ended is ended too, after the debugger had the time to say so.
func (d *debugging) saw(pid int) {
	if debugged := d.pid.Load(); debugged == 0 || debugged == int64(pid) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.end != nil {
		d.over = true
		time.AfterFunc(drainTimeout, d.end)
	}
}

// closing notes that the session is being ended.
func (d *debugging) closing() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
}

// take makes room for a session: it waits for one that is being ended, and is
// refused by one that is not. The context ends when the session's process has;
// leave must be called at the end.
func (d *debugging) take(ctx context.Context) (_ context.Context, leave func(), err error) {
	late := time.Now().Add(goodbye)
	for {
		d.mu.Lock()
		end, ended, over := d.end, d.ended, d.over
		if ended == nil {
			break
		}
		d.mu.Unlock()
		if over {
			end()
			<-ended
			continue
		}
		select {
		case <-ended:
		case <-time.After(time.Until(late)):
			if err := d.refusal(); err != nil {
				return nil, nil, err
			}
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
	defer d.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	mine := make(chan struct{})
	d.end, d.ended, d.over = cancel, mine, false
	return ctx, func() {
		d.pid.Store(0)
		cancel()
		d.mu.Lock()
		d.end, d.ended, d.over = nil, nil, false
		d.mu.Unlock()
		close(mine)
	}, nil
}

// refusal is the error of the session that there is, nil when it is being ended.
func (d *debugging) refusal() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended == nil || d.over {
		return nil
	}
	e := wire.Errorf(wire.CodeDebugged, "another debugging session has the process")
	e.Hint = "end that session first, in this editor or in another one: there can be one debugger on a process"
	return e
}

// debugApp begins a debugging session of the application, or of the program that
// it runs when it is a shell or the like.
func (s *Server) debugApp(ctx context.Context, r wire.DebugRequest) (wire.DebugReady, io.ReadWriteCloser, error) {
	ctx, leave, err := s.debug.take(ctx)
	if err != nil {
		return wire.DebugReady{}, nil, err
	}
	ready, session, err := s.startDebugger(ctx, r.Mode)
	if err != nil {
		leave()
		return wire.DebugReady{}, nil, err
	}
	s.debug.pid.Store(int64(ready.PID))
	s.debugged()
	s.wg.Go(func() { s.watchPaused(ctx, ready.PID, cmp.Or(ready.Child, ready.PID)) })
	tap := &debugStream{ReadWriteCloser: session}
	tap.close = sync.OnceFunc(func() {
		s.debug.closing()
		session.Close()
		s.app.Signal(context.Background(), syscall.SIGCONT)
		leave()
		s.debugged()
	})
	context.AfterFunc(ctx, func() { tap.Close() })
	return ready, tap, nil
}

// whileRuns calls end when a process of the application has ended, and returns
// when it has or ctx ends.
func (s *Server) whileRuns(ctx context.Context, pid int, end func()) {
	tick := time.NewTicker(wrapperLook)
	defer tick.Stop()
	for s.app.Status().PID == pid {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	end()
}

// startDebugger starts a debugger on what is to be debugged.
func (s *Server) startDebugger(ctx context.Context, mode wire.DebugMode) (wire.DebugReady, io.ReadWriteCloser, error) {
	st := s.app.Status()
	switch {
	case mode == wire.DebugRestart:
		return s.startUnder(ctx, st)
	case mode != wire.DebugAttach:
		return wire.DebugReady{}, nil, wire.Errorf(wire.CodeBadRequest, "unknown debug mode %q", mode)
	case st.State != proc.Running:
		return wire.DebugReady{}, nil, wire.Errorf(wire.CodeNoProcess, "the application does not run")
	}
	program, err := s.programOf(ctx, st)
	if err != nil {
		return wire.DebugReady{}, nil, err
	}
	session, err := debug.Of(s.languages, program).Attach(ctx, program)
	if errors.Is(err, debug.ErrStart) {
		return s.startUnder(ctx, st)
	}
	return s.attached(st, program, session, err)
}

// startUnder starts the application anew, under its debugger.
func (s *Server) startUnder(ctx context.Context, st proc.Status) (wire.DebugReady, io.ReadWriteCloser, error) {
	language, err := s.languageOf(ctx, st)
	if err != nil {
		return wire.DebugReady{}, nil, err
	}
	start, err := language.Begin()
	if err != nil {
		return wire.DebugReady{}, nil, notDebuggable(err)
	}
	defer start.Close()
	s.hold.release()
	launch := start.Launch()
	st, err = s.app.Restart(context.WithoutCancel(ctx), proc.Launch{Env: launch.Env, Frozen: launch.Frozen, Once: launch.Argv})
	if err != nil {
		return wire.DebugReady{}, nil, procError(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.wg.Go(func() { s.whileRuns(ctx, st.PID, cancel) })
	program, err := s.programOf(ctx, st)
	var session io.ReadWriteCloser
	switch {
	case err != nil:
	case debug.Of(s.languages, program) == language:
		session, err = start.Attach(ctx, program)
	default: // it is another program than before
		s.app.Signal(ctx, syscall.SIGCONT) // it may be frozen
		session, err = debug.Of(s.languages, program).Attach(ctx, program)
	}
	ready, session, err := s.attached(st, program, session, err)
	ready.Started = true
	return ready, session, err
}

// languageOf returns the language of the application that is to be started: of
// the one that runs, or else of the last one; Go, when there was none.
func (s *Server) languageOf(ctx context.Context, st proc.Status) (debug.Language, error) {
	if st.State == proc.Running {
		if program, err := debug.Look(st.PID); err == nil {
			language := debug.Of(s.languages, program)
			return language, language.Can(ctx, program)
		}
	}
	return cmp.Or(debug.Named(s.languages, s.insight.latest()), s.languages[0]), nil
}

// attached returns what is said of a session, or why there is none, and lets the
// application run then.
func (s *Server) attached(st proc.Status, program debug.Program, session io.ReadWriteCloser, err error) (wire.DebugReady, io.ReadWriteCloser, error) {
	if err != nil {
		s.app.Signal(context.Background(), syscall.SIGCONT) // it may be frozen
		return wire.DebugReady{}, nil, notDebuggable(err)
	}
	language := debug.Of(s.languages, program)
	ready := wire.DebugReady{PID: st.PID, Program: program.Exe, Language: language.Name(), Debugger: language.Debugger()}
	if program.PID != st.PID {
		ready.Child = program.PID
	}
	return ready, session, nil
}

// programOf finds what is to be debugged of the application. A wrapper that has
// just begun is given the time to run its program.
func (s *Server) programOf(ctx context.Context, st proc.Status) (debug.Program, error) {
	program, err := debug.Look(st.PID)
	if err == nil {
		if c, ok := debug.Of(s.languages, program).(debug.Chooser); ok {
			program = c.Choose(program)
		}
		return program, nil
	}
	if time.Since(st.Started) > youngWrapper {
		return program, err
	}
	s.app.Signal(ctx, syscall.SIGCONT) // it may be frozen
	late := time.NewTimer(wrapperTime)
	defer late.Stop()
	tick := time.NewTicker(wrapperLook)
	defer tick.Stop()
	for err != nil && program.MayRun() {
		select {
		case <-tick.C:
			program, err = debug.Look(st.PID)
		case <-late.C:
			return program, err
		case <-ctx.Done():
			return program, context.Cause(ctx)
		}
	}
	return program, err
}

// debugged sends the event that a session began or ended.
func (s *Server) debugged() {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	s.events.send(wire.EventDebug, s.process())
}

// debugStream is a session whose Close also cleans up after it.
type debugStream struct {
	io.ReadWriteCloser
	close func()
}

// Close ends the session once.
func (d *debugStream) Close() error { d.close(); return nil }

// notDebuggable says that a debugger did not attach, in the debugger's own words
// if these are for a person.
func notDebuggable(err error) error {
	if said := (*wire.Error)(nil); errors.As(err, &said) {
		return err
	}
	e := wire.Errorf(wire.CodeNotDebuggable, "attaching the debugger: %v", err)
	if scope := proc.PtraceScope(); scope >= 2 {
		e.Hint = "the node forbids debuggers: kernel.yama.ptrace_scope is " + strconv.Itoa(scope) + ", at most 1 is needed"
	}
	return e
}
