package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

// selectionRange lists, for each place, the ever larger ranges around it.
func (s *session) selectionRange(_ context.Context, snap *workspace.Snapshot, p *lsp.SelectionRangeParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	out := []lsp.SelectionRange{}
	for _, at := range p.Positions {
		// The protocol wants one answer for each place, of whatever size.
		innermost := &lsp.SelectionRange{Range: lsp.Range{Start: at, End: at}}
		spans := ide.SelectionRanges(v.file, v.offset(at))
		for i := len(spans) - 1; i >= 0; i-- {
			next := &lsp.SelectionRange{Range: v.rng(spans[i])}
			if i < len(spans)-1 {
				next.Parent = innermost
			}
			innermost = next
		}
		out = append(out, *innermost)
	}
	return out, nil
}
