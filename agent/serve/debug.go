//go:build linux

package serve

import (
	"context"
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

// lastWords is how long a debugger may speak after its process has ended: it
// tells its client of the end.
const lastWords = 200 * time.Millisecond

// debugging is the debugging session that there is at most one of.
type debugging struct {
	pid atomic.Int64 // of the application while a session lives
	mu  sync.Mutex   // guards what follows
	end context.CancelFunc
	// ended is closed when the session is over.
	ended chan struct{}
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
		time.AfterFunc(lastWords, d.end)
	}
}

// take ends the session that there is and makes room for another. The context
// ends when the next one wants the room; leave must be called at the end.
func (d *debugging) take(ctx context.Context) (_ context.Context, leave func()) {
	for {
		d.mu.Lock()
		end, ended := d.end, d.ended
		if ended == nil {
			break
		}
		d.mu.Unlock()
		end()
		<-ended
	}
	defer d.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	mine := make(chan struct{})
	d.end, d.ended = cancel, mine
	return ctx, func() {
		d.pid.Store(0)
		cancel()
		d.mu.Lock()
		d.end, d.ended = nil, nil
		d.mu.Unlock()
		close(mine)
	}
}

// debugApp begins a debugging session, after ending the one that there is:
// the latest wins, since the daemon of an older one may be long gone.
func (s *Server) debugApp(ctx context.Context, r wire.DebugRequest) (wire.DebugReady, io.ReadWriteCloser, error) {
	ctx, leave := s.debug.take(ctx)
	st := s.app.Status()
	var err error
	switch r.Mode {
	case wire.DebugAttach:
		if st.State != proc.Running {
			err = wire.Errorf(wire.CodeNoProcess, "the application does not run")
		}
	case wire.DebugRestart:
		s.hold.release()
		st, err = s.app.Restart(context.WithoutCancel(ctx), proc.Launch{Frozen: true})
		err = procError(err)
	default:
		err = wire.Errorf(wire.CodeBadRequest, "unknown debug mode %q", r.Mode)
	}
	if err != nil {
		leave()
		return wire.DebugReady{}, nil, err
	}
	session, err := debug.Start(ctx, s.cfg.Self, st.PID)
	if err != nil {
		s.app.Signal(context.Background(), syscall.SIGCONT) // it may be frozen
		leave()
		return wire.DebugReady{}, nil, notDebuggable(err)
	}
	s.debug.pid.Store(int64(st.PID))
	s.debugged()
	tap := &debugStream{Session: session}
	tap.close = sync.OnceFunc(func() {
		session.Close()
		s.app.Signal(context.Background(), syscall.SIGCONT)
		leave()
		s.debugged()
	})
	context.AfterFunc(ctx, func() { tap.Close() })
	return wire.DebugReady{PID: st.PID}, tap, nil
}

// debugged sends the event that a session began or ended.
func (s *Server) debugged() {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	s.events.send(wire.EventDebug, s.process())
}

// debugStream is a session whose Close also cleans up after it.
type debugStream struct {
	*debug.Session
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
