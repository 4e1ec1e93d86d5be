package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/towline-dev/towline/agent/debug"
	"github.com/towline-dev/towline/agent/proc"
	"github.com/towline-dev/towline/agent/wire"
)

// dialTimeout limits a connection on the loopback.
const dialTimeout = 5 * time.Second

// handleRaw performs a request whose stream goes on with raw bytes: begin
// returns the answer and the other end.
func handleRaw[P, R any](ctx context.Context, q *request, begin func(context.Context, P) (R, io.ReadWriteCloser, error)) error {
	var params P
	if err := q.r.Message(&params); err != nil {
		return err
	}
	result, other, err := begin(ctx, params)
	if err != nil {
		return err
	}
	defer other.Close()
	if err := q.w.Message(result); err != nil {
		return err
	}
	if err := q.w.Flush(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { other.Close() })
	defer stop()
	join(q, other)
	return nil
}

// join copies in both directions until both are at their end.
func join(q *request, other io.ReadWriteCloser) {
	var wg sync.WaitGroup
	wg.Go(func() {
		patient(q)
		io.Copy(other, rawReader{q})
		if h, ok := other.(interface{ CloseWrite() error }); ok {
			h.CloseWrite()
		} else {
			other.Close()
		}
	})
	io.Copy(q.stream, other)
	q.stream.Close()
	wg.Wait()
}

// patient takes the deadline off a stream.
func patient(q *request) { q.stream.SetReadDeadline(time.Time{}) }

// rawReader reads what follows the request, and waits as long as it takes.
type rawReader struct{ q *request }

// Read reads on after the deadline that the frame reader sets.
func (r rawReader) Read(p []byte) (int, error) {
	for {
		n, err := r.q.r.Raw().Read(p)
		if ne, ok := err.(net.Error); n == 0 && ok && ne.Timeout() {
			continue
		}
		return n, err
	}
}

// dial connects to a port of the pod.
func (s *Server) dial(ctx context.Context, r wire.DialRequest) (wire.Empty, io.ReadWriteCloser, error) {
	if r.Port < 1 || r.Port > 65535 {
		return wire.Empty{}, nil, wire.Errorf(wire.CodeBadRequest, "port %d does not exist", r.Port)
	}
	d := net.Dialer{Timeout: dialTimeout}
	port := strconv.Itoa(r.Port)
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		if six, err6 := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", port)); err6 == nil {
			conn, err = six, nil
		}
	}
	if err != nil {
		code := wire.CodeInternal
		if errors.Is(err, syscall.ECONNREFUSED) {
			code = wire.CodeRefused
		}
		return wire.Empty{}, nil, wire.Errorf(code, "connecting to port %d in the pod: %v", r.Port, err)
	}
	return wire.Empty{}, conn.(*net.TCPConn), nil
}

// debugging is the debugging session that there is at most one of.
type debugging struct {
	pid atomic.Int64 // of the application while a session lives
	mu  sync.Mutex   // guards what follows
	end context.CancelFunc
	// ended is closed when the session is over.
	ended chan struct{}
}

func (d *debugging) of(pid int) bool { return pid != 0 && d.pid.Load() == int64(pid) }

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
