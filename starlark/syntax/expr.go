package syntax

import "strings"

// maxChain limits the operators or suffixes in one flat expression, because
// such a chain is a deep tree.
const maxChain = 5000

// missing returns an expression of no length after the last token.
func (p *parser) missing() Expr { return &BadExpr{Pos{p.prevEnd, p.prevEnd}} }

// exprList parses an expression, which may be a tuple without parentheses.
func (p *parser) exprList(trailingComma bool) Expr {
	x := p.test()
	if p.tok.Kind != COMMA {
		return x
	}
	base := len(p.exprs)
	p.exprs = append(p.exprs, x)
	p.moreExprs(trailingComma)
	t := &TupleExpr{List: p.popExprs(base)}
	t.Pos = Pos{t.List[0].Span().Start, t.List[len(t.List)-1].Span().End}
	return t
}

// moreExprs collects the rest of a list, starting with a comma.
func (p *parser) moreExprs(trailingComma bool) {
	for p.tok.Kind == COMMA && !p.abort {
		comma := p.tok
		p.next()
		if endsExprs(p.tok.Kind) {
			if !trailingComma {
				p.errorAt(Span{comma.Start, comma.End}, "unparenthesized tuple with trailing comma")
			}
			return
		}
		p.exprs = append(p.exprs, p.test())
	}
}

func (p *parser) popExprs(base int) []Expr {
	list := p.nodes.exprList(p.exprs[base:])
	clear(p.exprs[base:])
	p.exprs = p.exprs[:base]
	return list
}

func endsExprs(k Kind) bool {
	switch k {
	case EOF, NEWLINE, EQ, RBRACE, RBRACK, RPAREN, SEMI:
		return true
	}
	return false
}

// test parses one expression.
func (p *parser) test() Expr {
	depth := p.depth
	x := p.testInner()
	p.depth = depth
	return x
}

func (p *parser) testInner() Expr {
	if !p.enter(1) {
		return p.missing()
	}
	if p.tok.Kind == LAMBDA {
		return p.lambda(true)
	}
	x := p.testPrec(0)
	if p.tok.Kind != IF || p.abort {
		return x
	}
	c := &CondExpr{True: x}
	ifTok := p.tok
	p.next()
	c.Cond = p.testPrec(0)
	if p.tok.Kind == ELSE {
		p.next()
		c.False = p.test()
	} else {
		p.errorAt(Span{ifTok.Start, ifTok.End}, "conditional expression without else clause")
		c.False = p.missing()
	}
	c.Pos = Pos{x.Span().Start, p.prevEnd}
	return c
}

// testNoCond parses one expression that is not "x if y else z".
func (p *parser) testNoCond() Expr {
	if p.tok.Kind == LAMBDA {
		return p.lambda(false)
	}
	return p.testPrec(0)
}

func (p *parser) lambda(allowCond bool) Expr {
	depth := p.depth
	defer func() { p.depth = depth }()
	if !p.enter(1) {
		return p.missing()
	}
	x := &LambdaExpr{}
	x.Start = p.next()
	if p.tok.Kind != COLON {
		x.Params = p.params(COLON)
	}
	if p.want(COLON) < 0 {
		x.Body = p.missing()
	} else if allowCond {
		x.Body = p.test()
	} else {
		x.Body = p.testNoCond()
	}
	x.End = p.prevEnd
	return x
}

// The levels of precedence, from the loosest.
const (
	levelNot        = 2
	levelComparison = 3
	levels          = 10
)

// precedence holds 1 + the level of each binary operator, 0 for others.
var precedence = [maxKind]int8{
	OR: 1, AND: 2, EQL: 4, NEQ: 4, LT: 4, GT: 4, LE: 4, GE: 4, IN: 4, NOT_IN: 4, PIPE: 5, CIRCUMFLEX: 6, AMP: 7,
	LTLT: 8, GTGT: 8, MINUS: 9, PLUS: 9, STAR: 10, PERCENT: 10, SLASH: 10, SLASHSLASH: 10,
}

// testPrec parses operators of the level prec and tighter, by precedence
// climbing. The original recurses once for each level; p.depth counts as it
// does, so that both find the same text too deep.
func (p *parser) testPrec(prec int) Expr {
	base := p.depth
	var x Expr
	switch {
	case p.tok.Kind == NOT && prec <= levelNot:
		x = p.notExpr(prec, base)
	case !p.enter(levels - prec + 1):
		p.depth = base
		return p.missing()
	default:
		x = p.primaryWithSuffix()
	}
	p.depth = base
	if precedence[p.tok.Kind] == 0 && p.tok.Kind != NOT {
		return x
	}
	x = p.binary(x, prec, base)
	p.depth = base
	return x
}

