// Package client is the daemon's half of the agent protocol: one method per
// request, on one authenticated connection.
//
// A Client needs only an io.ReadWriteCloser that ends at the agent's port, in
// practice a stream of a port-forward. When the connection is lost every
// method fails, Done is closed, and the daemon dials and calls New again; the
// agent's Facts.Boot then tells whether the container is still the same one.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/towline-dev/towline/agent/wire"
)

// handshakeTimeout ends a handshake when the caller's context does not.
const handshakeTimeout = 10 * time.Second

// Client speaks to one agent. Its methods may be called concurrently; the
// agent performs transactions one after the other. It owns the goroutines of
// its yamux session, which Close ends.
type Client struct {
	session *yamux.Session
	facts   wire.Facts
	speed   atomic.Int64 // bytes per second of the link as last seen, 0 if unknown
	indexes indexes
}

// New proves the key to the agent at the other end of conn, has the agent
// prove it too, and asks for its facts. It closes conn when it fails.
// Errors to look for: wire.ErrNotEnrolled, *wire.VersionError,
// wire.ErrNotAgent, wire.ErrForged.
func New(ctx context.Context, conn io.ReadWriteCloser, key []byte) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err := wire.Greet(conn, key)
	if !stop() || err != nil {
		conn.Close()
		return nil, because(ctx, err)
	}
	session, err := wire.Mux(conn, false)
	if err != nil {
		conn.Close()
		return nil, err
	}
	c := &Client{session: session}
	if c.facts, err = c.Hello(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// because prefers the reason of the context's end to the error that followed
// from it.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		if err == nil {
			return cause
		}
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return err
}

// Facts returns what the agent said of itself when the connection was made.
func (c *Client) Facts() wire.Facts { return c.facts }

// Done is closed when the connection is lost or closed.
func (c *Client) Done() <-chan struct{} { return c.session.CloseChan() }

// Streams returns how many streams are open, of requests and of tunnels.
func (c *Client) Streams() int { return c.session.NumStreams() }

// Close closes the connection and all its streams.
func (c *Client) Close() error { return c.session.Close() }

// call is one request on its stream.
type call struct {
	stream *yamux.Stream
	w      *wire.Writer
	r      *wire.Reader
	stop   func() bool
}

// open begins a request. The stream is cut when ctx ends before the caller
// calls close, or release.
func (c *Client) open(ctx context.Context, m wire.Method, params any) (*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	stream, err := c.session.OpenStream()
	if err != nil {
		return nil, fmt.Errorf("asking the agent to %s: %w", m, err)
	}
	q := &call{stream: stream, w: wire.NewWriter(stream), r: wire.NewReader(stream)}
	q.stop = context.AfterFunc(ctx, q.cut)
	if err := q.w.Request(m, params); err != nil {
		q.close()
		return nil, err
	}
	return q, nil
}

// cut ends the stream at once, and with it reads and writes that wait.
func (q *call) cut() {
	q.stream.SetDeadline(time.Unix(1, 0))
	q.stream.Close()
}

// close ends the request.
func (q *call) close() {
	q.stop()
	q.stream.Close()
}

// result flushes the request and waits for its result.
func (q *call) result(ctx context.Context, v any, output func(stderr bool, p []byte)) error {
	if err := q.w.Flush(); err != nil {
		// The agent may have refused early; its answer tells more.
		var e *wire.Error
		if rerr := q.r.Result(v, output); errors.As(rerr, &e) {
			return e
		}
		return because(ctx, err)
	}
	if err := q.r.Result(v, output); err != nil {
		var e *wire.Error
		if errors.As(err, &e) {
			return e
		}
		return because(ctx, err)
	}
	return nil
}

// ask performs a request that has parameters and one result.
func ask[R any](ctx context.Context, c *Client, m wire.Method, params any) (R, error) {
	var result R
	q, err := c.open(ctx, m, params)
	if err != nil {
		return result, err
	}
	defer q.close()
	err = q.result(ctx, &result, nil)
	return result, err
}
