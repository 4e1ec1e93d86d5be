//go:build linux

package serve

import (
	"context"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/towline-dev/towline/agent/wire"
)

// contentTimeout ends a transaction whose contents stop coming.
const contentTimeout = time.Minute

// session serves the streams of one authenticated connection and returns when
// it has ended and so have they.
func (s *Server) session(conn net.Conn, o *owner) {
	mux, err := wire.Mux(conn, true)
	if err != nil {
		return
	}
	defer mux.Close()
	leave := s.hold.join()
	defer leave()
	ctx, cancel := context.WithCancel(context.Background())
	var open tunnels
	var streams sync.WaitGroup
	streams.Go(func() {
		select {
		case <-o.ended:
			cancel()
			mux.Close()
		case <-ctx.Done():
		}
	})
	for {
		stream, err := mux.AcceptStream()
		if err != nil {
			break
		}
		streams.Go(func() { s.stream(ctx, stream, &open) })
	}
	cancel()
	streams.Wait()
}

// request is one request on its stream.
type request struct {
	stream  *yamux.Stream
	tunnels *tunnels // of its connection
	r       *wire.Reader
	w       *wire.Writer
}

// stream performs one request. A defect in it costs this request and nothing
// else.
func (s *Server) stream(ctx context.Context, stream *yamux.Stream, open *tunnels) {
	defer stream.Close()
	defer stream.SetReadDeadline(time.Unix(1, 0)) // wakes who still reads
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	q := &request{stream: stream, tunnels: open, w: wire.NewWriter(stream)}
	q.r = wire.NewReader(idleTimeout{stream})
	err := s.perform(ctx, q)
	if err == nil {
		err = q.w.Flush()
	}
	if err != nil {
		q.w.Error(toWire(err))
		q.w.Flush()
	}
}

// idleTimeout reads a stream whose sender must not pause for long.
type idleTimeout struct{ stream *yamux.Stream }

// Read reads with a deadline.
func (i idleTimeout) Read(p []byte) (int, error) {
	i.stream.SetReadDeadline(time.Now().Add(contentTimeout))
	return i.stream.Read(p)
}

// perform reads the method and calls its handler.
func (s *Server) perform(ctx context.Context, q *request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Log.Error("a request met a defect of the agent", "panic", p, "stack", string(debug.Stack()))
			err = wire.Errorf(wire.CodeInternal, "a defect of the agent: %v\n%s", p, debug.Stack())
		}
	}()
	m, err := q.r.Method()
	if err != nil {
		return err
	}
	switch m {
	case wire.MethodApply:
		return s.apply(ctx, q)
	case wire.MethodDial:
		return handleRaw(ctx, q, s.dial)
	case wire.MethodDebug:
		return handleRaw(ctx, q, s.debugApp)
	case wire.MethodCut:
		return handle(ctx, q, q.tunnels.cut)
	case wire.MethodRun:
		return handle(ctx, q, func(ctx context.Context, c wire.Command) (wire.Exit, error) { return s.run(ctx, q, c) })
	case wire.MethodEvents:
		return s.follow(ctx, q)
	case wire.MethodHello:
		return handle(ctx, q, s.hello)
	case wire.MethodVerify:
		return handle(ctx, q, s.verify)
	case wire.MethodManifest:
		return handle(ctx, q, s.manifest)
	case wire.MethodCanWrite:
		return handle(ctx, q, s.canWrite)
	case wire.MethodManaged:
		return handle(ctx, q, s.managed)
	case wire.MethodStart:
		return handle(ctx, q, s.start)
	case wire.MethodStop:
		return handle(ctx, q, s.stop)
	case wire.MethodRestart:
		return handle(ctx, q, s.restart)
	case wire.MethodSignal:
		return handle(ctx, q, s.signal)
	case wire.MethodPolicy:
		return handle(ctx, q, s.policy)
	}
	return wire.Errorf(wire.CodeBadRequest, "unknown method %q", m)
}

// handle performs a request with parameters P and one result R.
func handle[P, R any](ctx context.Context, q *request, do func(context.Context, P) (R, error)) error {
	var params P
	if err := q.r.Message(&params); err != nil {
		return err
	}
	result, err := do(q.watch(ctx), params)
	if err != nil {
		return err
	}
	return q.w.Message(result)
}

// watch returns a context that ends when the daemon gives up on the request:
// it sends nothing more, so whatever can be read is the end of the stream. What
// is written then has no reader. The handler has lost the stream's.
func (q *request) watch(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	raw := q.r.Raw()
	q.stream.SetReadDeadline(time.Time{})
	go func() { // ends with the stream
		var one [1]byte
		for {
			_, err := raw.Read(one[:])
			if ne, ok := err.(net.Error); ok && ne.Timeout() && ctx.Err() == nil {
				continue
			}
			cancel(fmt.Errorf("%w: the daemon gave up", context.Canceled))
			q.stream.SetWriteDeadline(time.Unix(1, 0)) // nobody makes room for more
			return
		}
	}()
	return ctx
}
