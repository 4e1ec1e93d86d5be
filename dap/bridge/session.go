package bridge

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/message"
	"github.com/towline-dev/towline/dap/rewrite"
	"github.com/towline-dev/towline/server/api"
)

// phase is where a session stands; the package's comment explains them.
type phase int

const (
	idle phase = iota
	waiting
	preparing
	live
	ending
)

// session is one session with one editor.
//
// One goroutine, run, owns everything but the outboxes; the others hand it
// functions through do, and are: the editor's reader and the debugger's reader
// (they block on reading, and end when close or drop closes what they read),
// an outbox's writer for each of the two, follow (ends with the context), and
// short ones that connect, open and restart (end with the context). wait waits
// for all.
type session struct {
	opts    Options
	adapter adapter.Adapter // of the program; until that is known the first one
	log     *slog.Logger
	editor  io.ReadWriteCloser
	out     *outbox // to the editor
	todo    chan func()
	done    chan struct{} // closed when nobody takes from todo any more
	workers sync.WaitGroup

	spawn func(func(context.Context)) context.CancelFunc // begins a worker; set by run, with its context
	phase phase
	over  bool // run returns

	// What the editor said.
	seq         int                        // of the last message to the editor
	client      message.Message            // initialize
	dialect     rewrite.Dialect            // of the same
	given       map[string]json.RawMessage // arguments of attach
	req         api.DebugRequest           // the same, for the backend
	launch      bool                       // it was launch that the editor sent
	attachment  *message.Message           // attach, until it is answered
	configured  bool                       // configurationDone
	held        []message.Message          // requests that wait for the end of preparing
	breakpoints breakpoints
	reverse     map[int]int // the debugger's own requests: number to the editor, number of the debugger

	// What is known of the process.
	backend   Backend
	space     rewrite.Workspace
	follower  context.CancelFunc
	status    *api.Status // the last one
	lastPid   process     // the process that the status last told of
	home      process     // the container of the last link; its pid is not used
	link      *link       // nil: none
	opening   bool        // a worker opens a debugger
	attempts  int         // of opening, since a process was last known good
	refused   string      // why the last one failed
	sessions  int         // debuggers that were live so far
	stopped   bool        // the editor shows a stopped program
	old       string      // how it was said that the program is older than its sources, "" when it is not
	thread    int         // that it stopped in
	noted     bool        // the notes about the build were given
	retry     *time.Timer
	patience  *time.Timer // tells the person what takes long
	awaiting  bool        // a process is waited for, and patience is for that
	beganOpen time.Time
}

func newSession(conn io.ReadWriteCloser, o Options) *session {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &session{
		opts:        o,
		adapter:     o.Adapters[0],
		log:         log,
		editor:      conn,
		out:         newOutbox(conn),
		todo:        make(chan func()),
		done:        make(chan struct{}),
		breakpoints: newBreakpoints(),
		reverse:     map[int]int{},
	}
}

// run takes what the workers hand in, one at a time, until the session is over.
func (s *session) run(ctx context.Context) {
	s.spawn = func(f func(context.Context)) context.CancelFunc {
		ctx, cancel := context.WithCancel(ctx)
		s.workers.Go(func() { defer cancel(); f(ctx) })
		return cancel
	}
	s.workers.Go(func() {
		if err := s.out.run(); err != nil {
			s.do(func() { s.editorGone(err) })
		}
	})
	s.workers.Go(s.readEditor)
	for !s.over {
		select {
		case f := <-s.todo:
			f()
		case <-ctx.Done():
			return
		}
	}
}

// do hands f to the owner; false says that the session is over and f will not
// be called. Only workers call it, never the owner.
func (s *session) do(f func()) bool {
	select {
	case s.todo <- f:
		return true
	case <-s.done:
		return false
	}
}

// after calls f in the owner after some time, unless the timer is stopped.
func (s *session) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { s.do(f) })
}

// close ends the workers. What the editor was sent is still written, if it
// reads.
func (s *session) close() {
	close(s.done)
	stop(s.retry)
	stop(s.patience)
	if s.link != nil {
		s.link.close()
	}
	s.out.close()
	select {
	case <-s.out.written:
	case <-time.After(time.Second):
	}
	s.editor.Close()
}

func (s *session) wait() { s.workers.Wait() }

func stop(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

func (s *session) readEditor() {
	r := bufio.NewReader(s.editor)
	for {
		m, err := message.ReadRequest(r)
		switch {
		case errors.Is(err, message.ErrMalformed):
			s.log.Warn("skipping a message of the editor", "error", err)
		case err != nil:
			s.do(func() { s.editorGone(err) })
			return
		default:
			s.do(func() { s.fromEditor(m) })
		}
		select {
		case <-s.done:
			return
		default:
		}
	}
}

func (s *session) editorGone(err error) {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
		s.log.Warn("lost the editor", "error", err)
	}
	if s.phase != ending {
		s.end(nil)
	}
}

// send numbers a message and sends it to the editor. requestSeq is the
// editor's number of the request that a response answers.
func (s *session) send(m message.Message, requestSeq int) {
	s.seq++
	s.out.send(m.Renumbered(s.seq, requestSeq))
}

func (s *session) event(name string, body any) { s.send(message.NewEvent(name, body), 0) }

func (s *session) answer(to message.Message, body any) {
	s.send(message.NewResponse(to, body), to.Seq)
}

func (s *session) refuse(to message.Message, text string, visible bool) {
	s.send(message.NewFailure(to, text, visible), to.Seq)
}

// say writes a line to the editor's debug console.
func (s *session) say(text string) {
	s.event("output", map[string]any{"category": "console", "output": "towline: " + text + "\n"})
}