func (p *parser) notExpr(prec, base int) Expr {
	if !p.enter(levelNot - prec + 1) {
		return p.missing()
	}
	x := &UnaryExpr{Op: NOT}
	x.Start = p.next()
	x.X = p.testPrec(levelNot)
	x.End = p.prevEnd
	p.depth = base
	return x
}

// binary parses the operators that follow x.
func (p *parser) binary(x Expr, prec, base int) Expr {
	lastLevel := -1
	var lastOp Kind
	for n := 0; !p.abort; n++ {
		op, opPos := p.tok, p.tok.Start
		if op.Kind == NOT {
			p.notPos = p.next()
			if p.tok.Kind != IN {
				p.errorf("got %s, want in", p.tok.Kind.quoted())
				return x
			}
			p.tok.Kind = NOT_IN // an outer level may have to take it
		}
		if op = p.tok; op.Kind == NOT_IN {
			opPos = p.notPos
		}
		level := int(precedence[op.Kind]) - 1
		if level < prec {
			return x
		}
		if level == levelComparison && lastLevel == level {
			p.errorf("%s does not associate with %s (use parens)", lastOp, op.Kind)
		}
		if n == maxChain {
			p.errorf("excessive nesting")
			p.abort = true
			return x
		}
		p.next()
		p.depth = base + level - prec + 1
		y := p.testPrec(level + 1)
		p.depth = base
		b := p.nodes.binary.new()
		b.X, b.OpPos, b.Op, b.Y = x, opPos, op.Kind, y
		b.Pos = Pos{x.Span().Start, y.Span().End}
		x, lastLevel, lastOp = b, level, op.Kind
	}
	return x
}

// primaryWithSuffix parses an operand and the .f, [i] and (x) after it.
func (p *parser) primaryWithSuffix() Expr {
	x := p.primary()
	for n := 0; n < maxChain; n++ {
		switch p.tok.Kind {
		case DOT:
			d := p.nodes.dot.new()
			d.X = x
			d.Dot = p.next()
			d.Name = p.attr()
			d.Pos = Pos{x.Span().Start, p.prevEnd}
			x = d
		case LBRACK:
			x = p.subscript(x)
		case LPAREN:
			x = p.call(x)
		default:
			return x
		}
		if p.abort {
			return x
		}
	}
	p.errorf("excessive nesting")
	p.abort = true
	return x
}

func (p *parser) newIdent() *Ident {
	id := p.nodes.ident.new()
	id.ID = p.numIdent
	p.numIdent++
	return id
}

// text returns the current token's text.
func (p *parser) text() string { return p.own(p.lx.src[p.tok.Start:p.tok.End]) }

// own returns a part of the text for a node. A node that later versions of the
// file share must not keep all of this version's text alive.
func (p *parser) own(s string) string {
	if p.reuse != nil {
		return strings.Clone(s)
	}
	return s
}

// ident parses a name.
func (p *parser) ident() *Ident {
	id := p.newIdent()
	if p.tok.Kind != IDENT {
		p.errorf("not an identifier")
		id.Pos = Pos{p.prevEnd, p.prevEnd}
		return id
	}
	id.Pos = Pos{p.tok.Start, p.tok.End}
	id.Name = p.text()
	p.next()
	return id
}

// attr parses the name after a dot. A keyword there is an error, but is most
// likely meant as the name.
func (p *parser) attr() *Ident {
	if !p.tok.Kind.IsKeyword() || p.tok.Start != p.prevEnd {
		return p.ident()
	}
	p.errorf("not an identifier")
	id := p.newIdent()
	id.Pos, id.Name = Pos{p.tok.Start, p.tok.End}, p.text()
	p.next()
	return id
}

func (p *parser) literal() *Literal {
	x := p.nodes.literal.new()
	x.Pos = Pos{p.tok.Start, p.tok.End}
	x.Kind, x.Raw = p.tok.Kind, p.text()
	if x.Kind == STRING || x.Kind == BYTES {
		x.Value = p.own(p.val)
	}
	p.next()
	return x
}

// primary parses an operand.
func (p *parser) primary() Expr {
	depth := p.depth
	x := p.operand()
	p.depth = depth
	return x
}

func (p *parser) operand() Expr {
	if !p.enter(1) {
		return p.missing()
	}
	switch p.tok.Kind {
	case IDENT:
		return p.ident()
	case INT, FLOAT, STRING, BYTES:
		return p.literal()
	case LBRACK:
		return p.list()
	case LBRACE:
		return p.dict()
	case LPAREN:
		return p.paren()
	case MINUS, PLUS, TILDE:
		x := &UnaryExpr{Op: p.tok.Kind}
		x.Start = p.next()
		x.X = p.primaryWithSuffix()
		x.End = p.prevEnd
		return x
	}
	p.errorf("got %s, want primary expression", p.tok.Kind.quoted())
	return p.missing()
}
