package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/syntax"
)

// prepareCallHierarchy returns the def that stands or is called at a place.
func (s *session) prepareCallHierarchy(_ context.Context, snap *workspace.Snapshot, p *lsp.CallHierarchyPrepareParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	item := ide.PrepareCallHierarchy(v.whole().ide, v.file, v.offset(p.Position))
	if item == nil {
		return nil, nil
	}
	out, ok := v.callItem(*item)
	if !ok {
		return nil, nil
	}
	return []lsp.CallHierarchyItem{out}, nil
}

// incomingCalls lists who calls an item.
func (s *session) incomingCalls(_ context.Context, snap *workspace.Snapshot, p *lsp.CallHierarchyIncomingCallsParams) (any, error) {
	v, item := s.viewOfItem(snap, p.Item)
	if v == nil {
		return nil, nil
	}
	out := []lsp.CallHierarchyIncomingCall{}
	for _, c := range ide.IncomingCalls(v.ide, item) {
		if from, ok := v.callItem(c.Item); ok {
			out = append(out, lsp.CallHierarchyIncomingCall{From: from, FromRanges: v.ranges(c.Item.Path, c.Places)})
		}
	}
	return out, nil
}

// outgoingCalls lists whom an item calls.
func (s *session) outgoingCalls(_ context.Context, snap *workspace.Snapshot, p *lsp.CallHierarchyOutgoingCallsParams) (any, error) {
	v, item := s.viewOfItem(snap, p.Item)
	if v == nil {
		return nil, nil
	}
	out := []lsp.CallHierarchyOutgoingCall{}
	for _, c := range ide.OutgoingCalls(v.ide, item) {
		if to, ok := v.callItem(c.Item); ok {
			out = append(out, lsp.CallHierarchyOutgoingCall{To: to, FromRanges: v.ranges(item.Path, c.Places)})
		}
	}
	return out, nil
}

// callItem returns an item as the client takes it.
func (v *view) callItem(i ide.CallItem) (lsp.CallHierarchyItem, bool) {
	text, u := v.textOf(i.Path)
	if text == nil {
		return lsp.CallHierarchyItem{}, false
	}
	whole := around(i.Span, i.Selection)
	return lsp.CallHierarchyItem{
		Name: i.Name, Kind: lsp.SymbolKindFunction, URI: u,
		Range:          v.s.rangeOf(text, whole.Start, whole.End),
		SelectionRange: v.s.rangeOf(text, i.Selection.Start, i.Selection.End),
	}, true
}

// viewOfItem takes an item back from the client.
func (s *session) viewOfItem(snap *workspace.Snapshot, i lsp.CallHierarchyItem) (*view, ide.CallItem) {
	v := s.view(snap, i.URI)
	if v == nil {
		return nil, ide.CallItem{}
	}
	return v.whole(), ide.CallItem{Name: i.Name, Path: v.file.Name, Span: v.span(i.Range), Selection: v.span(i.SelectionRange)}
}

// ranges returns places in a file as the client names them.
func (v *view) ranges(path string, spans []syntax.Span) []lsp.Range {
	out := []lsp.Range{}
	if text, _ := v.textOf(path); text != nil {
		for _, s := range spans {
			out = append(out, v.s.rangeOf(text, s.Start, s.End))
		}
	}
	return out
}
