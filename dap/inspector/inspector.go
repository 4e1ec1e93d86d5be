// Package inspector is a debug adapter for Node.js: it speaks the Debug Adapter
// Protocol to a client and the Chrome DevTools Protocol to the inspector of one
// process, so that every editor can debug JavaScript and TypeScript.
//
// # How a breakpoint gets to its place
//
// A breakpoint is set in a file, and what V8 runs are scripts, which may have
// been made of that file. It is set where it can be known to belong:
//
//   - in the scripts that have a source map which names the file, at the place
//     that came from the line. Maps are read by the program itself, since they
//     lie in its container;
//   - by the file's own address, whatever script comes to have it: most files are
//     run as they are. A script with that address that has a map which names the
//     file (as tsx makes them) takes the place of this;
//   - in files that are not loaded yet, by their addresses, when a map on the
//     program's disk says that they were made of the file.
//
// A script must not run before its map is read. Of modules V8 says so itself (an
// instrumentation breakpoint stops before each that has a map); of CommonJS files
// it does not, so a breakpoint at the entry of the files that were asked for does
// it. Neither stop is shown.
//
// # Conditions
//
// What decides whether a breakpoint stops is decided in the program, by the
// condition that V8 evaluates there: a stop and its answer would cost a step that
// is under way, and a round trip for each hit. Counters and what log points need
// are kept under a symbol of the global object, which is removed at the end.
package inspector

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"

	"github.com/towline-dev/towline/dap/message"
)

// Options are what a session may know besides.
type Options struct {
	// HasFile reports whether the client can open a file that the program names;
	// otherwise its text is offered. nil: it can open all.
	HasFile func(path string) bool

	// Log gets what is wrong with the inspector; nil discards it.
	Log *slog.Logger
}

// Serve debugs the process whose inspector is behind conn for the client, until
// one of the two is gone, and closes both. The process runs on, without
// breakpoints.
func Serve(ctx context.Context, client io.ReadWriteCloser, conn net.Conn, o Options) (err error) {
	s := newSession(client, o)
	s.inspector = conn
	defer context.AfterFunc(ctx, func() { client.Close() })()
	ctx, cancel := context.WithCancelCause(ctx)
	defer s.workers.Wait()
	defer s.close()
	defer cancel(errEnds)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("debugging Node.js: %v\n%s", p, debug.Stack())
		}
	}()
	requests := make(chan message.Message, maxWaiting+1)
	var broken error
	s.work(func() {
		defer close(requests)
		defer cancel(errEnds)
		broken = s.read(ctx, requests)
	})
	for m := range requests {
		if s.request(ctx, m) {
			return nil
		}
	}
	return broken
}

// errEnds is what the requests under way are told when the session ends.
var errEnds = errors.New("the session ends")

// read reads the client's requests until it goes or says that it will; whoever
// answers one may wait for the program, and that ends then.
func (s *session) read(ctx context.Context, requests chan<- message.Message) error {
	r := bufio.NewReader(s.client)
	for {
		m, err := message.ReadRequest(r)
		switch {
		case errors.Is(err, message.ErrMalformed):
			s.log.Warn("skipping a message of the client", "error", err)
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) || ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("reading from the client: %w", err)
		case m.Type != message.Request:
		case ends(m):
			requests <- m // there is room for one more, and it is the last
			return nil
		case len(requests) < maxWaiting:
			requests <- m
		default: // refusing it could wait for the client
			return fmt.Errorf("more than %d requests of the client wait for their turn", maxWaiting)
		}
	}
}

// ends reports whether a request ends the session.
func ends(m message.Message) bool { return m.Command == "disconnect" || m.Command == "terminate" }
