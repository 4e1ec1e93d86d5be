package inspector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-dap"

	"github.com/towline-dev/towline/dap/cdp"
)

// detachTime is what detaching may take.
const detachTime = 2 * time.Second

// maxThreads bounds the workers that are followed.
const maxThreads = 1000

// thread is the main thread or a worker: an isolate of V8, with scripts and
// stops of its own. The session's mu guards it.
type thread struct {
	s       *session
	conn    *cdp.Conn
	id      int
	session string // of the inspector
	name    string

	shelf
	entries  map[string]string // breakpoints at the entry of files: V8's name, by file
	placed   map[string]*breakpoint
	watching bool // V8 stops before scripts with maps

	stop     *stop           // nil: it runs
	stepping string          // the step that is under way
	from     []cdp.CallFrame // the calls when it began
	catches  []string        // breakpoints that end it
	entering bool            // the next stop is the one on entry
	pausing  bool            // the next stop is the one that was asked for
	steps    int             // taken by ourselves over text that came from no source
}

// forget makes the thread one without scripts.
func (t *thread) forget() {
	t.shelf = newShelf()
	t.entries, t.placed = map[string]string{}, map[string]*breakpoint{}
}

// call calls a method of the inspector that takes no time of its own.
func (t *thread) call(ctx context.Context, method string, args, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, callTime, fmt.Errorf("the %s of Node.js does not answer: it may be busy in native code", t.name))
	defer cancel()
	return t.conn.Call(ctx, t.session, method, args, out)
}

// events takes what the inspector tells until it is gone.
func (s *session) events(ctx context.Context) {
	for {
		e, err := s.conn.Next(ctx)
		if err != nil {
			s.log.Debug("the inspector is gone", "error", err)
			if ctx.Err() == nil {
				s.terminated()
			}
			return
		}
		if e.Method == "NodeRuntime.waitingForDisconnect" && e.Session == cdp.Main {
			// The program has ended, and its process waits for us to go.
			s.terminated()
			s.conn.Close()
			return
		}
		s.takeEvent(ctx, e)
	}
}

// takeEvent takes an event, and releases the values that are not shown any more.
func (s *session) takeEvent(ctx context.Context, e cdp.Event) {
	ctx, cancel := context.WithTimeoutCause(ctx, requestTime, errors.New("the program does not answer"))
	defer cancel()
	for _, r := range s.dispatchLocked(ctx, e) {
		for _, o := range r.objects() {
			_ = r.thread.call(ctx, "Runtime.releaseObject", map[string]string{"objectId": o}, nil) // V8 may have freed it
		}
	}
}

// dispatchLocked takes an event and returns what can be released.
func (s *session) dispatchLocked(ctx context.Context, e cdp.Event) []ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dispatch(ctx, e)
	return s.refs.free()
}

// dispatch takes an event. mu is held.
func (s *session) dispatch(ctx context.Context, e cdp.Event) {
	t := s.threads[e.Session]
	if t == nil {
		return // a worker that ended
	}
	var err error
	switch e.Method {
	case "Debugger.scriptParsed":
		err = take(e, func(b cdp.Script) { s.parsed(ctx, t, b) })
	case "Debugger.breakpointResolved":
		err = take(e, func(b resolved) { s.resolved(ctx, t, b) })
	case "Debugger.paused":
		err = take(e, func(b cdp.Paused) { s.paused(ctx, t, b) })
	case "Debugger.resumed":
		s.resumed(t)
	case "Runtime.consoleAPICalled":
		err = take(e, func(b cdp.ConsoleCall) { s.console(ctx, t, b) })
	case "Runtime.exceptionThrown":
		err = take(e, func(b thrown) { s.thrown(ctx, t, b) })
	case "NodeWorker.attachedToWorker":
		err = take(e, func(b worker) { s.workerCame(ctx, b) })
	case "NodeWorker.detachedFromWorker":
		err = take(e, func(b worker) { s.workerWent(b.SessionID) })
	}
	if err != nil {
		s.log.Warn("the inspector told what cannot be read", "error", err)
	}
}

func take[B any](e cdp.Event, do func(B)) error {
	var body B
	if err := json.Unmarshal(e.Params, &body); err != nil {
		return fmt.Errorf("%s: %w", e.Method, err)
	}
	do(body)
	return nil
}

// worker is the body of the events about worker threads.
type worker struct {
	SessionID string `json:"sessionId"`
	Info      struct {
		Title string `json:"title"`
		URL   string `json:"url"`
	} `json:"workerInfo"`
}

// workerCame prepares a worker, which waits, as the main thread was. mu is held.
func (s *session) workerCame(ctx context.Context, w worker) {
	if w.SessionID == cdp.Main || s.threads[w.SessionID] != nil {
		return
	}
	t := &thread{s: s, conn: s.conn, id: s.nextID(), session: w.SessionID, name: "worker " + filePath(w.Info.URL)}
	if len(s.threads) > maxThreads {
		t.letRun(ctx)
		return
	}
	t.forget()
	s.threads[t.session] = t
	s.event("thread", dap.ThreadEventBody{Reason: "started", ThreadId: t.id})
	// What the worker says meanwhile waits in the queue.
	_ = t.call(ctx, "Runtime.enable", nil, nil)
	if err := s.begin(ctx, t); err != nil {
		s.log.Warn("a worker is not debugged", "error", err)
		t.letRun(ctx)
		s.workerWent(t.session)
		return
	}
	_ = t.stopAtExceptions(ctx, s.exceptions)
	t.bringConsole(ctx)
	s.found = map[string][]ahead{}
	for _, list := range s.breakpoints {
		for _, b := range list {
			s.place(ctx, t, b)
		}
	}
	if s.live {
		_ = t.call(ctx, "Runtime.runIfWaitingForDebugger", nil, nil)
	}
}

// letRun lets a thread run that is not debugged, whatever came of its session.
func (t *thread) letRun(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detachTime)
	defer cancel()
	_ = t.call(ctx, "Runtime.runIfWaitingForDebugger", nil, nil) // else it is gone
}

// workerWent forgets a worker that ended. mu is held.
func (s *session) workerWent(session string) {
	t := s.threads[session]
	if t == nil || session == cdp.Main {
		return
	}
	s.resumed(t)
	delete(s.threads, session)
	for _, b := range t.placed {
		b.leave(t)
	}
	s.event("thread", dap.ThreadEventBody{Reason: "exited", ThreadId: t.id})
}

// listThreads answers threads.
func (s *session) listThreads(context.Context, struct{}) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]dap.Thread, 0, len(s.threads))
	for _, t := range s.threads {
		list = append(list, dap.Thread{Id: t.id, Name: t.name})
	}
	sortBy(list, func(t dap.Thread) int { return t.Id })
	return dap.ThreadsResponseBody{Threads: list}, nil
}

// thread returns the thread of a number. mu is held.
func (s *session) thread(id int) (*thread, error) {
	for _, t := range s.threads {
		if t.id == id {
			return t, nil
		}
	}
	return nil, fmt.Errorf("there is no thread %d", id)
}
