// Package agenttest has an in-memory agent for tests of the packages above,
// and the suite that holds it and the real agent to the same behaviour.
package agenttest

import (
	"context"
	"io"
	"net"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

// Agent is what the suite drives: the methods of client.Client. Users of a
// client declare an interface of their own with the methods they need.
type Agent interface {
	Facts() wire.Facts
	Hello(ctx context.Context) (wire.Facts, error)
	Apply(ctx context.Context, change client.Change) (wire.Result, error)
	Verify(ctx context.Context, want []wire.File) ([]wire.Entry, error)
	Manifest(ctx context.Context, q wire.ManifestQuery) ([]wire.Entry, error)
	Managed(ctx context.Context) ([]wire.Path, error)
	CanWrite(ctx context.Context, paths []wire.Path) ([]wire.Writable, error)
	Run(ctx context.Context, cmd wire.Command, stdout, stderr io.Writer) (wire.Exit, error)
	Start(ctx context.Context, o wire.StartOptions) (wire.Process, error)
	Stop(ctx context.Context) (wire.Process, error)
	Restart(ctx context.Context, o wire.StartOptions) (wire.Process, error)
	Signal(ctx context.Context, signal string) (wire.Process, error)
	SetPolicy(ctx context.Context, p wire.Policy) (wire.Process, error)
	Dial(ctx context.Context, port int) (net.Conn, error)
	Debug(ctx context.Context, d wire.DebugRequest) (net.Conn, wire.DebugReady, error)
	Events(ctx context.Context, handle func(wire.Event) error) error
	Done() <-chan struct{}
	Close() error
}

var (
	_ Agent = (*client.Client)(nil)
	_ Agent = (*Fake)(nil)
)
