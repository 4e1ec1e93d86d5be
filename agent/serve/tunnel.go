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
