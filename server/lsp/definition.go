package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

// definition says where what stands at a place is made, through loads.
func (s *session) definition(_ context.Context, snap *workspace.Snapshot, p *lsp.DefinitionParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	return lsp.LocationSlice(v.whole().locations(ide.Definition(v.ide, v.file, v.offset(p.Position)))), nil
}

// declaration is definition, but stops at the load that binds a name.
func (s *session) declaration(_ context.Context, snap *workspace.Snapshot, p *lsp.DeclarationParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	return lsp.LocationSlice(v.whole().locations(ide.Declaration(v.ide, v.file, v.offset(p.Position)))), nil
}
