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
