package bridge

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/towline-dev/towline/dap/message"
	"github.com/towline-dev/towline/dap/rewrite"
	"github.com/towline-dev/towline/server/api"
)

type rawBreakpoint = json.RawMessage

// slowAttach is what a debugger may take before the person is told how to make
// it faster.
const slowAttach = 700 * time.Millisecond

// prepare brings a new debugger to where the session is: initialize, attach,
// what it knows of its program, breakpoints, configurationDone. Each step
// begins when the one before is answered.
func (s *session) prepare(l *link) {
	s.phase = preparing
	timer := s.after(prepareTimeout, func() {
		if s.link == l && s.phase == preparing {
			s.lost("its debugger does not answer")
		}
	})
	l.ask("initialize", s.initializeArguments(), func(r message.Message) {
		if !r.Success {
			s.refusedBy(r)
			return
		}
		if s.adapter.Capabilities == nil {
			l.can = capabilities(r)
			if s.sessions == 0 {
				s.event("capabilities", map[string]any{"capabilities": l.can})
			}
		}
		args := s.adapter.AttachArguments(s.given, s.sessions == 0)
		l.initialized = func() {
			s.learn(l, func() {
				s.replay(l, func() {
					stop(timer)
					s.goLive(l)
				})
			})
		}
		// Some debuggers answer attach before configurationDone and some after
		// it; all say initialized when they want the breakpoints.
		l.ask("attach", args, func(r message.Message) {
			if !r.Success {
				s.refusedBy(r)
			}
		})
	})
}

// capabilities are what a debugger says that it can do, with what the bridge does
// itself.
func capabilities(initialized message.Message) map[string]any {
	caps := map[string]any{}
	_ = json.Unmarshal(initialized.Payload(), &caps) // what is no object tells of nothing
	caps["supportsRestartRequest"] = true
	for _, name := range []string{"supportTerminateDebuggee", "supportSuspendDebuggee", "supportsTerminateRequest"} {
		caps[name] = false
	}
	return caps
}

// initializeArguments are the editor's own, with what the bridge relies on.
func (s *session) initializeArguments() map[string]any {
	args := map[string]any{"adapterID": "towline"}
	given := map[string]any{}
	if json.Unmarshal(s.client.Payload(), &given) == nil {
		maps.Copy(args, given)
	}
	args["pathFormat"], args["linesStartAt1"], args["columnsStartAt1"] = "path", true, true
	return args
}

// refusedBy handles a debugger that does not want to attach.
func (s *session) refusedBy(r message.Message) {
	text := r.FailureText()
	if p := s.adapter.Explain(text); p != nil {
		text = problemText(p)
	}
	s.refused = text
	if s.attachment != nil {
		s.refusePart(text)
		return
	}
	s.lost(text)
}

// refusePart refuses the editor's attach and parts from the debugger, which
// lets the process go when its stream ends.
func (s *session) refusePart(text string) {
	l := s.link
	s.link = nil
	l.close()
	s.failAttach(text)
}

// learn asks the debugger for the program's sources and build, so that paths
// can be told apart, and then goes on.
func (s *session) learn(l *link, next func()) {
	a := s.adapter
	var program rewrite.Program
	var info, failure string
	left := 1
	step := func() {
		if left--; left > 0 {
			return
		}
		if p := a.Explain(failure); p != nil && failure != "" {
			if s.attachment != nil {
				s.refusePart(problemText(p))
				return
			}
			s.say(problemText(p)) // it runs, and another may come
		}
		build := parseBuild(info)
		program.Modules = build.modules
		l.mapper = rewrite.NewMapper(s.localSpace(l.at), program)
		s.giveNotes(l, build)
		next()
	}
	if a.Sources != "" {
		left++
		s.evaluate(l, a.Sources, func(value, _ string) {
			program.Sources = lines(value)
			step()
		})
	}
	if a.BuildInfo != "" {
		left++
		s.evaluateString(l, a.BuildInfo, func(value, why string) {
			info, failure = value, why
			step()
		})
	}
	step()
}

