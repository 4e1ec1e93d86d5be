package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/towline-dev/towline/dap/message"
	"github.com/towline-dev/towline/dap/rewrite"
)

// fromEditor handles a message of the editor.
func (s *session) fromEditor(m message.Message) {
	switch m.Type {
	case message.Request:
		s.request(m)
	case message.Response:
		s.reply(m)
	}
}

// request handles a request of the editor: what is the bridge's own here, the
// rest by phase.
func (s *session) request(m message.Message) {
	switch m.Command {
	case "initialize":
		s.client, s.dialect = m, rewrite.DialectOf(m.Payload())
		s.answer(m, s.adapter.Capabilities)
		return
	case "attach", "launch":
		s.attach(m)
		return
	case "disconnect", "terminate":
		s.end(&m)
		return
	}
	switch s.phase {
	case idle:
		s.refuse(m, "nothing is debugged yet: send attach first", false)
	case waiting:
		s.answerWaiting(m)
	case preparing:
		s.held = append(s.held, m)
	case live:
		s.pass(m)
	case ending:
		s.refuse(m, "the session is ending", false)
	}
}

// pass sends a request on to the debugger.
func (s *session) pass(m message.Message) {
	a := s.adapter
	switch {
	case m.Command == "restart":
		s.restart(m)
	case s.link.lacks(m.Command):
		s.answerFor(m)
	case m.Command == "configurationDone":
		s.configured = true
		s.configurationDone(m)
	case slices.Contains(a.Remembered, m.Command) || slices.Contains(a.Forgotten, m.Command):
		set := s.breakpoints.note(m)
		if m.Command == "setExceptionBreakpoints" {
			s.forward(m, exceptionsAnswered)
			return
		}
		s.forward(m, func(r message.Message) message.Message { return s.breakpoints.answered(set, r) })
	case slices.Contains(a.Resuming, m.Command):
		s.forward(m, func(r message.Message) message.Message {
			s.stopped = s.stopped && !r.Success
			return r
		})
	default:
		s.forward(m, nil)
	}
}

// answerFor answers a request that the debugger does not have. An editor may send
// one that another debugger has, since it asks before it is known which it will be.
func (s *session) answerFor(m message.Message) {
	why := fmt.Sprintf("the debugger of %s cannot %s", s.req.Resource, m.Command)
	if slices.Contains(s.adapter.Remembered, m.Command) || slices.Contains(s.adapter.Forgotten, m.Command) {
		s.answer(m, s.breakpoints.pending(s.breakpoints.note(m), why))
		return
	}
	s.refuse(m, why, false)
}

// configurationDone sends the request on, and answers it when breakpoints are hit.
func (s *session) configurationDone(m message.Message) {
	l := s.link
	s.put(l, m, m, func(r message.Message) {
		if !r.Success {
			s.send(r, m.Seq)
			return
		}
		s.whenArmed(l, func() { s.send(r, m.Seq) })
	})
}

// forward sends a request on; its response goes to the editor, changed by
// change unless that is nil.
func (s *session) forward(m message.Message, change func(message.Message) message.Message) {
	l := s.link
	s.put(l, s.outbound(l, m), m, func(r message.Message) {
		r = s.inbound(l, r)
		if change != nil {
			r = change(r)
		}
		s.send(r, m.Seq)
	})
}

// put sends what became of a request of the editor, and has it said when that is
// not answered for long.
func (s *session) put(l *link, out, m message.Message, done func(message.Message)) {
	l.call(out, &m, done)
	c := l.pending[l.seq]
	c.timer = s.after(slowAnswer, func() { s.tellSlow(l, m.Command) })
	l.pending[l.seq] = c
}

// answerWaiting answers a request while there is no process.
func (s *session) answerWaiting(m message.Message) {
	a := s.adapter
	switch {
	case m.Command == "configurationDone":
		s.configured = true
		s.answer(m, nil)
	case m.Command == "threads":
		thread := map[string]any{"id": -1, "name": s.req.Resource + " (waiting for its process)"}
		s.answer(m, map[string]any{"threads": []any{thread}})
	case slices.Contains(a.Remembered, m.Command) || slices.Contains(a.Forgotten, m.Command):
		set := s.breakpoints.note(m)
		s.answer(m, s.breakpoints.pending(set, s.awaited()))
	case slices.Contains(a.Resuming, m.Command):
		// It was asked of a process that is gone; the next one runs anyway.
		s.answer(m, resumed(m.Command))
	case m.Command == "restart":
		s.restart(m)
	default:
		s.refuse(m, fmt.Sprintf("cannot %s: %s", m.Command, s.awaited()), false)
	}
}

func resumed(command string) any {
	if command == "continue" {
		return map[string]bool{"allThreadsContinued": true}
	}
	return nil
}

func (s *session) awaited() string { return "waiting for the process of " + s.req.Resource }

// restart replaces the process in its pod; the session goes on with the next.
func (s *session) restart(m message.Message) {
	s.spawn(func(ctx context.Context) {
		err := s.backend.Restart(ctx, s.req.Resource)
		s.do(func() {
			if err != nil {
				s.refuse(m, "restarting "+s.req.Resource+": "+s.explain(err), true)
				return
			}
			s.answer(m, nil)
		})
	})
}

// end parts from the debugger and then ends the session. by is the request
// that asked for it; nil when the editor cannot be answered.
func (s *session) end(by *message.Message) {
	if s.phase == ending {
		if by != nil {
			s.answer(*by, nil)
		}
		return
	}
	was := s.phase
	s.phase = ending
	if s.follower != nil {
		s.follower()
	}
	finish := func() {
		if by != nil {
			s.answer(*by, nil)
		}
		if s.client.Type != "" { // else nobody has spoken the protocol
			s.event("terminated", nil)
		}
		s.over = true
	}
	if s.link == nil || was == idle {
		finish()
		return
	}
	s.link.ended = finish
	s.after(partTimeout, finish)
	part := message.NewRequest("disconnect", map[string]bool{"terminateDebuggee": false, "restart": false})
	s.link.call(part, nil, func(message.Message) { finish() })
}

// reply sends the editor's answer to a request of the debugger back.
func (s *session) reply(m message.Message) {
	seq, ok := s.reverse[m.RequestSeq]
	if !ok || s.link == nil {
		return
	}
	delete(s.reverse, m.RequestSeq)
	s.link.seq++
	s.link.out.send(m.Renumbered(s.link.seq, seq))
}

// prefers reports what the editor said of itself in initialize.
func (s *session) prefers(capability string) bool {
	var args map[string]json.RawMessage
	return json.Unmarshal(s.client.Payload(), &args) == nil && string(args[capability]) == "true"
}
