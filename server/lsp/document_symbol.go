package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/syntax"
)

var symbolKinds = map[ide.SymbolKind]lsp.SymbolKind{
	ide.SymbolFunction: lsp.SymbolKindFunction, ide.SymbolVariable: lsp.SymbolKindVariable,
	ide.SymbolResource: lsp.SymbolKindClass, ide.SymbolImage: lsp.SymbolKindPackage,
}

// documentSymbol lists what a file declares: functions, variables, resources
// and images.
func (s *session) documentSymbol(_ context.Context, snap *workspace.Snapshot, p *lsp.DocumentSymbolParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	list := ide.DocumentSymbols(v.ide, v.file)
	if !s.client.symbolTree {
		return lsp.SymbolInformationSlice(v.flatSymbols(list, "", nil)), nil
	}
	return lsp.DocumentSymbolSlice(v.symbols(list)), nil
}

// flatSymbols appends symbols and those within them, for clients that take no
// tree.
func (v *view) flatSymbols(list []ide.Symbol, container string, out []lsp.SymbolInformation) []lsp.SymbolInformation {
	for _, sym := range list {
		info := lsp.SymbolInformation{
			BaseSymbolInformation: lsp.BaseSymbolInformation{Name: sym.Name, Kind: symbolKinds[sym.Kind]},
			Location:              lsp.Location{URI: v.uriOf(v.file.Name), Range: v.rng(around(sym.Span, sym.Selection))},
		}
		if container != "" {
			info.ContainerName = new(container)
		}
		out = v.flatSymbols(sym.Children, sym.Name, append(out, info))
	}
	return out
}

func (v *view) symbols(list []ide.Symbol) []lsp.DocumentSymbol {
	out := []lsp.DocumentSymbol{}
	for _, sym := range list {
		d := lsp.DocumentSymbol{
			Name: sym.Name, Kind: symbolKinds[sym.Kind],
			Range: v.rng(around(sym.Span, sym.Selection)), SelectionRange: v.rng(sym.Selection),
		}
		if sym.Detail != "" {
			d.Detail = new(sym.Detail)
		}
		if len(sym.Children) > 0 {
			d.Children = v.symbols(sym.Children)
		}
		out = append(out, d)
	}
	return out
}

// around is the smallest span that holds both, as clients insist that a
// symbol holds its name.
func around(a, b syntax.Span) syntax.Span {
	return syntax.Span{Start: min(a.Start, b.Start), End: max(a.End, b.End)}
}

// workspaceSymbol lists the symbols of all projects that fit a query.
func (s *session) workspaceSymbol(_ context.Context, snap *workspace.Snapshot, p *lsp.WorkspaceSymbolParams) (any, error) {
	out := []lsp.WorkspaceSymbol{}
	for _, v := range s.roots(snap) {
		for _, sym := range ide.WorkspaceSymbols(v.whole().ide, p.Query) {
			loc, ok := v.location(ide.Location{Path: sym.Path, Span: sym.Selection})
			if !ok {
				continue
			}
			out = append(out, lsp.WorkspaceSymbol{
				BaseSymbolInformation: lsp.BaseSymbolInformation{Name: sym.Name, Kind: symbolKinds[sym.Kind]},
				Location:              &loc,
			})
		}
	}
	return lsp.WorkspaceSymbolSlice(out), nil
}
