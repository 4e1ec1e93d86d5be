package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

// documentLink lists the loads, paths and URLs that lead somewhere.
func (s *session) documentLink(_ context.Context, snap *workspace.Snapshot, p *lsp.DocumentLinkParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	out := []lsp.DocumentLink{}
	for _, l := range ide.DocumentLinks(v.ide, v.file) {
		if target := v.target(l); target != "" {
			out = append(out, lsp.DocumentLink{Range: v.rng(l.Span), Target: &target})
		}
	}
	return out, nil
}

// target returns where a link leads, "" when that cannot be opened.
func (v *view) target(l ide.Link) uri.URI {
	if l.URL == "" {
		return v.uriOf(l.Path)
	}
	target, err := uri.Parse(l.URL)
	if err != nil {
		return ""
	}
	return target
}
