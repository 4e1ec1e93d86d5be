package lsp

import (
	"context"
	"slices"
	"strings"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

// codeAction offers fixes and rewrites for a range.
func (s *session) codeAction(_ context.Context, snap *workspace.Snapshot, p *lsp.CodeActionParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil || !s.client.codeActions {
		return nil, nil
	}
	out := []lsp.CommandOrCodeAction{}
	for _, a := range ide.CodeActions(v.ide, v.file, v.span(p.Range)) {
		kind := lsp.CodeActionKind(a.Kind)
		if !asked(p.Context.Only, kind) {
			continue
		}
		action := &lsp.CodeAction{Title: a.Title, Kind: &kind, Edit: v.workspaceEdit(a.Edits)}
		if a.Preferred && s.client.preferred {
			action.IsPreferred = new(true)
		}
		if a.Diagnostic != nil {
			action.Diagnostics = []lsp.Diagnostic{v.diagnostic(*a.Diagnostic)}
		}
		out = append(out, action)
	}
	return out, nil
}

// asked reports whether a kind is one of those that were asked for, or below
// one; none means all.
func asked(only []lsp.CodeActionKind, kind lsp.CodeActionKind) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(o lsp.CodeActionKind) bool {
		return o == "" || kind == o || strings.HasPrefix(string(kind), string(o)+".")
	})
}
