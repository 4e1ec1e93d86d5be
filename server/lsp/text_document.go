package lsp

import (
	"context"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
)

// didOpen takes over a document from the disk.
func (s *session) didOpen(_ context.Context, p *lsp.DidOpenTextDocumentParams, spelled string) (any, error) {
	d := p.TextDocument
	doc := &workspace.Document{
		URI: keyOf(d.URI), Spelled: spelled, Path: pathOf(d.URI), Language: string(d.LanguageID), Version: d.Version,
		Text: workspace.NewText(d.Text),
	}
	err := s.docs.Open(doc)
	if s.docs.Snapshot().IsTiltfile(doc) {
		s.diagnoser.changed(doc.URI)
		if p := s.projectOf(doc.Path); p != nil && !s.client.static && !s.options.Extensions.Foreign(doc.Path) {
			p.link.wake()
		}
	}
	return nil, err
}

// didChange edits a document.
func (s *session) didChange(_ context.Context, p *lsp.DidChangeTextDocumentParams) (any, error) {
	var changes []workspace.Change
	for _, event := range p.ContentChanges {
		switch e := event.(type) {
		case *lsp.TextDocumentContentChangePartial:
			changes = append(changes, workspace.Change{Range: new(rangeFrom(e.Range)), Text: e.Text})
		case *lsp.TextDocumentContentChangeWholeDocument:
			changes = append(changes, workspace.Change{Text: e.Text})
		}
	}
	err := s.docs.Change(keyOf(p.TextDocument.URI), p.TextDocument.Version, s.client.encoding, changes)
	s.typing.note(keyOf(p.TextDocument.URI))
	s.diagnoser.changed(keyOf(p.TextDocument.URI))
	return nil, err
}

// didClose gives a document back to the disk.
func (s *session) didClose(_ context.Context, p *lsp.DidCloseTextDocumentParams) (any, error) {
	err := s.docs.Close(keyOf(p.TextDocument.URI))
	s.typing.ended(keyOf(p.TextDocument.URI))
	s.tokenStore.forget(keyOf(p.TextDocument.URI))
	s.diagnoser.changed(keyOf(p.TextDocument.URI))
	return nil, err
}

func rangeFrom(r lsp.Range) workspace.Range {
	return workspace.Range{
		Start: workspace.Position{Line: r.Start.Line, Character: r.Start.Character},
		End:   workspace.Position{Line: r.End.Line, Character: r.End.Character},
	}
}

// rangeOf returns the range between two byte offsets of a text.
func (s *session) rangeOf(text *workspace.Text, start, end int) lsp.Range {
	return lsp.Range{Start: s.positionOf(text, start), End: s.positionOf(text, end)}
}

func (s *session) positionOf(text *workspace.Text, offset int) lsp.Position {
	p := text.Position(offset, s.client.encoding)
	return lsp.Position{Line: p.Line, Character: p.Character}
}
