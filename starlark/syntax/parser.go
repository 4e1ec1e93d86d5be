package syntax

import (
	"fmt"
	"sort"
)

// Parse parses a text. It always returns a whole tree; what is wrong with the
// text is in File.Errors. The name is only kept.
func Parse(name string, src []byte) *File { return ParseString(name, string(src)) }

// ParseString is like Parse, without a copy of the text.
func ParseString(name, src string) *File { return ParseLines(name, NewLines(src)) }

// ParseLines is ParseString for a text whose lines are known.
func ParseLines(name string, lines *Lines) *File {
	return newParser(lines.src, len(lines.src)).file(name, lines)
}

// newParser returns a parser of a text of which about so many bytes are to be
// read.
func newParser(src string, read int) *parser {
	p := &parser{tokens: make([]Token, 0, min(read/3, 1<<10)+64)}
	p.lx = lexer{src: src, lineStart: true, indents: make([]int, 1, 16), report: p.lexError}
	return p
}

// file parses the text piece by piece.
func (p *parser) file(name string, lines *Lines) *File {
	for at, read := 0, false; ; read = true {
		if end := p.reusePieces(at); end > at {
			at, read = end, false
		}
		if !read {
			p.lx.pos, p.lx.depth, p.lx.lineStart = at, 0, true
			p.advance()
		}
		if p.tok.Kind != EOF || at < len(p.lx.src) {
			at = p.piece(at)
		}
		if p.tok.Kind == EOF {
			break
		}
	}
	sort.SliceStable(p.errs, func(i, j int) bool { return p.errs[i].Start < p.errs[j].Start })
	return &File{
		Name: name, Src: p.lx.src, Parts: p.all.parts, Comments: p.lx.comments, Errors: p.errs,
		Lines: lines, NumIdent: p.numIdent, eof: p.tok, numTokens: p.all.tokens + 1, idents: p.all.idents, retries: p.retries,
	}
}

type parser struct {
	lx      lexer
	tok     Token
	val     string // of tok, when it is a string
	prevEnd int    // end of the token before tok
	tokens  []Token
	errs    []Error
	depth   int    // as the original counts it, see testPrec
	open    [3]int // brackets open in the tree: ( [ {
	notPos  int    // where the NOT of the last NOT_IN was

	// bad says that the logical line has an error already; abort that all of
	// it is to be left alone, because it is nested too deeply.
	bad, abort bool
	saved      mark
	retries    int // lines that were parsed again in layout mode

	exprs []Expr // a stack on which lists are collected
	args  []*Arg
	nodes nodes

	numIdent int

	all   pieces
	reuse *reuse // nil when the whole text is parsed
}

// advance reads the next token into p.tok without keeping the current one.
func (p *parser) advance() {
	p.tok = p.lx.next()
	if p.tok.Kind == STRING || p.tok.Kind == BYTES {
		p.val = p.lx.text
	}
}

// next keeps the current token and reads the next one. It returns where the
// kept one started.
func (p *parser) next() int {
	start := p.tok.Start
	if p.tok.Kind != EOF {
		p.tokens = append(p.tokens, p.tok)
		if p.tok.End > p.tok.Start && p.tok.Kind != NEWLINE {
			p.prevEnd = p.tok.End
		}
	}
	p.advance()
	return start
}

func (p *parser) lexError(start, end int, msg string) {
	p.errs = append(p.errs, Error{Span{start, end}, msg})
	p.bad = true
}

// errorAt reports an error unless the logical line has one.
func (p *parser) errorAt(s Span, format string, args ...any) {
	if p.bad {
		return
	}
	p.bad = true
	p.errs = append(p.errs, Error{s, fmt.Sprintf(format, args...)})
}

// errorf reports an error at the current token.
func (p *parser) errorf(format string, args ...any) {
	s := Span{p.tok.Start, p.tok.End}
	if p.tok.Kind == NEWLINE || p.tok.Kind == EOF {
		s = Span{p.prevEnd, p.prevEnd} // where something is missing
	}
	p.errorAt(s, format, args...)
}

// want consumes a token of the kind k, or reports that it is missing and
// returns -1.
func (p *parser) want(k Kind) int {
	if p.tok.Kind == k {
		return p.next()
	}
	p.errorf("got %s, want %s", p.tok.Kind.quoted(), k.quoted())
	return -1
}

// enter counts a level of nesting and reports whether it is still allowed.
func (p *parser) enter(levels int) bool {
	if p.depth += levels; p.depth <= maxDepth {
		return true
	}
	p.errorf("excessive nesting")
	p.abort = true
	return false
}

// maxRetries is the number of lines parsed twice from which on layout mode is
// tried first: such a text is no program, and each try may look far ahead.
const maxRetries = 100

