package lsp

import (
	"context"
	"errors"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

var errForeign = errors.New("this extension is not the project's own: a change here would be lost")

// prepareRename says whether the name at a place can be renamed, or why not. In
// files in which nothing can, there is nothing to rename.
func (s *session) prepareRename(_ context.Context, snap *workspace.Snapshot, p *lsp.PrepareRenameParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil || s.options.Extensions.Foreign(v.file.Name) {
		return nil, nil
	}
	span, err := ide.PrepareRename(v.whole().ide, v.file, v.offset(p.Position))
	if err != nil {
		return nil, err
	}
	return &lsp.PrepareRenamePlaceholder{Range: v.rng(span), Placeholder: v.text.String()[span.Start:span.End]}, nil
}

// rename gives a name another one, in all files that belong together.
func (s *session) rename(_ context.Context, snap *workspace.Snapshot, p *lsp.RenameParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	switch {
	case v == nil:
		return nil, nil
	case s.options.Extensions.Foreign(v.file.Name):
		return nil, errForeign
	}
	edits, err := ide.Rename(v.whole().ide, v.file, v.offset(p.Position), p.NewName)
	if err != nil {
		return nil, err
	}
	return v.workspaceEdit(edits), nil
}
