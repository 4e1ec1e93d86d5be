package syntax

import (
	"iter"
	"sort"
	"sync"
	"sync/atomic"
)

// A Piece is a run of lines that is parsed by itself: a statement of the top
// level, with what else stands in its last line and with the comments and empty
// lines up to the next one. The versions of a file that Reparse makes share the
// pieces that an edit leaves alone, so that facts about a piece can be kept
// beside it. Its positions are relative to its start: a Part says where it
// stands.
type Piece struct {
	size     int // in bytes
	clean    bool
	firstEnd int // the end of its first token
	lastEnd  int // the end of its last word or sign, -1 when it has none
	idents   int // names in it, or more

	tokens   []compactToken
	comments []Comment

	facts atomic.Pointer[fact]
}

// compactToken is a Token of half the size: there are many, and they live long.
type compactToken struct {
	start, end int32
	kind       Kind
}

func (t compactToken) at(start int) Token {
	return Token{t.kind, start + int(t.start), start + int(t.end)}
}

// fact is something that is known of a piece; they form a list.
type fact struct {
	key, value any
	next       *fact
}

// Fact returns what compute returned when it was first called with that key. It
// must depend on the text of the piece alone and hold no position and nothing
// that keeps a file alive. It may be called concurrently.
func (p *Piece) Fact(key any, compute func() any) any {
	first := p.facts.Load()
	for f := first; f != nil; f = f.next {
		if f.key == key {
			return f.value
		}
	}
	f := &fact{key, compute(), first}
	p.facts.CompareAndSwap(first, f) // another that came first is as good
	return f.value
}

// Len returns the length of the piece in bytes.
func (p *Piece) Len() int { return p.size }

// A Part is a piece in a file.
type Part struct {
	*Piece
	Start int // in bytes

	tree  *partTree
	token int // the number of its first token in the file
}

// partTree is the statements of a part. Those of an older file stand elsewhere
// now; they are copied to their new place once somebody asks for them, since
// after most keys nobody does.
type partTree struct {
	now   atomic.Pointer[standing]
	mover *mover // of those that moved
}

// standing is statements as a file placed them, and how far they moved since.
type standing struct {
	stmts []Stmt
	by    int
}

// mover copies what moved, for all parts of a file.
type mover struct {
	mu    sync.Mutex
	nodes nodes
}

// stmts returns the statements where they stand.
func (t *partTree) stmts() []Stmt {
	if now := t.now.Load(); now.by == 0 {
		return now.stmts
	}
	t.mover.mu.Lock()
	defer t.mover.mu.Unlock()
	now := t.now.Load()
	if now.by == 0 {
		return now.stmts
	}
	c := copier{nodes: &t.mover.nodes, by: now.by}
	moved := c.stmts(now.stmts)
	t.now.Store(&standing{stmts: moved}) // the others are nobody's, once the older file is gone
	return moved
}

// Stmts returns the statements that the piece consists of.
func (p *Part) Stmts() []Stmt { return p.tree.stmts() }

// Elsewhere returns the statements as an older file may have placed them, and
// how far they moved since. It costs nothing, where Stmts copies what moved.
func (p *Part) Elsewhere() (stmts []Stmt, by int) {
	now := p.tree.now.Load()
	return now.stmts, now.by
}

// End returns where the next part starts.
func (p *Part) End() int { return p.Start + p.size }

// NumTokens returns the number of tokens, at least 1: the last one is an EOF.
func (f *File) NumTokens() int { return f.numTokens }

// Token returns the i-th token.
func (f *File) Token(i int) Token {
	if i == f.numTokens-1 {
		return f.eof
	}
	k := sort.Search(len(f.Parts), func(k int) bool { return f.Parts[k].token > i }) - 1
	p := &f.Parts[k]
	return p.tokens[i-p.token].at(p.Start)
}

// Tokens returns all tokens in order.
func (f *File) Tokens() iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for i := range f.Parts {
			for t := range f.Parts[i].Tokens() {
				if !yield(t) {
					return
				}
			}
		}
		yield(f.eof)
	}
}

// Tokens returns the part's tokens in order, as the file places them.
func (p *Part) Tokens() iter.Seq[Token] {
	return func(yield func(Token) bool) {
		for _, t := range p.tokens {
			if !yield(t.at(p.Start)) {
				return
			}
		}
	}
}

