package lsp

import (
	"context"
	"errors"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/format"
)

// errSyntax is the answer to formatting what cannot be understood: nothing is
// touched.
var errSyntax = errors.New("the file has syntax errors; repair them first")

// formatting lays out a whole file. The client's options are ignored: there is
// one layout.
func (s *session) formatting(_ context.Context, snap *workspace.Snapshot, p *lsp.DocumentFormattingParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	edits, ok := format.Edits(v.file.File)
	if !ok {
		return nil, errSyntax
	}
	return v.textEdits(edits), nil
}

// rangeFormatting lays out what touches a range.
func (s *session) rangeFormatting(_ context.Context, snap *workspace.Snapshot, p *lsp.DocumentRangeFormattingParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	edits, ok := format.RangeEdits(v.file.File, v.span(p.Range))
	if !ok {
		return nil, errSyntax
	}
	return v.textEdits(edits), nil
}

// onTypeFormatting indents a line that was just begun.
func (s *session) onTypeFormatting(_ context.Context, snap *workspace.Snapshot, p *lsp.DocumentOnTypeFormattingParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil || p.Ch != "\n" {
		return nil, nil
	}
	return v.textEdits(format.OnNewline(v.file.File, v.offset(p.Position))), nil
}

// textEdits returns edits of the file as the client takes them.
func (v *view) textEdits(list []format.Edit) []lsp.TextEdit {
	out := []lsp.TextEdit{}
	for _, e := range list {
		out = append(out, lsp.TextEdit{Range: v.rng(e.Span), NewText: e.Text})
	}
	return out
}
