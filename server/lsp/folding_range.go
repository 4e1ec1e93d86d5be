package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
)

// foldingRange lists what can be collapsed.
func (s *session) foldingRange(_ context.Context, snap *workspace.Snapshot, p *lsp.FoldingRangeParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	kinds := map[ide.FoldKind]lsp.FoldingRangeKind{
		ide.FoldComment: lsp.FoldingRangeKindComment, ide.FoldLoads: lsp.FoldingRangeKindImports,
	}
	out := []lsp.FoldingRange{}
	for _, f := range ide.FoldingRanges(v.file) {
		out = append(out, lsp.FoldingRange{StartLine: uint32(f.Start), EndLine: uint32(f.End), Kind: kinds[f.Kind]})
	}
	return out, nil
}
