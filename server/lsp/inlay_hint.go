package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

// inlayHint lists the names of parameters and the inferred types that an
// editor may show between the text.
func (s *session) inlayHint(_ context.Context, snap *workspace.Snapshot, p *lsp.InlayHintParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	out := []lsp.InlayHint{}
	for _, h := range ide.InlayHints(v.ide, v.file, v.span(p.Range)) {
		hint := lsp.InlayHint{Position: s.positionOf(v.text, h.Off), Label: lsp.String(h.Label)}
		if h.Type {
			hint.Kind = lsp.InlayHintKindType
		} else {
			hint.Kind, hint.PaddingRight = lsp.InlayHintKindParameter, new(true)
		}
		out = append(out, hint)
	}
	return out, nil
}
