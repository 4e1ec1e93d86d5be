package lsp

import (
	"context"
	"strings"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/syntax"
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
	return append(out, v.tags(v.span(p.Range))...), nil
}

// tags names the tag that each image got, behind the reference that declares
// it.
func (v *view) tags(within syntax.Span) []lsp.InlayHint {
	project := v.s.nearest(v.file.Name)
	if project == nil {
		return nil
	}
	pushed := map[string]string{}
	for _, r := range resourcesOf(project.link.status()) {
		for _, i := range r.Images {
			if _, tag, ok := strings.Cut(i.Pushed[strings.LastIndexByte(i.Pushed, '/')+1:], ":"); ok {
				pushed[i.Ref] = tag
			}
		}
	}
	if len(pushed) == 0 {
		return nil
	}
	var out []lsp.InlayHint
	for _, sym := range ide.Declared(v.ide, v.file) {
		at := sym.Selection.End
		if tag := pushed[sym.Name]; sym.Kind == ide.SymbolImage && tag != "" && within.Contains(at) {
			out = append(out, lsp.InlayHint{
				Position: v.s.positionOf(v.text, at), Label: lsp.String(":" + tag), Kind: lsp.InlayHintKindType,
			})
		}
	}
	return out
}
