package bridge

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/towline-dev/towline/dap/message"
	"github.com/towline-dev/towline/dap/rewrite"
	"github.com/towline-dev/towline/server/api"
)

// link is the connection to one debugger on one process. The session's owner
// owns it.
type link struct {
	conn    net.Conn
	out     *outbox
	at      api.DebugSession
	mapper  *rewrite.Mapper
	seen    bool      // a status told of its container
	live    time.Time // since when it answers; zero while it is prepared
	slow    bool      // the person was told that it does not answer
	seq     int
	pending map[int]call

	can map[string]any // the capabilities that it told; nil where the adapter knows them

	armed       bool   // the adapter's Armed was said
	arming      func() // what to do then
	initialized func() // what to do at the debugger's first initialized event
	ended       func() // what to do when the stream ends while the session is ending
}

// capabilityOf names the capability with which alone a debugger has a request.
var capabilityOf = map[string]string{
	"breakpointLocations": "supportsBreakpointLocationsRequest", "cancel": "supportsCancelRequest", "completions": "supportsCompletionsRequest",
	"dataBreakpointInfo": "supportsDataBreakpoints", "disassemble": "supportsDisassembleRequest", "exceptionInfo": "supportsExceptionInfoRequest",
	"goto": "supportsGotoTargetsRequest", "gotoTargets": "supportsGotoTargetsRequest", "loadedSources": "supportsLoadedSourcesRequest",
	"modules": "supportsModulesRequest", "readMemory": "supportsReadMemoryRequest", "restartFrame": "supportsRestartFrame",
	"reverseContinue": "supportsStepBack", "setDataBreakpoints": "supportsDataBreakpoints", "setExpression": "supportsSetExpression",
	"setFunctionBreakpoints": "supportsFunctionBreakpoints", "setInstructionBreakpoints": "supportsInstructionBreakpoints",
	"setVariable": "supportsSetVariable", "stepBack": "supportsStepBack", "stepInTargets": "supportsStepInTargetsRequest",
	"terminateThreads": "supportsTerminateThreadsRequest", "writeMemory": "supportsWriteMemoryRequest",
}

// lacks reports whether the debugger does not have a request; it may leave that
// without an answer.
func (l *link) lacks(command string) bool {
	capability := capabilityOf[command]
	return l.can != nil && capability != "" && l.can[capability] != true
}

// call is a request that the debugger has not answered yet.
type call struct {
	editor *message.Message // the editor's request, nil for the bridge's own
	done   func(message.Message)
	timer  *time.Timer // tells of a debugger that does not answer; nil for the bridge's own
}

// connect makes conn the session's link and starts its workers.
func (s *session) connect(conn net.Conn, at api.DebugSession) *link {
	l := &link{
		conn:    conn,
		out:     newOutbox(conn),
		at:      at,
		mapper:  rewrite.NewMapper(s.localSpace(at), rewrite.Program{}),
		pending: map[int]call{},
	}
	s.link = l
	s.workers.Go(func() {
		if err := l.out.run(); err != nil {
			conn.Close() // the reader reports it
		}
	})
	s.workers.Go(func() { s.readLink(l) })
	return l
}

func (s *session) readLink(l *link) {
	r := bufio.NewReader(l.conn)
	for {
		m, err := message.Read(r)
		switch {
		case err != nil: // what is no message may have been an answer that is waited for
			s.do(func() {
				if s.link == l {
					s.streamEnded(err)
				}
			})
			return
		default:
			s.do(func() {
				if s.link == l {
					s.fromDebugger(l, m)
				}
			})
		}
	}
}

// call sends a request; done gets the response.
func (l *link) call(m message.Message, editor *message.Message, done func(message.Message)) {
	l.seq++
	l.pending[l.seq] = call{editor: editor, done: done}
	l.out.send(m.Renumbered(l.seq, 0))
}

// ask sends a request of the bridge's own.
func (l *link) ask(command string, args any, done func(message.Message)) {
	l.call(message.NewRequest(command, args), nil, done)
}