// mark is a state to which the parser can return.
type mark struct {
	lx                     lexer
	indents                []int
	tok                    Token
	val                    string
	prevEnd, depth         int
	tokens, errs, comments int
}

func (p *parser) mark() {
	m := &p.saved
	m.lx, m.tok, m.val, m.prevEnd, m.depth = p.lx, p.tok, p.val, p.prevEnd, p.depth
	m.indents = append(m.indents[:0], p.lx.indents...)
	m.tokens, m.errs, m.comments = len(p.tokens), len(p.errs), len(p.lx.comments)
}

func (p *parser) reset() {
	m := &p.saved
	indents := append(p.lx.indents[:0], m.indents...)
	comments := p.lx.comments[:m.comments]
	p.lx, p.tok, p.val, p.prevEnd, p.depth = m.lx, m.tok, m.val, m.prevEnd, m.depth
	p.lx.indents, p.lx.comments = indents, comments
	p.tokens, p.errs = p.tokens[:m.tokens], p.errs[:m.errs]
}

// line parses one logical line, and once more in layout mode if it went wrong
// and layout may help. The first text is kept: it is the original's.
func (p *parser) line(parse func()) {
	p.mark()
	p.resetErrors()
	p.lx.sawLayout = false
	p.lx.layout = p.retries >= maxRetries
	parse()
	p.lx.layout = false
	if p.bad && p.lx.sawLayout && p.retries < maxRetries && len(p.errs) > p.saved.errs {
		first := p.errs[p.saved.errs]
		p.retries++
		p.reset()
		p.resetErrors()
		p.lx.layout = true
		parse()
		p.lx.layout = false
		if len(p.errs) == p.saved.errs {
			p.bad = false
			p.errorf("%s", first.Msg)
		}
		if e := &p.errs[p.saved.errs]; first.Start < e.Start {
			*e = first
		} else {
			e.Msg = first.Msg
		}
	}
	p.depth = p.saved.depth
}

// resetErrors forgets the errors of the line before. One in the first token was
// found, and reported, with that line.
func (p *parser) resetErrors() { p.bad, p.abort, p.open = p.tokenBad(), false, [3]int{} }

// tokenBad reports whether the last error lies in the current token.
func (p *parser) tokenBad() bool {
	n := len(p.errs)
	return n > 0 && p.errs[n-1].Start >= p.tok.Start && p.tok.Kind != EOF
}

// willReparse reports whether the line will be parsed again in layout mode, so
// that what is left of it need not be looked at now.
func (p *parser) willReparse() bool { return p.bad && p.lx.sawLayout && !p.lx.layout }

// skipLine skips the rest of a logical line, its newline included.
func (p *parser) skipLine() {
	for !p.willReparse() {
		switch p.tok.Kind {
		case EOF, OUTDENT:
			return
		case NEWLINE:
			p.next()
			return
		}
		p.next()
	}
}

// stmts parses the statements of a block up to its OUTDENT or the end.
func (p *parser) stmts(out []Stmt) []Stmt {
	extra := 0 // unexpected indents that are open
	for {
		switch p.tok.Kind {
		case EOF:
			return out
		case NEWLINE:
			p.errorf("got newline, want primary expression")
			p.next()
		case INDENT:
			p.errorf("got indent, want primary expression")
			extra++
			p.next()
		case OUTDENT:
			if extra == 0 {
				return out
			}
			extra--
			p.next()
		default:
			out = p.stmt(out)
		}
	}
}

func (p *parser) stmt(out []Stmt) []Stmt {
	switch p.tok.Kind {
	case DEF:
		return append(out, p.defStmt())
	case IF:
		return append(out, p.ifStmt())
	case FOR:
		return append(out, p.forStmt())
	case WHILE:
		return append(out, p.whileStmt())
	}
	return p.simpleStmt(out)
}

// header parses the line of a compound statement up to its colon, and returns
// where that is.
func (p *parser) header(parse func()) (colon int) {
	p.line(func() {
		parse()
		if colon = p.want(COLON); colon < 0 {
			p.toColon()
			if p.tok.Kind == COLON {
				colon = p.next()
			}
		}
	})
	return colon
}

// toColon skips to a colon outside of brackets, or to the end of the line.
func (p *parser) toColon() {
	nest := 0
	for p.tok.Kind != NEWLINE && p.tok.Kind != EOF && p.tok.Kind != INDENT && p.tok.Kind != OUTDENT && !p.willReparse() {
		switch p.tok.Kind {
		case LPAREN, LBRACK, LBRACE:
			nest++
		case RPAREN, RBRACK, RBRACE:
			nest--
		case COLON:
			if nest <= 0 {
				return
			}
		}
		p.next()
	}
}

