package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/message"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// news takes a status of the daemon.
func (s *session) news(st api.Status) {
	if s.phase == ending || s.backend == nil {
		return
	}
	before := s.status
	s.status = &st
	if s.attachment != nil && s.phase == idle {
		s.begin(st)
		return
	}
	if s.phase == idle {
		return
	}
	if before != nil && before.Up && !st.Up && before.Daemon.Pid == st.Daemon.Pid {
		s.say("the project was taken down")
		s.end(nil)
		return
	}
	r := resourceOf(st, s.req.Resource)
	if r == nil {
		return
	}
	if s.link != nil {
		s.watchPid(*r)
	}
	if s.link != nil {
		s.tellOld(*r)
		return
	}
	if t := s.mine(*r); t != nil && ended(*t) {
		s.endedFor(*t)
		return
	}
	next := running(*r, s.aim())
	isNew := next != (process{}) && next != s.lastPid
	s.lastPid = next
	if isNew {
		s.attempts = 0
		s.open()
	}
}

// endedFor ends the session of a process that ended and is not started again.
func (s *session) endedFor(t api.Target) {
	s.say(fmt.Sprintf("the process of %s is not started again: %s; the session ends", s.req.Resource, t.Process))
	s.event("exited", map[string]any{"exitCode": exitCode(t.Process)})
	s.end(nil)
}

// exitCode finds the number in what a status says of an end.
func exitCode(text string) int {
	code := 0
	_, after, _ := strings.Cut(text, "exit code ")
	_, _ = fmt.Sscanf(after, "%d", &code) // a signal has none
	return code
}

// begin goes on with attach at the first status.
func (s *session) begin(st api.Status) {
	if s.opening {
		return
	}
	v, problem := decide(st, s.req)
	if r := resourceOf(st, s.req.Resource); r != nil {
		s.lastPid = running(*r, s.req)
	}
	switch v {
	case hopeless:
		s.failAttach(problemText(problem))
	case later:
		s.await()
	case now:
		s.open()
	}
}

// watchPid compares the process that is debugged with the one that runs. Only
// a step away from ours counts: a status may be older than our debugger.
func (s *session) watchPid(r api.ResourceStatus) {
	at := s.link.at
	for _, t := range r.Targets {
		if t.Pod != at.Pod || t.Container != at.Container {
			continue
		}
		s.link.seen = true
		seen := process{t.Pod, t.Container, t.Pid}
		before := s.lastPid
		s.lastPid = seen
		ours := process{at.Pod, at.Container, at.Pid}
		if before == ours && seen != ours && at.Pid != 0 {
			s.lost("its process was replaced")
		}
		return
	}
	if s.link.seen {
		s.lost("its pod is gone")
	}
}

// await waits for a process.
func (s *session) await() {
	s.phase = waiting
	s.acceptAttach()
	if !s.awaiting {
		s.awaiting = true
		stop(s.patience)
		s.patience = s.after(quiet, s.tellWaiting)
	}
}

// tellOpening says that the debugger takes long to attach.
func (s *session) tellOpening() {
	if s.opening || s.phase == preparing {
		s.say(fmt.Sprintf("the debugger still attaches to the process of %s, after %s", s.req.Resource, slowOpen))
	}
}

// tellWaiting says that a process has not come soon.
func (s *session) tellWaiting() {
	if s.phase != waiting && s.phase != preparing {
		return
	}
	text := s.awaited()
	if r := s.resource(); r != nil && r.Phase != api.PhaseReady {
		text += fmt.Sprintf(" (%s%s)", r.Phase, optional(": ", r.Message))
	}
	if s.refused != "" {
		text += ": " + s.refused
	} else if r := s.resource(); r != nil {
		if p := absent(*r, s.req); p != nil {
			text += ": " + problemText(p)
		}
	}
	s.say(text + "; breakpoints are kept")
	s.breakpoints.each(s.adapter.Remembered, func(set *set) {
		s.tellBreakpoints(s.breakpoints.unverified(set, s.awaited()))
	})
}

func (s *session) resource() *api.ResourceStatus {
	if s.status == nil {
		return nil
	}
	return resourceOf(*s.status, s.req.Resource)
}

func optional(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// open starts to open a debugger unless that is under way.
func (s *session) open() {
	if s.opening {
		return
	}
	stop(s.retry)
	s.opening = true
	s.beganOpen = time.Now()
	if s.patience == nil {
		s.patience = s.after(slowOpen, s.tellOpening)
	}
	req := s.aim()
	s.spawn(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
		defer cancel()
		conn, at, err := s.backend.Open(ctx, req)
		if !s.do(func() { s.opened(conn, at, err) }) && conn != nil {
			conn.Close()
		}
	})
}

