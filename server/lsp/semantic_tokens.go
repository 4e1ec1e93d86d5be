package lsp

import (
	"context"
	"strconv"
	"sync"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/syntax"
)

// tokenStore keeps the tokens that each document was last coloured with, so
// that the next answer need only say what differs.
type tokenStore struct {
	mu   sync.Mutex
	next int
	last map[string]tokenResult // by URI
}

type tokenResult struct {
	id   string
	data []uint32
}

// swap stores new tokens and returns the ones before and the new id.
func (t *tokenStore) swap(uri string, data []uint32) (before tokenResult, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[string]tokenResult{}
	}
	t.next++
	id = strconv.Itoa(t.next)
	before = t.last[uri]
	t.last[uri] = tokenResult{id, data}
	return before, id
}

// forget drops the tokens of a document that was closed.
func (t *tokenStore) forget(uri string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, uri)
}

// semanticTokensFull colours a document.
func (s *session) semanticTokensFull(_ context.Context, snap *workspace.Snapshot, p *lsp.SemanticTokensParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	data := v.tokens(syntax.Span{End: v.text.Len()})
	_, id := s.tokenStore.swap(keyOf(p.TextDocument.URI), data)
	return &lsp.SemanticTokens{ResultID: &id, Data: data}, nil
}

// semanticTokensDelta says how the colours differ from those of an earlier
// answer; without it at hand it colours the whole document.
func (s *session) semanticTokensDelta(_ context.Context, snap *workspace.Snapshot, p *lsp.SemanticTokensDeltaParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	data := v.tokens(syntax.Span{End: v.text.Len()})
	before, id := s.tokenStore.swap(keyOf(p.TextDocument.URI), data)
	if before.id == "" || before.id != p.PreviousResultID {
		return &lsp.SemanticTokens{ResultID: &id, Data: data}, nil
	}
	return &lsp.SemanticTokensDelta{ResultID: &id, Edits: tokenEdits(before.data, data)}, nil
}

// semanticTokensRange colours a part of a document.
func (s *session) semanticTokensRange(_ context.Context, snap *workspace.Snapshot, p *lsp.SemanticTokensRangeParams) (any, error) {
	v := s.view(snap, p.TextDocument.URI)
	if v == nil {
		return nil, nil
	}
	return &lsp.SemanticTokens{Data: v.tokens(v.span(p.Range))}, nil
}

// tokens encodes the tokens within a span as the protocol does: five numbers
// each, the first two relative to the token before.
func (v *view) tokens(within syntax.Span) []uint32 {
	e := tokenEncoder{lines: v.file.Lines, src: v.file.Src, enc: v.s.client.encoding}
	e.data = make([]uint32, 0, 5*v.file.NumTokens()*within.End/max(len(e.src), 1)+5)
	ide.EachSemanticToken(v.ide, v.file, within, e.add)
	return e.data
}

// tokenEncoder encodes tokens, which come in order, without looking at any part
// of the text twice.
type tokenEncoder struct {
	lines *syntax.Lines
	src   string
	enc   workspace.Encoding
	data  []uint32

	line  int // of the token before
	start int // where it starts
	end   int // where the line after its own starts
}

func (e *tokenEncoder) add(t ide.SemanticToken) {
	down, from := 0, e.start
	if e.end == 0 || t.Span.Start >= e.end && e.line+1 < e.lines.Count() {
		line := e.lines.Number(t.Span.Start)
		down, from = line-e.line, e.lines.Line(line).Start
		if e.line, e.end = line, len(e.src)+1; line+1 < e.lines.Count() {
			e.end = e.lines.Line(line + 1).Start
		}
	}
	e.start = t.Span.Start
	e.data = append(e.data, uint32(down), workspace.Width(e.src[from:t.Span.Start], e.enc),
		workspace.Width(e.src[t.Span.Start:t.Span.End], e.enc), uint32(t.Type), uint32(t.Mods))
}

// tokenEdits returns the one edit that turns the numbers before into those
// after: what lies between what they have in common at both ends.
func tokenEdits(before, after []uint32) []lsp.SemanticTokensEdit {
	start := 0
	for start < len(before) && start < len(after) && before[start] == after[start] {
		start++
	}
	end := 0
	for end < len(before)-start && end < len(after)-start && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	if start == len(before) && start == len(after) {
		return []lsp.SemanticTokensEdit{}
	}
	return []lsp.SemanticTokensEdit{{
		Start: uint32(start), DeleteCount: uint32(len(before) - start - end), Data: after[start : len(after)-end],
	}}
}
