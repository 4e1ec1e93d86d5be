package inspector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/towline-dev/towline/dap/cdp"
	"github.com/towline-dev/towline/dap/message"
)

// callTime is what the inspector may take for what it always can do. A program
// that is in native code answers nothing.
const callTime = 20 * time.Second

// requestTime is what a request may take, however many calls it needs.
const requestTime = callTime

// maxWaiting bounds the requests that wait for their turn, and maxBusy those that
// are answered at a time.
const (
	maxWaiting = 1000
	maxBusy    = 256
)

// errBusy refuses a request.
var errBusy = fmt.Errorf("more than %d requests wait to be answered", maxBusy)

// session is one session with one client on one process.
//
// Its goroutines are read, which reads requests; Serve, which answers those that
// change something in their order; one for each request that only asks; and
// events, which takes what the inspector tells. read ends with the client, and its
// end is that of all calls under way and so of the others.
type session struct {
	client    io.ReadWriteCloser
	inspector net.Conn // until attach
	hasFile   func(string) bool
	log       *slog.Logger
	workers   sync.WaitGroup
	busy      chan struct{}

	sending sync.Mutex
	seq     int
	ended   bool // terminated was sent

	conn     *cdp.Conn // nil before attach; then not changed
	detached atomic.Bool

	// mu guards what follows. It is held while breakpoints are set, calls and all,
	// so that scripts that come meanwhile find them whole.
	mu          sync.Mutex
	lastID      int
	args        attachArguments
	live        bool // configurationDone was seen
	threads     map[string]*thread
	breakpoints map[string][]*breakpoint
	exceptions  string
	refs        *refs
	sources     sources
	cwd         string
	found       map[string][]ahead // by the request under way, by file
	searched    map[string]bool    // the files whose maps were looked for on the program's disk
	complained  map[int]bool       // breakpoints whose conditions were said to fail
}

func newSession(client io.ReadWriteCloser, o Options) *session {
	s := &session{
		client: client, hasFile: o.HasFile, log: o.Log,
		busy:        make(chan struct{}, maxBusy),
		threads:     map[string]*thread{},
		breakpoints: map[string][]*breakpoint{},
		exceptions:  "none",
		refs:        newRefs(),
		sources:     newSources(),
		found:       map[string][]ahead{},
		searched:    map[string]bool{},
		complained:  map[int]bool{},
	}
	if s.hasFile == nil {
		s.hasFile = func(string) bool { return true }
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// close ends both connections.
func (s *session) close() {
	s.detach()
	if s.conn != nil {
		s.conn.Close()
	} else {
		s.inspector.Close()
	}
	s.client.Close()
}

// handler answers a request: with a body, or an error.
type handler func(s *session, ctx context.Context, args json.RawMessage) (any, error)

// sequential are the requests whose order counts, concurrent the others.
var sequential = map[string]handler{
	"initialize":              func(*session, context.Context, json.RawMessage) (any, error) { return Capabilities(), nil },
	"attach":                  typed((*session).attach),
	"launch":                  typed((*session).attach),
	"setBreakpoints":          typed((*session).setBreakpoints),
	"setExceptionBreakpoints": typed((*session).setExceptionBreakpoints),
	"configurationDone":       typed((*session).configurationDone),
	"continue":                typed((*session).resume),
	"next":                    step("Debugger.stepOver"),
	"stepIn":                  step("Debugger.stepInto"),
	"stepOut":                 step("Debugger.stepOut"),
	"pause":                   typed((*session).pause),
}

var concurrent = map[string]handler{
	"threads":             typed((*session).listThreads),
	"stackTrace":          typed((*session).stackTrace),
	"scopes":              typed((*session).scopes),
	"variables":           typed((*session).variables),
	"setVariable":         typed((*session).setVariable),
	"setExpression":       typed((*session).setExpression),
	"evaluate":            typed((*session).evaluate),
	"source":              typed((*session).source),
	"loadedSources":       typed((*session).loadedSources),
	"exceptionInfo":       typed((*session).exceptionInfo),
	"breakpointLocations": typed((*session).breakpointLocations),
}

// ownTime are the requests that bound their time themselves: what some begin
// outlives them, and an expression in the console may take as long as it wants.
var ownTime = map[string]bool{"attach": true, "launch": true, "pause": true, "evaluate": true}

// typed makes a handler of a method with arguments of its own type.
func typed[A any](f func(*session, context.Context, A) (any, error)) handler {
	return func(s *session, ctx context.Context, raw json.RawMessage) (any, error) {
		var args A
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &args); err != nil {
				return nil, fmt.Errorf("reading its arguments: %w", err)
			}
		}
		return f(s, ctx, args)
	}
}

// work does something in a goroutine of its own. A fault of ours ends the session
// and nothing else.
func (s *session) work(do func()) {
	s.workers.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				s.log.Error("debugging Node.js", "fault", p, "stack", string(debug.Stack()))
				s.client.Close()
			}
		}()
		do()
	})
}

// request answers a request; true ends the session.
func (s *session) request(ctx context.Context, m message.Message) (end bool) {
	answer := func(h handler) {
		if !ownTime[m.Command] {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeoutCause(ctx, requestTime, fmt.Errorf("the program does not answer within %s: it may be busy in native code", requestTime))
			defer cancel()
		}
		body, err := h(s, ctx, m.Payload())
		if err != nil {
			s.refuse(m, err)
			return
		}
		s.send(message.NewResponse(m, body), m.Seq)
		if (m.Command == "attach" || m.Command == "launch") && s.conn != nil {
			s.event("initialized", nil)
		}
	}
	h, changes := sequential[m.Command]
	ask, asks := concurrent[m.Command]
	switch {
	case ends(m):
		s.detach()
		s.send(message.NewResponse(m, nil), m.Seq)
		s.terminated()
		return true
	case s.conn == nil && m.Command != "initialize" && m.Command != "attach" && m.Command != "launch":
		s.refuse(m, errors.New("nothing is debugged yet: send attach first"))
	case changes:
		answer(h)
	case asks:
		select {
		case s.busy <- struct{}{}:
		default:
			s.refuse(m, errBusy)
			return false
		}
		s.work(func() {
			defer func() { <-s.busy }()
			answer(ask)
		})
	default:
		s.refuse(m, fmt.Errorf("the debugger of Node.js knows no request %q", m.Command))
	}
	return false
}

func (s *session) refuse(m message.Message, err error) {
	if errors.Is(err, cdp.ErrClosed) {
		err = errors.New("the process ended, or the connection to its debugger did")
	}
	s.send(message.NewFailure(m, err.Error(), m.Command == "attach"), m.Seq)
}

func (s *session) event(name string, body any) { s.send(message.NewEvent(name, body), 0) }

// say writes a line to the client's console.
func (s *session) say(text string) {
	s.event("output", map[string]string{"category": "console", "output": text + "\n"})
}

// terminated says once that the session is over.
func (s *session) terminated() {
	s.sending.Lock()
	first := !s.ended
	s.ended = true
	s.sending.Unlock()
	if first {
		s.event("terminated", nil)
	}
}

func (s *session) send(m message.Message, requestSeq int) {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.seq++
	if err := message.Write(s.client, m.Renumbered(s.seq, requestSeq)); err != nil {
		s.client.Close() // its reader ends the session
	}
}

// nextID returns a number that was not used before. mu is held.
func (s *session) nextID() int {
	s.lastID++
	return s.lastID
}