// Comments returns the part's comments in order, as the file places them.
func (p *Part) Comments() iter.Seq[Comment] {
	return func(yield func(Comment) bool) {
		for _, c := range p.comments {
			if !yield(c.shifted(p.Start)) {
				return
			}
		}
	}
}

// PartAt returns the index of the part that an offset lies in.
func (f *File) PartAt(off int) int {
	return max(sort.Search(len(f.Parts), func(i int) bool { return f.Parts[i].Start > off })-1, 0)
}

// pieces collects the parts of a file while it is parsed.
type pieces struct {
	parts    []Part
	stmts    []Stmt // of the pieces that were parsed
	slab     slab[Piece]
	free     []compactToken // the rest of a block
	tokens   int            // of all parts
	idents   int            // of all parts
	comments int            // of the lexer's comments that belong to a part
}

// atTopLevel reports whether a statement of the top level starts with the current
// token and nothing before it is left open.
func (p *parser) atTopLevel() bool {
	switch p.tok.Kind {
	case NEWLINE, INDENT, OUTDENT, EOF:
		return false
	}
	depth := 0
	if k := p.tok.Kind; k == LPAREN || k == LBRACK || k == LBRACE {
		depth = 1
	}
	start := p.tok.Start
	return p.lx.depth == depth && len(p.lx.indents) == 1 && p.lx.dents == 0 &&
		(start == 0 || isNewline(p.lx.src[start-1]))
}

// piece parses a piece that starts at an offset, and returns where it ends.
func (p *parser) piece(at int) (end int) {
	tokens, idents, stmts, errs := len(p.tokens), p.numIdent, len(p.all.stmts), len(p.errs)
	x := p.all.slab.new()
	x.firstEnd, x.lastEnd = p.tok.End-at, -1
	x.clean = at == 0 || !p.tokenBad()
	if at == 0 {
		errs = 0 // the first token is read already
	}
	// What stands before the first statement is a piece of its own.
	if at > 0 || p.tok.Start == 0 || !p.atTopLevel() {
		p.all.stmts = p.topLevel(p.all.stmts)
	}
	if end = p.tok.Start; p.tok.Kind == EOF {
		end = len(p.lx.src)
	}
	x.size = end - at
	x.clean = x.clean && len(p.errs) == errs
	x.idents = p.numIdent - idents
	for _, c := range p.lx.comments[p.all.comments:] {
		x.comments = append(x.comments, c.shifted(-at))
	}
	if len(p.tokens) > tokens && p.prevEnd > at {
		x.lastEnd = p.prevEnd - at
	}
	x.tokens = p.compactTokens(p.tokens[tokens:], at)
	p.tokens = p.tokens[:tokens]
	p.part(x, at, newPartTree(standing{stmts: p.all.stmts[stmts:len(p.all.stmts):len(p.all.stmts)]}))
	return end
}

// compactTokens returns tokens as a piece that starts at an offset keeps them, cut
// from a block.
func (p *parser) compactTokens(tokens []Token, at int) []compactToken {
	n := len(tokens)
	if len(p.all.free) < n {
		size := n
		if p.reuse == nil {
			size = max(n, 1<<10)
		}
		p.all.free = make([]compactToken, size)
	}
	out := p.all.free[:n:n]
	p.all.free = p.all.free[n:]
	for i, t := range tokens {
		out[i] = compactToken{int32(t.Start - at), int32(t.End - at), t.Kind}
	}
	return out
}

// topLevel parses statements up to a place where nothing is left open.
func (p *parser) topLevel(out []Stmt) []Stmt {
	for first := true; p.tok.Kind != EOF && (first || !p.atTopLevel()); first = false {
		switch p.tok.Kind {
		case NEWLINE, OUTDENT: // an empty line, or the end of a wrong block
			p.next()
		case INDENT:
			p.errorf("got indent, want primary expression")
			p.next()
		default:
			out = p.stmt(out)
		}
	}
	return out
}

// newPartTree returns statements as a part has them. It is not cut from a block,
// which would keep the statements of all other parts.
func newPartTree(now standing) *partTree {
	tree := &partTree{}
	tree.now.Store(&now)
	return tree
}

// part adds a part to the file.
func (p *parser) part(x *Piece, at int, tree *partTree) {
	a := &p.all
	a.parts = append(a.parts, Part{Piece: x, Start: at, tree: tree, token: a.tokens})
	a.tokens += len(x.tokens)
	a.idents += x.idents
	a.comments = len(p.lx.comments)
}
