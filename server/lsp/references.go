package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

// references lists the places that speak of what stands at a place, in all
// files that belong together.
func (s *session) references(_ context.Context, snap *workspace.Snapshot, p *lsp.ReferenceParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	return v.whole().locations(ide.References(v.ide, v.file, v.offset(p.Position), p.Context.IncludeDeclaration)), nil
}

// documentHighlight lists those of the same file.
func (s *session) documentHighlight(_ context.Context, snap *workspace.Snapshot, p *lsp.DocumentHighlightParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	out := []lsp.DocumentHighlight{}
	for _, h := range ide.DocumentHighlight(v.ide, v.file, v.offset(p.Position)) {
		kind := lsp.DocumentHighlightKindRead
		if h.Write {
			kind = lsp.DocumentHighlightKindWrite
		}
		out = append(out, lsp.DocumentHighlight{Range: v.rng(h.Span), Kind: kind})
	}
	return out, nil
}
