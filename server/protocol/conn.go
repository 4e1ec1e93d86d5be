// Package protocol is the thin seam between the language server and the
// wire: connections that speak LSP, the order in which messages are handled,
// and the types of our own towline/* messages. Everything else of the wire
// comes from go.lsp.dev/protocol.
//
// # Order
//
// Messages are begun in the order in which they arrive, one at a time. A
// Method either answers at once (Ordered: the document notifications, which
// must not overtake each other), or takes what its answer depends on (Begin:
// the snapshot of the documents) and goes on beside the messages that follow.
// So a request sees every edit that was sent before it and none after, and a
// slow answer holds nothing up.
//
// # What cannot end a connection
//
// An error or a panic while handling a message, an unknown message, a message
// that is too long or not JSON. Calls are answered with an error; errors of
// notifications are logged and dropped, as they have no answer.
package protocol

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"go.lsp.dev/jsonrpc2"
	lsp "go.lsp.dev/protocol"
)

// Method answers one kind of message. Exactly one field is set.
type Method struct {
	// Ordered answers before the next message is read. It must not call the
	// client, whose answer could not be read.
	Ordered Handler
	// Begin runs before the next message is read; what it returns runs beside
	// later messages.
	Begin func() Handler
}

// Handler answers a message. The params are JSON, valid until it returns; the
// result of a notification is dropped.
type Handler func(ctx context.Context, params []byte) (any, error)

// Router chooses the method for a message. Its error answers the message.
type Router func(method string) (Method, error)

// Options of a connection.
type Options struct {
	Log   *slog.Logger // nil: nothing is logged
	Limit int          // longest message read, in bytes; 0 is DefaultLimit
}

// Conn is a connection to a language client. Its methods may be called
// concurrently, Serve once.
//
// It runs one goroutine that reads and one for each message whose method has
// Begin; they end when the other side closes or Serve's context does.
type Conn struct {
	log    *slog.Logger
	stream *stream
	conn   jsonrpc2.Conn

	handlers sync.WaitGroup // running handlers

	mu    sync.Mutex
	calls map[jsonrpc2.ID]context.CancelFunc // of the client, being answered
}

// NewConn returns a connection over rwc, which it owns.
func NewConn(rwc io.ReadWriteCloser, o Options) *Conn {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	s := newStream(rwc, o.Limit)
	return &Conn{
		log: o.Log, stream: s, conn: jsonrpc2.NewConn(s, jsonrpc2.WithCodec(codec{})),
		calls: map[jsonrpc2.ID]context.CancelFunc{},
	}
}

// Serve handles messages until the other side closes the connection or ctx
// ends, then waits for the handlers that still run.
func (c *Conn) Serve(ctx context.Context, route Router) error {
	ctx, cancel := context.WithCancel(ctx)
	defer c.handlers.Wait()
	defer cancel()
	c.conn.Go(ctx, func(request context.Context, req *jsonrpc2.Request) (any, error) {
		c.handlers.Add(1)
		defer c.handlers.Done()
		return c.dispatch(ctx, request, req, route)
	})
	select {
	case <-c.conn.Done():
		return c.conn.Err()
	case <-ctx.Done():
		// A reader blocked on standard input cannot be woken; it ends with the
		// process.
		if err := c.stream.Close(); !errors.Is(err, os.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
			return err
		}
		return nil
	}
}

// Notify sends a notification.
func (c *Conn) Notify(ctx context.Context, method string, params any) error {
	return c.conn.Notify(ctx, method, params)
}

// Call sends a request and waits for its answer. When ctx ends first the
// other side is told.
func (c *Conn) Call(ctx context.Context, method string, params, result any) error {
	return lsp.Call(ctx, c.conn, method, params, result)
}

// Ask is Call for what a person is asked, whom nobody can interrupt. Once withdrawn is
// closed the other side is told, and its answer is waited for all the same: who
// answers too late is to hear of it.
func (c *Conn) Ask(ctx context.Context, withdrawn <-chan struct{}, method string, params, result any) error {
	sent, answered := make(chan lsp.ProgressToken, 1), make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		select {
		case <-withdrawn:
		case <-answered:
			return
		}
		select {
		case id := <-sent:
			if err := c.Notify(ctx, lsp.MethodCancelRequest, &lsp.CancelParams{ID: id}); err != nil {
				c.log.Debug("withdrawing a request", "method", method, "error", err)
			}
		case <-answered:
		}
	})
	_, err := c.conn.Call(noting(ctx, sent), method, params, result)
	close(answered)
	telling.Wait()
	return err
}

// dispatch answers one message. Handlers get a context below Serve's and not
// the request's own, which the library recycles: a context derived from it
// may look at it too late and crash.
func (c *Conn) dispatch(serving, request context.Context, req *jsonrpc2.Request, route Router) (any, error) {
	method, isCall := strings.Clone(req.Method()), req.IsCall()
	if method == lsp.MethodCancelRequest {
		c.cancelRequest(req.Params())
		return nil, nil
	}
	ctx, cancel := context.WithCancel(serving)
	defer cancel()
	if isCall {
		defer c.running(req.ID(), cancel)()
	}
	release := func() { jsonrpc2.Async(request) }
	result, err := c.handle(ctx, req, method, release, route)
	switch {
	case isCall && err != nil && ctx.Err() != nil:
		return nil, lsp.ErrRequestCancelled
	case isCall:
		return result, wireError(err)
	case err != nil && !strings.HasPrefix(method, "$/"):
		// An error returned for a notification would close the connection.
		c.log.Warn("dropping a message", "method", method, "error", err)
	}
	return nil, nil
}

// running makes a call known to cancelRequest until the returned function is
// called.
func (c *Conn) running(id jsonrpc2.ID, cancel context.CancelFunc) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[id] = cancel
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.calls, id)
	}
}

// cancelRequest ends the context of the request that a $/cancelRequest names.
func (c *Conn) cancelRequest(raw []byte) {
	var params lsp.CancelParams
	if err := lsp.Unmarshal(raw, &params); err != nil {
		c.log.Warn("dropping a message", "method", lsp.MethodCancelRequest, "error", err)
		return
	}
	var id jsonrpc2.ID
	switch v := params.ID.(type) {
	case lsp.Integer:
		id = jsonrpc2.NewNumberID(int64(v))
	case lsp.String:
		id = jsonrpc2.NewStringID(string(v))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.calls[id]; cancel != nil {
		cancel()
	}
}

// handle runs one message's method and encodes its result; a panic becomes an
// error.
func (c *Conn) handle(ctx context.Context, req *jsonrpc2.Request, method string, release func(), route Router) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("a handler panicked", "method", method, "panic", r, "stack", string(debug.Stack()))
			err = jsonrpc2.Errorf(jsonrpc2.InternalError, "%s: internal error: %v; the server's log has the stack", method, r)
		}
	}()
	m, err := route(method)
	if err != nil {
		return nil, err
	}
	run := m.Ordered
	if run == nil {
		run = m.Begin()
		release()
	}
	value, err := run(ctx, req.Params())
	if err != nil || !req.IsCall() {
		return nil, err
	}
	// Encoding here keeps its panics and errors in our hands.
	data, err := codec{}.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encoding the answer to %s: %w", method, err)
	}
	return jsonrpc2.RawMessage(data), nil
}

// wireError makes err an error object with a code.
func wireError(err error) error {
	var wire *jsonrpc2.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wire):
		return wire
	case errors.Is(err, context.Canceled):
		return lsp.ErrRequestCancelled
	}
	return jsonrpc2.NewError(CodeRequestFailed, err.Error())
}