// evaluate asks for the value of an expression; "" when there is none, and
// then why.
func (s *session) evaluate(l *link, expression string, done func(value, why string)) {
	args := map[string]any{"expression": expression, "context": "clipboard"}
	l.ask("evaluate", args, func(r message.Message) {
		var body struct {
			Result string `json:"result"`
		}
		if !r.Success || json.Unmarshal(r.Payload(), &body) != nil {
			s.log.Debug("evaluating", "expression", expression, "error", r.FailureText())
			done("", r.FailureText())
			return
		}
		done(body.Result, "")
	})
}

// localSpace is the developer's machine as a link's process sees it.
func (s *session) localSpace(at api.DebugSession) rewrite.Workspace {
	space := s.space
	if space.Files == nil {
		space.Files = nowhere{}
	}
	for _, p := range at.Paths {
		space.Synced = append(space.Synced, rewrite.Pair{Local: space.Files.Real(p.Local), Remote: p.Remote})
	}
	return space
}

// nowhere is a machine without files.
type nowhere struct{}

func (nowhere) Exists(string) bool      { return false }
func (nowhere) Real(path string) string { return path }

// replay sets the breakpoints that the editor has set, tells it what changed,
// and lets the program run if the editor had let it.
func (s *session) replay(l *link, next func()) {
	left := 1
	step := func() {
		if left--; left == 0 {
			s.letRun(l, next)
		}
	}
	s.breakpoints.each(s.adapter.Remembered, func(set *set) {
		if set.empty() || l.lacks(set.request.Command) {
			return
		}
		left++
		l.call(s.outbound(l, set.request), nil, func(r message.Message) {
			s.tellBreakpoints(s.breakpoints.replayed(set, s.inbound(l, r)))
			step()
		})
	})
	step()
}

func (s *session) letRun(l *link, next func()) {
	if !s.configured {
		next()
		return
	}
	l.ask("configurationDone", nil, func(r message.Message) {
		if !r.Success {
			s.lost(r.FailureText())
			return
		}
		s.whenArmed(l, func() {
			if s.link == l {
				next()
			}
		})
	})
}

// goLive lets requests and events pass from now on.
func (s *session) goLive(l *link) {
	s.phase = live
	l.live = time.Now()
	stop(s.patience)
	s.patience, s.awaiting = nil, false
	s.refused = ""
	s.sessions++
	s.event("process", map[string]any{
		"name": l.at.Program, "systemProcessId": debugged(l.at), "isLocalProcess": false, "startMethod": "attach",
	})
	if s.sessions == 1 && l.at.Started && !s.launch {
		s.say(l.at.Resource + " was started anew: its debugger could not join it as it ran")
	}
	if s.sessions == 1 || l.at.Child != 0 {
		s.sayTaken(l.at)
	}
	if s.sessions == 1 && s.adapter.Notice != "" {
		s.say(l.at.Resource + " " + s.adapter.Notice)
	}
	if s.sessions > 1 {
		s.say(fmt.Sprintf("%s runs anew (pid %d in pod %s), breakpoints are set", l.at.Resource, debugged(l.at), l.at.Pod))
		if s.prefers("supportsInvalidatedEvent") {
			s.event("invalidated", map[string]any{"areas": []string{"all"}})
		}
	}
	s.acceptAttach()
	s.flushHeld()
	if r := s.resource(); r != nil {
		s.tellOld(*r)
	}
}

// debugged returns the pid of the process that a debugger is attached to.
func debugged(at api.DebugSession) int { return cmp.Or(at.Child, at.Pid) }

func intField(data json.RawMessage, name string) int {
	var fields map[string]json.RawMessage
	var n int
	if json.Unmarshal(data, &fields) == nil {
		_ = json.Unmarshal(fields[name], &n)
	}
	return n
}
