//go:build linux

package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
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
	ctx, t, leave := q.tunnels.enter(ctx, q.stream.StreamID())
	defer leave()
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
	stop := context.AfterFunc(ctx, func() {
		other.Close()
		q.stream.SetWriteDeadline(time.Unix(1, 0)) // nobody makes room for more
	})
	defer stop()
	join(q, other, t.read)
	return nil
}

// tunnels are the streams of a connection that go on with raw bytes.
type tunnels struct {
	mu  sync.Mutex // guards all
	all map[uint32]*tunnel
}

// tunnel is one of them.
type tunnel struct {
	end  context.CancelFunc
	read chan struct{} // closed when all that the daemon sent was passed on
}

// enter notes a tunnel and returns its context, which ends when it is cut.
// leave must be called at the end.
func (t *tunnels) enter(ctx context.Context, stream uint32) (_ context.Context, _ *tunnel, leave func()) {
	ctx, end := context.WithCancel(ctx)
	one := &tunnel{end: end, read: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[uint32]*tunnel{}
	}
	t.all[stream] = one
	return ctx, one, func() {
		end()
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.all, stream)
	}
}

// cut ends a tunnel if there is such a one. What the daemon sent before arrives
// where it is read.
func (t *tunnels) cut(_ context.Context, r wire.CutRequest) (wire.Empty, error) {
	t.mu.Lock()
	one := t.all[r.Stream]
	t.mu.Unlock()
	if one == nil {
		return wire.Empty{}, nil
	}
	late := time.NewTimer(drainTimeout)
	defer late.Stop()
	select {
	case <-one.read:
	case <-late.C:
	}
	one.end()
	return wire.Empty{}, nil
}

// join copies in both directions until both are at their end, and closes read
// when the stream is.
func join(q *request, other io.ReadWriteCloser, read chan struct{}) {
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(read)
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

// dial connects to a port of the pod. While the application is replaced it
// waits for the next process to listen, so that a client's request is late
// instead of lost.
func (s *Server) dial(ctx context.Context, r wire.DialRequest) (wire.Empty, io.ReadWriteCloser, error) {
	if r.Port < 1 || r.Port > 65535 {
		return wire.Empty{}, nil, wire.Errorf(wire.CodeBadRequest, "port %d does not exist", r.Port)
	}
	began := time.Now()
	for pause := firstRedial; ; pause = min(2*pause, lastRedial) {
		conn, err := dialLoopback(ctx, strconv.Itoa(r.Port))
		if err == nil {
			return wire.Empty{}, &debug.Quick{Conn: conn}, nil
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			return wire.Empty{}, nil, wire.Errorf(wire.CodeInternal, "connecting to port %d in the pod: %v", r.Port, err)
		}
		st := s.app.Status()
		if !mayListen(st, time.Now(), s.debug.of(st.PID)) || time.Since(began) > replaceTime {
			return wire.Empty{}, nil, wire.Errorf(wire.CodeRefused, "connecting to port %d in the pod: %v", r.Port, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return wire.Empty{}, nil, context.Cause(ctx)
		}
	}
}

// How long a port is waited for that nobody listens on, and how often it is
// tried.
const (
	replaceTime = 10 * time.Second
	firstRedial = 5 * time.Millisecond
	lastRedial  = 100 * time.Millisecond
)

// mayListen reports whether the application is being replaced, is so young that
// it may not listen yet, or is debugged, so that it may stand before it does.
func mayListen(st proc.Status, now time.Time, debugged bool) bool {
	return st.State == proc.Stopped || st.State == proc.Running && (debugged || now.Sub(st.Started) < replaceTime)
}

// dialLoopback connects to a port of either loopback address.
func dialLoopback(ctx context.Context, port string) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		if six, err6 := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", port)); err6 == nil {
			conn, err = six, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}
