package inspector

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/go-dap"

	"github.com/towline-dev/towline/dap/cdp"
)

// idleTime is how long a program that is to stop may take; one that waits for
// something runs nothing that could.
const idleTime = 150 * time.Millisecond

// stop is a stop of a thread.
type stop struct {
	frames    []frame
	exception *cdp.Object
	uncaught  bool
}

// calls returns the calls under way, the innermost first.
func (st *stop) calls() (list []cdp.CallFrame) {
	for _, f := range st.frames {
		if f.call != nil {
			list = append(list, *f.call)
		}
	}
	return list
}

// frame is a call of a stopped thread.
type frame struct {
	id     int
	thread *thread
	call   *cdp.CallFrame // nil of one that began this one, before a wait
	name   string
	at     cdp.Location
	label  bool // it is no call but says what follows
}

// paused takes a stop. mu is held.
func (s *session) paused(ctx context.Context, t *thread, p cdp.Paused) {
	if s.internalStop(ctx, t, &p) {
		s.catch(ctx, t)
		if err := t.call(ctx, "Debugger.resume", nil, nil); err != nil {
			s.log.Debug("running on", "error", err)
		}
		return
	}
	if s.caught(ctx, t, &p) && t.call(ctx, "Debugger.resume", nil, nil) == nil || s.stepsOn(ctx, t, p) {
		return
	}
	st := &stop{}
	t.stop = st
	s.fill(t, st, p)
	body := dap.StoppedEventBody{Reason: t.reason(p), ThreadId: t.id}
	for _, id := range p.Hit {
		if b := t.placed[id]; b != nil {
			body.Reason = "breakpoint"
			body.HitBreakpointIds = append(body.HitBreakpointIds, b.id)
		}
	}
	if p.Reason == "exception" || p.Reason == "promiseRejection" {
		object := decode[cdp.Object](p.Data)
		st.exception = &object
		st.uncaught = decode[struct {
			Uncaught bool `json:"uncaught"`
		}](p.Data).Uncaught
		text := firstLine(render(object))
		body.Text = text
		body.Description = "Paused on exception"
		if p.Reason == "promiseRejection" {
			body.Description = "Paused on promise rejection"
		}
	}
	t.stepping, t.entering, t.pausing, t.steps = "", false, false, 0
	s.event("stopped", body)
}

// startReason is Node's own for the stop of a process that was held.
const startReason = "Break on start"

// reason is why a thread stopped, in the words of the Debug Adapter Protocol.
func (t *thread) reason(p cdp.Paused) string {
	switch {
	case p.Reason == "exception" || p.Reason == "promiseRejection":
		return "exception"
	case t.entering || p.Reason == startReason:
		return "entry"
	case t.pausing:
		return "pause"
	case t.stepping != "" || p.Reason == "step":
		return "step"
	case p.Reason == "other" || p.Reason == "debugCommand":
		return "pause" // a debugger statement
	}
	return p.Reason
}

// internalStop reports whether a stop is only there to have maps read, which was done
// when the script came. mu is held.
func (s *session) internalStop(ctx context.Context, t *thread, p *cdp.Paused) bool {
	begins := p.Reason == startReason || p.Reason == "ambiguous" && strings.Contains(string(p.Data), startReason)
	if begins {
		t.text(ctx, adopt)
	}
	ours := p.Reason == "instrumentation" || begins && !s.args.StopOnEntry
	for file, id := range t.entries {
		if !slices.Contains(p.Hit, id) {
			continue
		}
		ours = true
		t.entering = t.entering || file == ""
		delete(t.entries, file)
		s.unset(ctx, setAt{thread: t, id: id})
	}
	if !ours {
		return false
	}
	// One that is set where the program stands would be passed by.
	p.Hit = slices.DeleteFunc(p.Hit, func(id string) bool { return t.placed[id] == nil })
	if p.Reason != "instrumentation" {
		p.Hit = append(p.Hit, s.standsAt(ctx, t, *p)...)
	}
	return len(p.Hit) == 0 && !t.entering
}

