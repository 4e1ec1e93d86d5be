package ide

import (
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// TokenType says how an editor colours a token; the values index TokenTypes.
type TokenType uint8

// The types of tokens.
const (
	TokenComment TokenType = iota
	TokenKeyword
	TokenString
	TokenNumber
	TokenOperator
	TokenFunction
	TokenVariable
	TokenParameter
	TokenProperty
	TokenNamespace
)

// TokenTypes are the names of the types in the protocol, in order.
var TokenTypes = []string{"comment", "keyword", "string", "number", "operator", "function", "variable", "parameter", "property", "namespace"}

// TokenModifier is a set of bits; bit i is TokenModifiers[i].
type TokenModifier uint8

// The modifiers of tokens.
const (
	ModDeclaration TokenModifier = 1 << iota
	ModReadonly
	ModDefaultLibrary
	ModDeprecated
)

// TokenModifiers are the names of the modifiers in the protocol, in order.
var TokenModifiers = []string{"declaration", "readonly", "defaultLibrary", "deprecated"}

// SemanticToken is a coloured piece of one line.
type SemanticToken struct {
	Span syntax.Span
	Type TokenType
	Mods TokenModifier
}

// SemanticTokens returns the tokens of a file within a span, in order. None
// reaches over the end of a line.
func SemanticTokens(s *Snapshot, f *resolve.File, within syntax.Span) []SemanticToken {
	t := &tokenizer{f: f, within: within, in: newInference(s)}
	t.names = make(map[int]SemanticToken, f.NumIdent)
	t.binding = make([]bool, f.NumIdent)
	t.binders(f.Root)
	syntax.Walk(f.File, t.visit)
	ci := 0
	for tok := range f.Tokens() {
		for ci < len(f.Comments) && f.Comments[ci].Start < tok.Start {
			t.add(SemanticToken{Span: syntax.Span{Start: f.Comments[ci].Start, End: f.Comments[ci].End}, Type: TokenComment})
			ci++
		}
		t.token(tok)
	}
	for ; ci < len(f.Comments); ci++ {
		t.add(SemanticToken{Span: syntax.Span{Start: f.Comments[ci].Start, End: f.Comments[ci].End}, Type: TokenComment})
	}
	return t.out
}

type tokenizer struct {
	f      *resolve.File
	within syntax.Span
	in     *inference
	out    []SemanticToken

	names   map[int]SemanticToken // of identifiers, by their start
	binding []bool                // whether the identifier of that ID binds its name
}

// binders notes the identifiers that bind a name.
func (t *tokenizer) binders(s *resolve.Scope) {
	for _, b := range s.Order {
		for _, site := range b.Sites {
			t.binding[site.Ident.ID] = true
		}
	}
	for _, c := range s.Children {
		t.binders(c)
	}
}

// add appends a token, one piece for each of its lines.
func (t *tokenizer) add(tok SemanticToken) {
	if tok.Span.End <= t.within.Start || tok.Span.Start >= t.within.End || tok.Span.Start == tok.Span.End {
		return
	}
	first, last := t.f.Lines.Number(tok.Span.Start), 0
	if tok.Type == TokenString {
		last = t.f.Lines.Number(tok.Span.End)
	}
	for line := first; line < last; line++ {
		piece := tok
		piece.Span.End = t.f.Lines.Line(line).End
		if piece.Span.End > piece.Span.Start {
			t.out = append(t.out, piece)
		}
		tok.Span.Start = t.f.Lines.Line(line + 1).Start
	}
	if tok.Span.End > tok.Span.Start {
		t.out = append(t.out, tok)
	}
}

func (t *tokenizer) token(tok syntax.Token) {
	s := SemanticToken{Span: syntax.Span{Start: tok.Start, End: tok.End}}
	switch k := tok.Kind; {
	case k == syntax.IDENT:
		name, ok := t.names[tok.Start]
		if !ok {
			return
		}
		s = name
	case k == syntax.STRING || k == syntax.BYTES:
		s.Type = TokenString
	case k == syntax.INT || k == syntax.FLOAT:
		s.Type = TokenNumber
	case k.IsKeyword():
		s.Type = TokenKeyword
	case syntax.PLUS <= k && k <= syntax.TILDE, k.IsAssign(), syntax.LT <= k && k <= syntax.NEQ, k == syntax.STARSTAR:
		s.Type = TokenOperator
	default:
		return
	}
	t.add(s)
}

// visit notes what each identifier is. It does not go where nothing is asked.
func (t *tokenizer) visit(n syntax.Node) bool {
	if s := n.Span(); s.End < t.within.Start || s.Start > t.within.End {
		return false
	}
	switch n := n.(type) {
	case *syntax.DotExpr:
		t.note(n.Name, t.member(n))
	case *syntax.Arg:
		if n.Name != nil {
			t.note(n.Name, SemanticToken{Type: TokenParameter})
		}
	case *syntax.Ident:
		if _, done := t.names[n.Start]; !done {
			t.note(n, t.name(n))
		}
	}
	return true
}

func (t *tokenizer) note(id *syntax.Ident, tok SemanticToken) {
	tok.Span = id.Span()
	t.names[id.Start] = tok
}

func (t *tokenizer) member(n *syntax.DotExpr) SemanticToken {
	if e := memberEntry(t.in.expr(t.f, n.X), n.Name.Name); e != nil {
		return entryToken(e)
	}
	return SemanticToken{Type: TokenProperty}
}

func entryToken(e *decl.Entry) SemanticToken {
	tok := SemanticToken{Type: TokenVariable, Mods: ModDefaultLibrary}
	switch e.Kind {
	case decl.Function:
		tok.Type = TokenFunction
	case decl.Module:
		tok.Type = TokenNamespace
	case decl.Constant:
		tok.Mods |= ModReadonly
	}
	if e.Deprecated != "" {
		tok.Mods |= ModDeprecated
	}
	return tok
}

func (t *tokenizer) name(id *syntax.Ident) SemanticToken {
	b := t.f.Binding(id)
	if b == nil {
		return SemanticToken{Type: TokenVariable}
	}
	if b.Kind == resolve.Builtin {
		return entryToken(b.Entry)
	}
	tok := SemanticToken{Type: TokenVariable}
	switch {
	case b.Kind == resolve.Param:
		tok.Type = TokenParameter
	case b.Def() != nil:
		tok.Type = TokenFunction
	case b.Kind == resolve.Loaded:
		if v := t.in.binding(t.f, b); v.def != nil || v.entry != nil {
			tok.Type = TokenFunction
		}
	}
	if t.binding[id.ID] {
		tok.Mods |= ModDeclaration
	}
	return tok
}
