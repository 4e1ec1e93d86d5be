//go:build linux

package serve

import (
	"cmp"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
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

// startPython starts the application anew, with its debugger.
func (s *Server) startPython(ctx context.Context) (wire.DebugReady, io.ReadWriteCloser, error) {
	if program, ok := debug.Python(s.app.Status().PID); ok {
		if err := program.CanDebug(ctx); err != nil {
			return wire.DebugReady{}, nil, err
		}
	}
	hook, err := debug.NewHook(filepath.Join(s.cfg.RunDir, "python"))
	if err != nil {
		return wire.DebugReady{}, nil, notDebuggable(err)
	}
	defer hook.Close()
	st, err := s.app.Restart(context.WithoutCancel(ctx), proc.Launch{Env: hook.Env(os.Getenv("PYTHONPATH"))})
	if err != nil {
		return wire.DebugReady{}, nil, procError(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.wg.Go(func() { s.whileRuns(ctx, st.PID, cancel) })
	conn, err := hook.Accept(ctx, st.PID)
	if err != nil {
		return wire.DebugReady{}, nil, err
	}
	program, _ := debug.Python(st.PID)
	return wire.DebugReady{PID: st.PID, Program: program.Exe, Language: "Python"}, &quick{conn: conn.(*net.TCPConn)}, nil
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
	python := mode == wire.DebugRestart && s.insight.latest() == "Python"
	if st.State == proc.Running {
		_, python = debug.Python(st.PID)
	}
	if python {
		s.hold.release()
		return s.startPython(ctx)
	}
	switch mode {
	case wire.DebugAttach:
		if st.State != proc.Running {
			return wire.DebugReady{}, nil, wire.Errorf(wire.CodeNoProcess, "the application does not run")
		}
	case wire.DebugRestart:
		s.hold.release()
		var err error
		if st, err = s.app.Restart(context.WithoutCancel(ctx), proc.Launch{Frozen: true}); err != nil {
			return wire.DebugReady{}, nil, procError(err)
		}
	default:
		return wire.DebugReady{}, nil, wire.Errorf(wire.CodeBadRequest, "unknown debug mode %q", mode)
	}
	program, err := s.programOf(ctx, st)
	var session *debug.Session
	if err == nil {
		if session, err = debug.Start(ctx, s.cfg.Self, program.PID); err != nil {
			err = notDebuggable(err)
		}
	}
	if err != nil {
		s.app.Signal(context.Background(), syscall.SIGCONT) // it may be frozen
		return wire.DebugReady{}, nil, err
	}
	ready := wire.DebugReady{PID: st.PID, Program: program.Exe, Language: "Go"}
	if program.PID != st.PID {
		ready.Child = program.PID
	}
	return ready, session, nil
}

// programOf finds what is to be debugged of the application. A wrapper that has
// just begun is given the time to run its program.
func (s *Server) programOf(ctx context.Context, st proc.Status) (debug.Program, error) {
	program, err := debug.Look(st.PID)
	if err == nil || time.Since(st.Started) > youngWrapper {
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

func notDebuggable(err error) error {
	e := wire.Errorf(wire.CodeNotDebuggable, "attaching the debugger: %v", err)
	if scope := proc.PtraceScope(); scope >= 2 {
		e.Hint = "the node forbids debuggers: kernel.yama.ptrace_scope is " + strconv.Itoa(scope) + ", at most 1 is needed"
	}
	return e
}