// standsAt returns V8's names of the breakpoints at which a thread stands, whose
// conditions hold. mu is held.
func (s *session) standsAt(ctx context.Context, t *thread, p cdp.Paused) []string {
	if len(p.Frames) == 0 {
		return nil
	}
	here, _ := s.origin(ctx, t, p.Frames[0].Location.ScriptID, p.Frames[0].Location.Line, p.Frames[0].Location.Column)
	var hit []string
	for id, b := range t.placed {
		if !b.verified || b.at.file != here.file || b.at.at != here.at || slices.Contains(p.Hit, id) {
			continue
		}
		if b.condition != "" {
			var r cdp.Evaluated
			err := t.call(ctx, "Debugger.evaluateOnCallFrame", map[string]any{
				"callFrameId": p.Frames[0].ID, "expression": "!!" + b.condition, "returnByValue": true, "silent": true,
			}, &r)
			if err != nil || r.Exception != nil || string(r.Result.Value) != "true" {
				continue
			}
		}
		hit = append(hit, id)
	}
	return hit
}

// fill notes the calls of a stop and of what began them. mu is held.
func (s *session) fill(t *thread, st *stop, p cdp.Paused) {
	for i := range p.Frames {
		call := &p.Frames[i]
		st.frames = append(st.frames, frame{id: s.nextID(), thread: t, call: call, name: call.Function, at: call.Location})
	}
	for depth, trace := 0, p.Async; trace != nil && depth < 32; depth, trace = depth+1, trace.Parent {
		if len(trace.Frames) == 0 {
			continue
		}
		name := trace.Description
		if name == "" || name == "async function" || name == "await" {
			name = "await"
		}
		st.frames = append(st.frames, frame{id: s.nextID(), thread: t, name: name, label: true})
		for _, c := range trace.Frames {
			at := cdp.Location{ScriptID: c.ScriptID, Line: c.Line, Column: c.Column}
			st.frames = append(st.frames, frame{id: s.nextID(), thread: t, name: c.Function, at: at})
		}
	}
}

// resumed forgets a stop and what was shown of it. mu is held.
func (s *session) resumed(t *thread) {
	if t.stop == nil {
		return
	}
	t.stop = nil
	s.refs.forget(t)
	s.event("continued", dap.ContinuedEventBody{ThreadId: t.id})
}

// errRuns says that a thread does not stand still.
var errRuns = errors.New("the program runs; it must be stopped for this")

// stopped returns a thread that stands still. mu is held.
func (s *session) stopped(id int) (*thread, error) {
	t, err := s.thread(id)
	if err == nil && t.stop == nil {
		err = errRuns
	}
	return t, err
}

// resume answers continue.
func (s *session) resume(ctx context.Context, args dap.ContinueArguments) (any, error) {
	if err := s.runOn(ctx, args.ThreadId, "Debugger.resume"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return dap.ContinueResponseBody{AllThreadsContinued: len(s.threads) == 1}, nil
}

// step returns the handler of the requests that step.
func step(method string) handler {
	return typed(func(s *session, ctx context.Context, args dap.NextArguments) (any, error) {
		return nil, s.runOn(ctx, args.ThreadId, method)
	})
}

// runOn lets a thread run that stands still. The client knows that it does.
func (s *session) runOn(ctx context.Context, id int, method string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.stopped(id)
	if err != nil {
		return err
	}
	before := t.stop
	t.stop, t.stepping, t.steps = nil, "", 0
	if method != "Debugger.resume" {
		t.stepping, t.from = method, before.calls()
	}
	if err := t.call(ctx, method, nil, nil); err != nil {
		t.stop = before
		return err
	}
	s.refs.forget(t)
	return nil
}

// pause stops a thread. One that waits for something is made to run a little, so
// that it can.
func (s *session) pause(ctx context.Context, args dap.PauseArguments) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.thread(args.ThreadId)
	if err != nil {
		return nil, err
	}
	if t.stop != nil {
		return nil, nil
	}
	t.pausing = true
	if err := t.call(ctx, "Debugger.pause", nil, nil); err != nil {
		return nil, err
	}
	s.work(func() { s.interrupt(ctx, t) })
	return nil, nil
}

// interrupt stops a thread that did not stop when it was asked to: one that was in
// Node's own code then has forgotten it, and an idle one is given something to run.
func (s *session) interrupt(ctx context.Context, t *thread) {
	for round := 0; ; round++ {
		select {
		case <-time.After(idleTime):
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		waits := t.pausing && t.stop == nil
		s.mu.Unlock()
		if !waits {
			return
		}
		method, args := "Debugger.pause", any(nil)
		if round%2 == 1 { // this is answered when the program runs on
			method, args = "Runtime.evaluate", map[string]any{"expression": "/* the program waits */ undefined", "silent": true}
		}
		if err := t.conn.Call(ctx, t.session, method, args, nil); err != nil {
			return
		}
	}
}
