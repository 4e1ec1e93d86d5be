package inspector

import (
	"context"
	"regexp"
	"slices"

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

// The limits of what is set to catch a step.
const (
	catchCalls  = 8
	catchPlaces = 300
	catchLines  = 2000 // that a function is looked at
)

// catch has a step that is under way end where it would, although the program
// stops before: in a file that it loads, for the map to be read. That stop ends
// V8's step. Its place is taken by a breakpoint at each statement that may be the
// next one, of the function and of those that called it. mu is held.
func (s *session) catch(ctx context.Context, t *thread) {
	calls := t.from
	if t.stepping == "" || t.stepping == "Debugger.stepInto" || len(t.catches) > 0 {
		return
	}
	for i, call := range calls[:min(len(calls), catchCalls)] {
		if sc := t.scripts[call.Location.ScriptID]; sc == nil || internal.MatchString(sc.URL) || t.stepping == "Debugger.stepOut" && i == 0 {
			continue
		}
		for _, at := range t.statements(ctx, call.Start) {
			if at.Line == call.Location.Line && at.Column <= call.Location.Column || len(t.catches) >= catchPlaces {
				continue
			}
			var r struct {
				ID string `json:"breakpointId"`
			}
			if t.call(ctx, "Debugger.setBreakpoint", map[string]any{"location": at}, &r) == nil { // else there is one of the client's
				t.catches = append(t.catches, r.ID)
			}
		}
	}
}

// statements returns the places in a function at which a step may end.
func (t *thread) statements(ctx context.Context, function cdp.Location) (list []cdp.Location) {
	var r struct {
		Locations []struct {
			cdp.Location
			Type string `json:"type"`
		} `json:"locations"`
	}
	end := cdp.Location{ScriptID: function.ScriptID, Line: function.Line + catchLines}
	err := t.call(ctx, "Debugger.getPossibleBreakpoints", map[string]any{"start": function, "end": end, "restrictToFunction": true}, &r)
	if err != nil {
		t.s.log.Debug("looking where a step may end", "error", err)
	}
	for _, at := range r.Locations {
		if at.Type != "call" {
			list = append(list, at.Location)
		}
	}
	return list
}

// caught reports whether a stop is not where a step would have ended, but deeper
// in a recursion; what was set to catch the step goes with any other stop. mu is
// held.
func (s *session) caught(ctx context.Context, t *thread, p *cdp.Paused) (deeper bool) {
	if len(t.catches) == 0 {
		return false
	}
	hit := len(p.Hit)
	p.Hit = slices.DeleteFunc(p.Hit, func(id string) bool { return slices.Contains(t.catches, id) })
	if len(p.Hit) < hit && len(p.Hit) == 0 && len(p.Frames) > len(t.from) {
		return true
	}
	s.uncatch(ctx, t)
	return false
}

// uncatch takes away what was set to catch a step. mu is held.
func (s *session) uncatch(ctx context.Context, t *thread) {
	for _, id := range t.catches {
		s.unset(ctx, setAt{thread: t, id: id})
	}
	t.catches = nil
}

// internal are the addresses of Node's own scripts.
var internal = regexp.MustCompile(internals)
