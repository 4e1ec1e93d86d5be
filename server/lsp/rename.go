package lsp

import (
	"context"
	"errors"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

var (
	errNoTiltfile = errors.New("this is no Tiltfile")
	errForeign    = errors.New("this extension is not the project's own: a change here would be lost")
)

// prepareRename says whether the name at a place can be renamed, or why not.
func (s *session) prepareRename(_ context.Context, snap *workspace.Snapshot, p *lsp.PrepareRenameParams) (any, error) {
	v, err := s.renamable(snap, p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	span, err := ide.PrepareRename(v.whole().ide, v.file, v.offset(p.Position))
	if err != nil {
		return nil, err
	}
	return &lsp.PrepareRenamePlaceholder{Range: v.rng(span), Placeholder: v.text.String()[span.Start:span.End]}, nil
}

// renamable returns a file in which names may be changed.
func (s *session) renamable(snap *workspace.Snapshot, u uri.URI) (*view, error) {
	v := s.view(snap, u)
	switch {
	case v == nil:
		return nil, errNoTiltfile
	case s.options.Extensions.Foreign(v.file.Name):
		return nil, errForeign
	}
	return v, nil
}

// rename gives a name another one, in all files that belong together.
func (s *session) rename(_ context.Context, snap *workspace.Snapshot, p *lsp.RenameParams) (any, error) {
	v, err := s.renamable(snap, p.TextDocument.URI)
	if err != nil {
		return nil, err
	}
	edits, err := ide.Rename(v.whole().ide, v.file, v.offset(p.Position), p.NewName)
	if err != nil {
		return nil, err
	}
	return &lsp.WorkspaceEdit{Changes: v.edits(edits)}, nil
}
