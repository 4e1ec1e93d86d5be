package client

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/towline-dev/towline/agent/wire"
)

// Hello asks for the agent's facts as they are now.
func (c *Client) Hello(ctx context.Context) (wire.Facts, error) {
	return ask[wire.Facts](ctx, c, wire.MethodHello, wire.Empty{})
}

// Verify returns the files that are not as wanted, as the container has them.
// An empty list is the proof that all are.
func (c *Client) Verify(ctx context.Context, want []wire.File) ([]wire.Entry, error) {
	list, err := ask[wire.EntryList](ctx, c, wire.MethodVerify, wire.VerifyQuery{Files: want})
	return list.Entries, err
}

// Manifest lists all files below the roots of the query.
func (c *Client) Manifest(ctx context.Context, q wire.ManifestQuery) ([]wire.Entry, error) {
	list, err := ask[wire.EntryList](ctx, c, wire.MethodManifest, q)
	return list.Entries, err
}

// Managed lists the files that were put in place in the container since it was
// made, by whomever, and that are still there.
func (c *Client) Managed(ctx context.Context) ([]wire.Path, error) {
	list, err := ask[wire.PathList](ctx, c, wire.MethodManaged, wire.Empty{})
	return list.Paths, err
}

// CanWrite tells for each path, in order, whether a file could be written
// there by the container's user, and if not, why.
func (c *Client) CanWrite(ctx context.Context, paths []wire.Path) ([]wire.Writable, error) {
	list, err := ask[wire.WriteList](ctx, c, wire.MethodCanWrite, wire.WriteQuery{Paths: paths})
	return list.Paths, err
}

// Run runs a command in the container, as the container's user, and copies its
// output to stdout and stderr, either of which may be nil. It returns when the
// command ends; when ctx ends before, the command is killed. An Exit that is
// not OK is no error.
func (c *Client) Run(ctx context.Context, cmd wire.Command, stdout, stderr io.Writer) (wire.Exit, error) {
	var exit wire.Exit
	q, err := c.open(ctx, wire.MethodRun, cmd)
	if err != nil {
		return exit, err
	}
	defer q.close()
	err = q.result(ctx, &exit, func(isErr bool, p []byte) {
		w := stdout
		if isErr {
			w = stderr
		}
		if w != nil {
			w.Write(p) // a reader who left must not stop the command
		}
	})
	return exit, err
}

// Start starts the application unless it runs, and ends the hold of a new
// container.
func (c *Client) Start(ctx context.Context, o wire.StartOptions) (wire.Process, error) {
	return ask[wire.Process](ctx, c, wire.MethodStart, o)
}

// Stop stops the application and returns when it has ended. It stays stopped
// until Start, Restart or a transaction with either.
func (c *Client) Stop(ctx context.Context) (wire.Process, error) {
	return ask[wire.Process](ctx, c, wire.MethodStop, wire.Empty{})
}

// Restart stops the application if it runs, waits for its end, and starts it.
func (c *Client) Restart(ctx context.Context, o wire.StartOptions) (wire.Process, error) {
	return ask[wire.Process](ctx, c, wire.MethodRestart, o)
}

// Signal sends a signal, "SIGHUP", to the application's process group.
func (c *Client) Signal(ctx context.Context, signal string) (wire.Process, error) {
	return ask[wire.Process](ctx, c, wire.MethodSignal, wire.SignalRequest{Signal: signal})
}

// SetPolicy changes how the agent supervises the application.
func (c *Client) SetPolicy(ctx context.Context, p wire.Policy) (wire.Process, error) {
	return ask[wire.Process](ctx, c, wire.MethodPolicy, p)
}

// Dial connects to a port on the pod's loopback. A port where nobody listens
// gives a *wire.Error with CodeRefused; the connection to the agent lives on.
// The ctx is for the dialling only.
func (c *Client) Dial(ctx context.Context, port int) (net.Conn, error) {
	return c.tunnel(ctx, wire.MethodDial, wire.DialRequest{Port: port}, &wire.Empty{})
}

// Debug begins a debugging session of the application with the debugger that
// the agent embeds, and returns the stream of its Debug Adapter Protocol. The
// debugger already has the process: the attach request on the stream must say
// {"mode": "remote"}. From the answer on the process stands still, until the
// client's configurationDone. Closing the stream detaches and lets the process
// run; when the process ends, so does the stream.
// The ctx is for the beginning only.
func (c *Client) Debug(ctx context.Context, d wire.DebugRequest) (net.Conn, wire.DebugReady, error) {
	var ready wire.DebugReady
	conn, err := c.tunnel(ctx, wire.MethodDebug, d, &ready)
	return conn, ready, err
}

// Events calls handle for each event of the application, beginning with one of
// EventState that tells how it is now. It returns when ctx ends, the
// connection is lost, or handle returns an error, which it returns.
func (c *Client) Events(ctx context.Context, handle func(wire.Event) error) error {
	q, err := c.open(ctx, wire.MethodEvents, wire.Empty{})
	if err != nil {
		return err
	}
	defer q.close()
	if err := q.w.Flush(); err != nil {
		return because(ctx, err)
	}
	for {
		var e wire.Event
		if err := q.r.Message(&e); err != nil {
			return because(ctx, err)
		}
		if err := handle(e); err != nil {
			return err
		}
	}
}

// tunnel performs a request whose stream goes on with raw bytes.
func (c *Client) tunnel(ctx context.Context, m wire.Method, params, result any) (net.Conn, error) {
	q, err := c.open(ctx, m, params)
	if err != nil {
		return nil, err
	}
	if err := q.result(ctx, result, nil); err != nil {
		q.close()
		return nil, err
	}
	if !q.stop() {
		return nil, context.Cause(ctx)
	}
	return &rawConn{Stream: q.stream, client: c, r: q.r.Raw()}, nil
}

// rawConn is a stream after its answer: what the frame reader has buffered
// comes first.
type rawConn struct {
	*yamux.Stream
	client *Client
	r      io.Reader
	ended  atomic.Bool // the agent has nothing more to say
}

// Read reads from the stream.
func (c *rawConn) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err == io.EOF {
		c.ended.Store(true)
	}
	return n, err
}

// CloseWrite tells what is dialled that nothing follows; what it answers can be
// read. That is all that yamux's Close does.
func (c *rawConn) CloseWrite() error { return c.Stream.Close() }

// Close ends both halves: who reads or writes is woken, here and in the pod.
func (c *rawConn) Close() error {
	_ = c.SetDeadline(time.Unix(1, 0)) // yamux's has no errors
	err := c.Stream.Close()
	if !c.ended.Swap(true) {
		c.client.cut(c.StreamID())
	}
	return err
}

// cut has the agent end a tunnel. It waits for no answer: with the connection
// the tunnel goes as well.
func (c *Client) cut(stream uint32) {
	q, err := c.open(context.Background(), wire.MethodCut, wire.CutRequest{Stream: stream})
	if err != nil {
		return
	}
	defer q.close()
	_ = q.w.Flush()
}
