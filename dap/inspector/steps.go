package inspector

import (
	"context"

	"github.com/towline-dev/towline/dap/cdp"
)

// maxBlank is how many steps are taken over text that came from no source.
const maxBlank = 30

// stepsOn goes on with a step that ended in text that came from no source. mu is
// held.
func (s *session) stepsOn(ctx context.Context, t *thread, p cdp.Paused) bool {
	if t.stepping == "" || p.Reason != "step" && p.Reason != "other" || len(p.Hit) > 0 || len(p.Frames) == 0 || t.steps >= maxBlank {
		return false
	}
	at := p.Frames[0].Location
	if _, blank := s.origin(ctx, t, at.ScriptID, at.Line, at.Column); !blank {
		return false
	}
	method := t.stepping
	if method == "Debugger.stepInto" {
		method = "Debugger.stepOver"
	}
	t.steps++
	return t.call(ctx, method, nil, nil) == nil
}

// past returns how a thread goes on from a stop that the client is not told of. A
// step that is under way would be forgotten with it: it is taken up again when the
// call has returned that it came to, such as that of require.
func (t *thread) past(p cdp.Paused) string {
	switch {
	case t.stepping == "":
		return "Debugger.resume"
	case t.stepping == "Debugger.stepInto" || len(p.Frames) <= t.depth:
		return t.stepping
	}
	t.returning = true
	return "Debugger.stepOut"
}

// returns goes on with such a step until it is where it would have ended. mu is
// held.
func (t *thread) returns(ctx context.Context, p cdp.Paused) bool {
	if !t.returning || p.Reason != "step" && p.Reason != "other" || len(p.Hit) > 0 || len(p.Frames) == 0 {
		return false
	}
	depth, at := t.depth, p.Frames[0].Location
	if t.stepping == "Debugger.stepOut" {
		depth--
	}
	if len(p.Frames) > depth {
		return t.call(ctx, "Debugger.stepOut", nil, nil) == nil
	}
	t.returning = false
	if len(p.Frames) < depth || t.stepping == "Debugger.stepOut" || at.ScriptID != t.from.ScriptID || at.Line != t.from.Line {
		return false
	}
	return t.call(ctx, t.stepping, nil, nil) == nil // within the line that the step began in
}