func (s *session) opened(conn net.Conn, at api.DebugSession, err error) {
	s.opening = false
	switch {
	case s.phase == ending || s.phase == idle && s.attachment == nil: // no longer wanted
		if conn != nil {
			conn.Close()
		}
	case err != nil:
		s.openFailed(err)
	case !s.speaks(at):
		conn.Close()
		s.openFailed(&config.Problem{
			Message: fmt.Sprintf("this version of towline does not know the debugger %s of %s", cmp.Or(at.Debugger, at.Language), at.Program),
			Hint:    "update towline on this machine",
		})
	default:
		s.req.Launch = false // a later process is taken as it was started
		s.home = process{pod: at.Pod, container: at.Container}
		l := s.connect(conn, at)
		if r := s.resource(); r != nil {
			l.seen = s.mine(*r) != nil
		}
		s.prepare(l)
	}
}

// speaks takes the adapter of the debugger on a stream, and reports whether there
// is one. A daemon of before knows only one debugger, and names none.
func (s *session) speaks(at api.DebugSession) bool {
	a, ok := adapter.Find(s.opts.Adapters, at.Debugger, at.Language)
	if ok {
		s.adapter = a
	}
	return ok || at.Debugger == "" && at.Language == ""
}

// openFailed refuses an attach for which waiting would not help, and tries
// again otherwise.
func (s *session) openFailed(err error) {
	s.refused = s.explain(err)
	s.log.Debug("opening a debugger", "error", err)
	if s.attachment != nil {
		if s.status == nil {
			s.failAttach(s.refused)
			return
		}
		if v, _ := decide(*s.status, s.req); v != later {
			s.failAttach(s.refused)
			return
		}
	}
	s.tryAgain()
}

// tryAgain waits and opens a debugger after a while, if no news comes first.
func (s *session) tryAgain() {
	s.await()
	delay := min(firstRetry<<min(s.attempts, 10), lastRetry)
	s.attempts++
	stop(s.retry)
	s.retry = s.after(delay, func() {
		if s.phase == waiting {
			s.open()
		}
	})
}

// lost parts from a debugger whose process is gone.
func (s *session) lost(why string) {
	l := s.link
	s.link = nil
	l.close()
	l.isArmed()                                         // who waits for it is answered
	if !l.live.IsZero() && time.Since(l.live) > quiet { // else it may be the debugger that fails
		s.attempts = 0
	} else if s.refused == "" {
		s.refused = why
	}
	s.phase = waiting
	s.log.Debug("lost the process", "resource", s.req.Resource, "pid", l.at.Pid, "reason", why)
	if s.stopped {
		s.event("continued", map[string]any{"threadId": s.thread, "allThreadsContinued": true})
		s.stopped = false
	}
	waitingFor := fmt.Sprintf("%s (%s)", s.awaited(), why)
	for _, m := range l.unanswered() {
		if m.Command == "configurationDone" || s.adapter.Knows(m.Command) {
			s.answerWaiting(m)
			continue
		}
		s.refuse(m, waitingFor, false)
	}
	s.tellBreakpoints(s.breakpoints.forget(s.adapter.Forgotten, "its address is of a process that ended"))
	clear(s.reverse)
	s.tryAgain()
	s.flushHeld()
}

// flushHeld handles the requests that waited for the end of preparing.
func (s *session) flushHeld() {
	held := s.held
	s.held = nil
	for _, m := range held {
		s.request(m)
	}
}

// tellBreakpoints tells the editor what became of breakpoints.
func (s *session) tellBreakpoints(list []rawBreakpoint) {
	for _, b := range list {
		s.event("breakpoint", map[string]any{"reason": "changed", "breakpoint": b})
	}
}

// explain turns an error into a text for a person that names the next step.
func (s *session) explain(err error) string {
	var problem *config.Problem
	if p := s.adapter.Explain(err.Error()); p != nil {
		return problemText(p)
	}
	if errors.As(err, &problem) {
		return problemText(problem)
	}
	return err.Error()
}

func problemText(p *config.Problem) string { return p.Error() + optional("\nhint: ", p.Hint) }

// stoppedThread returns the thread of a stopped event.
func stoppedThread(m message.Message) int { return intField(m.Payload(), "threadId") }