func (p *parser) defStmt() Stmt {
	x := &DefStmt{}
	x.Start = p.tok.Start
	x.Colon = p.header(func() {
		p.next()
		x.Name = p.ident()
		x.Params = nil
		if x.Lparen = p.openBracket(LPAREN); x.Lparen >= 0 {
			x.Params = p.params(RPAREN)
			x.Rparen = p.closeBracket(RPAREN)
		} else {
			x.Rparen = -1
		}
	})
	x.Body = p.suite()
	x.End = p.prevEnd
	return x
}

func (p *parser) ifStmt() Stmt {
	x := &IfStmt{}
	x.Start = p.tok.Start
	for {
		c := &IfClause{}
		c.Start = p.tok.Start
		c.Colon = p.header(func() { p.next(); c.Cond = p.test() })
		c.Body = p.suite()
		c.End = p.prevEnd
		x.Clauses = append(x.Clauses, c)
		if p.tok.Kind != ELIF {
			break
		}
	}
	if p.tok.Kind == ELSE {
		x.Else = &ElseClause{}
		x.Else.Start = p.tok.Start
		x.Else.Colon = p.header(func() { p.next() })
		x.Else.Body = p.suite()
		x.Else.End = p.prevEnd
	}
	x.End = p.prevEnd
	return x
}

func (p *parser) forStmt() Stmt {
	x := &ForStmt{}
	x.Start = p.tok.Start
	x.Colon = p.header(func() {
		p.next()
		x.Vars = p.loopVars()
		if p.want(IN) < 0 {
			x.X = p.missing()
			return
		}
		x.X = p.exprList(false)
	})
	x.Body = p.suite()
	x.End = p.prevEnd
	return x
}

func (p *parser) whileStmt() Stmt {
	x := &WhileStmt{}
	x.Start = p.tok.Start
	x.Colon = p.header(func() { p.next(); x.Cond = p.test() })
	x.Body = p.suite()
	x.End = p.prevEnd
	return x
}

// suite parses what follows a colon: a line or an indented block.
func (p *parser) suite() []Stmt {
	if p.enter(1); p.depth > maxDepth {
		p.skipLine()
		p.skipBlock()
		p.depth--
		return nil
	}
	defer func() { p.depth-- }()
	if p.tok.Kind == EOF || p.tok.Kind == OUTDENT {
		p.errorf("got %s, want primary expression", p.tok.Kind.quoted())
		return nil
	}
	if p.tok.Kind != NEWLINE {
		return p.simpleStmt(nil)
	}
	p.next()
	if p.tok.Kind != INDENT {
		p.errorAt(Span{p.prevEnd, p.prevEnd}, "got %s, want indent", p.tok.Kind.quoted())
		return nil
	}
	p.next()
	body := p.stmts(nil)
	if p.tok.Kind == OUTDENT {
		p.next()
	}
	return body
}

// skipBlock skips an indented block.
func (p *parser) skipBlock() {
	if p.tok.Kind != INDENT {
		return
	}
	for nest := 0; p.tok.Kind != EOF; p.next() {
		if p.tok.Kind == INDENT {
			nest++
		} else if p.tok.Kind == OUTDENT {
			if nest--; nest == 0 {
				p.next()
				return
			}
		}
	}
}

// simpleStmt parses a line of small statements.
func (p *parser) simpleStmt(out []Stmt) []Stmt {
	n := len(out)
	p.line(func() {
		out = out[:n]
		for {
			start := p.tok
			out = append(out, p.smallStmt())
			if p.tok == start && p.tok.Kind != NEWLINE && p.tok.Kind != EOF {
				p.next()
			}
			if p.tok.Kind != SEMI {
				break
			}
			p.next()
			if p.tok.Kind == NEWLINE || p.tok.Kind == EOF {
				break
			}
		}
		if p.tok.Kind != EOF && p.want(NEWLINE) < 0 {
			p.skipLine()
		}
	})
	return out
}

func (p *parser) smallStmt() Stmt {
	start := p.tok.Start
	switch p.tok.Kind {
	case RETURN:
		x := &ReturnStmt{}
		p.next()
		if k := p.tok.Kind; k != EOF && k != NEWLINE && k != SEMI {
			x.Result = p.exprList(false)
		}
		x.Pos = Pos{start, p.prevEnd}
		return x
	case BREAK, CONTINUE, PASS:
		x := &BranchStmt{Kind: p.tok.Kind}
		p.next()
		x.Pos = Pos{start, p.prevEnd}
		return x
	case LOAD:
		return p.loadStmt()
	}
	x := p.exprList(false)
	if p.tok.Kind.IsAssign() {
		s := p.nodes.assign.new()
		s.LHS, s.Op = x, p.tok.Kind
		s.OpPos = p.next()
		s.RHS = p.exprList(false)
		s.Pos = Pos{x.Span().Start, p.prevEnd}
		return s
	}
	s := p.nodes.exprStmt.new()
	s.X, s.Pos = x, Pos{x.Span().Start, x.Span().End}
	return s
}
