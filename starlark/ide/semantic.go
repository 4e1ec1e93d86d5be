package ide

import (
	"slices"
	"sort"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/infer"
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
func SemanticTokens(s *Analysis, f *resolve.File, within syntax.Span) []SemanticToken {
	var list []SemanticToken
	EachSemanticToken(s, f, within, func(t SemanticToken) { list = append(list, t) })
	return list
}

// EachSemanticToken calls yield for what SemanticTokens returns.
func EachSemanticToken(s *Analysis, f *resolve.File, within syntax.Span, yield func(SemanticToken)) {
	t := &tokenizer{f: f, within: within, in: infer.New(s.loaded), yield: yield, binding: make([]bool, f.NumIdent)}
	t.noteBindings(f.Root)
	t.comment = sort.Search(len(f.Comments), func(i int) bool { return f.Comments[i].End > within.Start })
	for i := f.PartAt(within.Start); i < len(f.Parts) && f.Parts[i].Start <= within.End; i++ {
		t.part(&f.Parts[i])
	}
}

type tokenizer struct {
	f      *resolve.File
	within syntax.Span
	in     *infer.Inference
	yield  func(SemanticToken)

	names   []SemanticToken // of the identifiers of a part, in order
	next    int             // of names, the first one that no token was found for
	comment int             // of the file's, the first one not yielded
	binding []bool          // whether the identifier of that ID binds its name
}

// noteBindings notes the identifiers that bind a name.
func (t *tokenizer) noteBindings(s *resolve.Scope) {
	for _, b := range s.Order {
		for _, site := range b.Sites {
			t.binding[site.Ident.ID] = true
		}
	}
	for _, c := range s.Children {
		t.noteBindings(c)
	}
}

// part yields the tokens of a part.
func (t *tokenizer) part(p *syntax.Part) {
	t.names, t.next = t.names[:0], 0
	for _, s := range p.Stmts() {
		syntax.Walk(s, t.visit)
	}
	byStart := func(a, b SemanticToken) int { return a.Span.Start - b.Span.Start }
	if !slices.IsSortedFunc(t.names, byStart) {
		slices.SortStableFunc(t.names, byStart)
	}
	for tok := range p.Tokens() {
		t.comments(tok.Start)
		t.token(tok)
	}
	t.comments(p.End())
}

// comments yields the comments that start before an offset and were not
// yielded yet.
func (t *tokenizer) comments(off int) {
	for ; t.comment < len(t.f.Comments) && t.f.Comments[t.comment].Start < off; t.comment++ {
		c := t.f.Comments[t.comment]
		t.add(SemanticToken{Span: syntax.Span{Start: c.Start, End: c.End}, Type: TokenComment})
	}
}

// add yields a token, one piece for each of its lines.
func (t *tokenizer) add(tok SemanticToken) {
	if tok.Span.End <= t.within.Start || tok.Span.Start >= t.within.End || tok.Span.Start == tok.Span.End {
		return
	}
	first, last := 0, 0
	if tok.Type == TokenString && strings.ContainsAny(t.f.Src[tok.Span.Start:tok.Span.End], "\r\n") {
		first, last = t.f.Lines.Number(tok.Span.Start), t.f.Lines.Number(tok.Span.End)
	}
	for line := first; line < last; line++ {
		piece := tok
		piece.Span.End = t.f.Lines.Line(line).End
		if piece.Span.End > piece.Span.Start {
			t.yield(piece)
		}
		tok.Span.Start = t.f.Lines.Line(line + 1).Start
	}
	if tok.Span.End > tok.Span.Start {
		t.yield(tok)
	}
}

func (t *tokenizer) token(tok syntax.Token) {
	s := SemanticToken{Span: syntax.Span{Start: tok.Start, End: tok.End}}
	switch k := tok.Kind; {
	case k == syntax.IDENT:
		for t.next < len(t.names) && t.names[t.next].Span.Start < tok.Start {
			t.next++
		}
		if t.next == len(t.names) || t.names[t.next].Span.Start > tok.Start {
			return
		}
		s = t.names[t.next]
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
		syntax.Walk(n.X, t.visit)
		t.note(n.Name, t.member(n))
		return false
	case *syntax.Arg:
		if n.Name != nil {
			t.note(n.Name, SemanticToken{Type: TokenParameter})
		}
		syntax.Walk(n.X, t.visit)
		return false
	case *syntax.Ident:
		t.note(n, t.name(n))
	}
	return true
}

// note adds what an identifier is. One of no length, which stands where a name
// is missing, has no token.
func (t *tokenizer) note(id *syntax.Ident, tok SemanticToken) {
	if tok.Span = id.Span(); tok.Span.End > tok.Span.Start {
		t.names = append(t.names, tok)
	}
}

func (t *tokenizer) member(n *syntax.DotExpr) SemanticToken {
	if e := memberEntry(t.in.Expr(t.f, n.X), n.Name.Name); e != nil {
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
		if v := t.in.Binding(t.f, b); v.Def != nil || v.Entry != nil {
			tok.Type = TokenFunction
		}
	}
	if t.binding[id.ID] {
		tok.Mods |= ModDeclaration
	}
	return tok
}