// inbound returns a message of the debugger as the editor understands it: files
// are those of this machine, which are offered as texts only where they are not.
func (s *session) inbound(l *link, m message.Message) message.Message {
	if s.space.Files != nil {
		m = rewrite.WithoutTexts(m, func(path string) bool { return s.space.Files.Exists(l.mapper.ToLocal(path)) })
	}
	return s.dialect.Inbound(m, l.mapper.ToLocal)
}

// close lets the workers end. What was sent may be lost.
func (l *link) close() {
	for _, c := range l.pending {
		stop(c.timer)
	}
	l.out.close()
	l.conn.Close()
}

// unanswered returns the editor's requests that the debugger has not answered,
// in order.
func (l *link) unanswered() []message.Message {
	var seqs []int
	for seq, c := range l.pending {
		if c.editor != nil {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	var list []message.Message
	for _, seq := range seqs {
		list = append(list, *l.pending[seq].editor)
	}
	return list
}

// tellSlow says once that the debugger has not answered a request of the editor
// for long.
func (s *session) tellSlow(l *link, command string) {
	if s.link == l && s.phase == live && !l.slow {
		l.slow = true
		s.say(fmt.Sprintf("the debugger of %s has not answered %s for %s; ending the session lets the program run on", s.req.Resource, command, slowAnswer))
	}
}

// fromDebugger handles a message of the debugger.
func (s *session) fromDebugger(l *link, m message.Message) {
	switch m.Type {
	case message.Response:
		c, ok := l.pending[m.RequestSeq]
		if !ok {
			s.log.Warn("the debugger answered what was not asked", "command", m.Command)
			return
		}
		if !m.Success && s.phase != ending && s.adapter.SaysGone(m.FailureText()) {
			s.lost("its process ended") // which answers this request with the others
			return
		}
		delete(l.pending, m.RequestSeq)
		stop(c.timer)
		c.done(m)
	case message.Request:
		s.seq++
		s.reverse[s.seq] = m.Seq
		s.out.send(m.Renumbered(s.seq, 0))
	case message.Event:
		s.fromDebuggerEvent(l, m)
	}
}

func (s *session) fromDebuggerEvent(l *link, m message.Message) {
	a := s.adapter
	if s.phase == ending {
		return
	}
	if slices.Contains(a.Ends, m.Event) {
		s.lost("its process ended")
		return
	}
	m = s.inbound(l, m)
	switch {
	case m.Event == "initialized" && l.initialized != nil:
		next := l.initialized
		l.initialized = nil
		next()
		return
	case a.Armed != "" && m.Event == a.Armed:
		l.isArmed()
		return
	case slices.Contains(a.Hidden, m.Event):
		return
	case m.Event == "output" && s.phase == preparing && s.sessions > 0:
		return // the greeting was heard once
	case m.Event == "stopped":
		s.stopped = true
		s.thread = stoppedThread(m)
		m = s.breakpoints.hit(m)
		if r := s.resource(); r != nil {
			s.tellOld(*r)
		}
	case m.Event == "continued":
		s.stopped = false
	case m.Event == "breakpoint":
		var known bool
		if m, known = s.breakpoints.changed(m); !known {
			return
		}
	}
	s.send(m, 0)
}

// whenArmed goes on when breakpoints are hit: configurationDone, which has been
// answered, may come before that. A debugger that does not say so is not waited
// for long.
func (s *session) whenArmed(l *link, next func()) {
	if s.adapter.Armed == "" || l.armed {
		next()
		return
	}
	l.arming = next
	s.after(armTimeout, l.isArmed)
}

// isArmed goes on with what waited for the debugger to be armed.
func (l *link) isArmed() {
	l.armed = true
	if next := l.arming; next != nil {
		l.arming = nil
		next()
	}
}

// streamEnded handles the end of the debugger's stream.
func (s *session) streamEnded(err error) {
	if s.phase == ending {
		if s.link.ended != nil {
			s.link.ended()
		}
		return
	}
	s.log.Debug("the debugger's stream ended", "error", err)
	s.lost("the connection to its debugger ended")
}
