package inspector

import (
	"context"
	"maps"
	"slices"

	"github.com/google/go-dap"

	"github.com/towline-dev/towline/dap/cdp"
	"github.com/towline-dev/towline/dap/sourcemap"
)

// breakpointLocations answers where in some lines the program can stop.
func (s *session) breakpointLocations(ctx context.Context, args dap.BreakpointLocationsArguments) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := sourcemap.Position{Line: args.Line - 1, Column: max(args.Column-1, 0)}
	to := sourcemap.Position{Line: max(args.EndLine, args.Line) - 1, Column: 1 << 20}
	found := map[dap.BreakpointLocation]bool{}
	for _, t := range s.threads {
		origins := t.madeOf[args.Source.Path]
		for _, sc := range t.byPath[args.Source.Path] {
			if sc.made == nil {
				origins = append(slices.Clip(origins), origin{sc, -1})
			}
		}
		for _, o := range origins {
			first, last, ok := from, to, true
			if o.source >= 0 {
				first, last, ok = o.script.made.Span(o.source, from, to)
			}
			if !ok {
				continue
			}
			var r struct {
				Locations []cdp.Location `json:"locations"`
			}
			err := t.call(ctx, "Debugger.getPossibleBreakpoints", map[string]any{
				"start": cdp.Location{ScriptID: o.script.ID, Line: first.Line, Column: first.Column},
				"end":   cdp.Location{ScriptID: o.script.ID, Line: last.Line, Column: last.Column + 1},
			}, &r)
			if err != nil {
				return nil, err
			}
			for _, l := range r.Locations {
				p, blank := s.origin(ctx, t, l.ScriptID, l.Line, l.Column)
				if !blank && p.file == args.Source.Path && p.at.Line >= from.Line && p.at.Line <= to.Line {
					found[dap.BreakpointLocation{Line: p.at.Line + 1, Column: p.at.Column + 1}] = true
				}
			}
		}
	}
	list := slices.Collect(maps.Keys(found))
	sortBy(list, func(l dap.BreakpointLocation) int { return l.Line<<20 | l.Column })
	return dap.BreakpointLocationsResponseBody{Breakpoints: append([]dap.BreakpointLocation{}, list...)}, nil
}
