// Package bridge holds a debugging session that outlives the process that it
// debugs.
//
// A debugger's session ends with its process, but a developer's does not: they
// save, the process is replaced, and they go on looking at the same code. The
// bridge stands between the editor and one debugger after the other. To the
// editor it is a single session. It remembers the breakpoints, and when the
// process is replaced it opens a debugger on the next one, sets them there,
// and lets the program run; the editor sees the program continue and stop
// again.
//
// # How a session goes
//
//	idle       nothing is attached; only initialize, attach and launch are answered
//	waiting    there is no process, or no debugger on it yet; breakpoints are
//	           noted and answered as unverified
//	preparing  a debugger answers; it is told what was noted. Requests of the
//	           editor wait for the end of it
//	live       requests and events pass
//	ending     the debugger is asked to let the process go
//
// All messages that the bridge does not have to know pass as they came, with
// other numbers and other paths.
package bridge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/rewrite"
	"github.com/towline-dev/towline/server/api"
)

// Backend is what a session needs of the daemon. Its methods are called
// concurrently and end when their context does.
type Backend interface {
	// Open returns a debugger's stream and what it is attached to. The stream
	// ends when the process does or the way to it breaks.
	Open(ctx context.Context, req api.DebugRequest) (net.Conn, api.DebugSession, error)

	// Restart replaces the processes of a resource.
	Restart(ctx context.Context, resource string) error

	// Follow calls visit with the current status and each later one. It returns
	// when the daemon is lost, and is then called again.
	Follow(ctx context.Context, visit func(api.Status) error) error
}

// Options are what a session is made of.
type Options struct {
	// Adapters are the debuggers that may speak on a stream. The first one is
	// taken until the daemon says which does, and where it does not say.
	Adapters []adapter.Adapter

	// Connect returns the way to the daemon of a workspace; "" is the default
	// one. The error is shown to the person.
	Connect func(ctx context.Context, workspace string) (Backend, error)

	// Describe says what the developer's machine holds, for paths. It is called
	// once for each session; nil leaves paths as they are.
	Describe func(ctx context.Context, workspace string) rewrite.Workspace

	// Log gets what is wrong with the editor or the debugger; nil discards it.
	Log *slog.Logger
}

// The times that a session waits.
const (
	firstRetry     = 10 * time.Millisecond // after a process was lost; doubles
	lastRetry      = time.Second           // at most
	quiet          = time.Second           // a restart that takes less is not worth a word
	prepareTimeout = 60 * time.Second      // for a debugger to open, and to be told what was noted
	armTimeout     = 10 * time.Second      // for a debugger to say that it is armed
	partTimeout    = 3 * time.Second       // for a debugger to let the process go
	slowOpen       = 5 * time.Second       // after which a debugger that is still being opened is worth a word
	slowAnswer     = 20 * time.Second      // after which a request that is still not answered is
)

// Serve holds a session with the editor behind conn until the editor ends it,
// the project is taken down or ctx ends, and closes conn. The process that was
// debugged runs on.
func Serve(ctx context.Context, conn io.ReadWriteCloser, o Options) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	s := newSession(conn, o)
	defer s.wait()
	defer s.close()
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("debugging session: %v\n%s", p, debug.Stack())
		}
	}()
	s.run(ctx)
	return nil
}
