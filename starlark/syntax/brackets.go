package syntax

// openIndex returns the place in parser.open of an opening or closing bracket.
func openIndex(k Kind) int {
	switch k {
	case LPAREN, RPAREN:
		return 0
	case LBRACK, RBRACK:
		return 1
	}
	return 2
}

func isClosing(k Kind) bool { return k == RPAREN || k == RBRACK || k == RBRACE }

// openBracket consumes an opening bracket and returns where it is, or -1.
func (p *parser) openBracket(k Kind) int {
	if p.tok.Kind == k {
		p.open[openIndex(k)]++
	}
	return p.want(k)
}

// closeBracket consumes the closing bracket k. If something else stands there,
// it looks for k further on in the line; if there is none, it closes the
// bracket as if k were there, and returns -1.
func (p *parser) closeBracket(k Kind) int {
	defer func() { p.open[openIndex(k)]-- }()
	if p.tok.Kind != k {
		p.errorf("got %s, want %s", p.tok.Kind.quoted(), k.quoted())
		p.skipTo(k)
	}
	if p.tok.Kind == k {
		return p.next()
	}
	if p.lx.depth > 0 && !p.abort {
		p.lx.depth--
	}
	return -1
}

// listEnd reports whether a list that ends with the bracket k is over.
func (p *parser) listEnd(k Kind) bool {
	switch p.tok.Kind {
	case k, EOF, NEWLINE, INDENT, OUTDENT:
		return true
	case RPAREN, RBRACK, RBRACE:
		return p.open[openIndex(p.tok.Kind)] > 0 && p.bad || p.abort
	}
	return p.abort || p.willReparse()
}

// argsEnd is listEnd for lists that the original ends at nothing but k and the
// end of the file as long as the line is good.
func (p *parser) argsEnd(k Kind) bool {
	if p.tok.Kind == k || p.tok.Kind == EOF {
		return true
	}
	return (p.bad || p.lx.layout) && p.listEnd(k)
}

// ensureProgress makes sure that a loop up to the bracket k, whose round started at
// the token start, ends or consumes something.
func (p *parser) ensureProgress(start Token, k Kind) {
	if p.tok != start {
		return
	}
	p.errorf("got %s, want primary expression", p.tok.Kind.quoted())
	if !p.listEnd(k) {
		p.skipToken()
	}
}

// skipToken skips a token that has no place here. A closing bracket that was
// never opened must not count.
func (p *parser) skipToken() {
	if isClosing(p.tok.Kind) {
		p.lx.depth++
	}
	p.next()
}

// skipTo skips to the closing bracket k, or to where listEnd says that there is
// none.
func (p *parser) skipTo(k Kind) {
	for nest := 0; p.tok.Kind != EOF && p.tok.Kind != NEWLINE; {
		switch {
		case p.tok.Kind == LPAREN || p.tok.Kind == LBRACK || p.tok.Kind == LBRACE:
			nest++
		case isClosing(p.tok.Kind) && nest > 0:
			nest--
		case p.listEnd(k):
			return
		case isClosing(p.tok.Kind):
			p.skipToken()
			continue
		}
		p.next()
	}
}

func (p *parser) call(fn Expr) Expr {
	x := p.nodes.call.new()
	x.Fn = fn
	x.Lparen = p.openBracket(LPAREN)
	base := len(p.args)
	for first := true; !p.argsEnd(RPAREN); first = false {
		start := p.tok
		if !first {
			if p.tok.Kind == COMMA {
				if p.next(); p.tok.Kind == RPAREN || p.lx.layout && p.listEnd(RPAREN) {
					break
				}
			} else if p.want(COMMA); p.listEnd(RPAREN) {
				break
			}
		}
		p.args = append(p.args, p.arg())
		p.ensureProgress(start, RPAREN)
	}
	x.Args = p.nodes.argList(p.args[base:])
	clear(p.args[base:])
	p.args = p.args[:base]
	x.Rparen = p.closeBracket(RPAREN)
	x.Pos = Pos{fn.Span().Start, p.prevEnd}
	return x
}

func (p *parser) arg() *Arg {
	a := p.nodes.arg.new()
	a.Start = p.tok.Start
	if p.tok.Kind == STAR || p.tok.Kind == STARSTAR {
		a.Star = p.tok.Kind
		p.next()
		a.X = p.test()
		a.End = p.prevEnd
		return a
	}
	a.X = p.test()
	if p.tok.Kind == EQ {
		id, ok := a.X.(*Ident)
		if !ok {
			p.errorf("keyword argument must have form name=expr")
		}
		a.Name = id
		p.next()
		a.X = p.test()
	}
	a.End = max(a.X.Span().End, p.prevEnd)
	if a.Name == nil {
		a.Start = a.X.Span().Start // of a missing operand that is before the token
	}
	return a
}

// params parses the parameters of a def (up to RPAREN) or a lambda (COLON).
func (p *parser) params(end Kind) []*Param {
	var list []*Param
	for p.tok.Kind != COLON && !p.argsEnd(RPAREN) {
		start := p.tok
		if len(list) > 0 {
			p.want(COMMA)
		}
		if p.tok.Kind == RPAREN {
			break
		}
		x := &Param{}
		x.Start = p.tok.Start
		if p.tok.Kind == STAR || p.tok.Kind == STARSTAR {
			x.Star = p.tok.Kind
			p.next()
			if x.Star == STARSTAR || p.tok.Kind == IDENT {
				x.Name = p.ident()
			}
		} else {
			x.Name = p.ident()
			if p.tok.Kind == EQ {
				p.next()
				x.Default = p.test()
			}
		}
		if x.Name != nil {
			x.Start = min(x.Start, x.Name.Start)
		}
		x.End = max(x.Start, p.prevEnd)
		list = append(list, x)
		if p.tok == start && isClosing(p.tok.Kind) && end == COLON {
			break // of the brackets around the lambda
		}
		p.ensureProgress(start, RPAREN)
	}
	return list
}

// subscript parses x[i] or x[lo:hi:step].
func (p *parser) subscript(x Expr) Expr {
	lbrack := p.openBracket(LBRACK)
	var lo Expr
	if p.tok.Kind != COLON {
		lo = p.exprList(false)
		if p.tok.Kind == RBRACK {
			p.closeBracket(RBRACK)
			return &IndexExpr{Pos{x.Span().Start, p.prevEnd}, x, lbrack, lo}
		}
	}
	s := &SliceExpr{X: x, Lbrack: lbrack, Lo: lo}
	isSlice := p.tok.Kind == COLON
	if p.tok.Kind == COLON {
		if p.next(); p.tok.Kind != COLON && p.tok.Kind != RBRACK {
			s.Hi = p.test()
		}
	}
	if p.tok.Kind == COLON {
		if p.next(); p.tok.Kind != RBRACK {
			s.Step = p.test()
		}
	}
	p.closeBracket(RBRACK)
	s.Pos = Pos{x.Span().Start, p.prevEnd}
	if !isSlice {
		return &IndexExpr{s.Pos, x, lbrack, lo}
	}
	return s
}

func (p *parser) paren() Expr {
	start := p.openBracket(LPAREN)
	if p.tok.Kind == RPAREN {
		p.closeBracket(RPAREN)
		return &TupleExpr{Pos: Pos{start, p.prevEnd}, Parens: true}
	}
	x := &ParenExpr{X: p.exprList(true)}
	p.closeBracket(RPAREN)
	x.Pos = Pos{start, p.prevEnd}
	return x
}

func (p *parser) list() Expr {
	start := p.openBracket(LBRACK)
	if p.tok.Kind == RBRACK {
		p.closeBracket(RBRACK)
		return &ListExpr{Pos: Pos{start, p.prevEnd}}
	}
	x := p.test()
	if p.tok.Kind == FOR {
		return p.comprehension(start, x, RBRACK)
	}
	base := len(p.exprs)
	p.exprs = append(p.exprs, x)
	for {
		p.moreExprs(true)
		if p.listEnd(RBRACK) {
			break
		}
		start := p.tok
		p.errorf("got %s, want ']'", p.tok.Kind.quoted()) // a missing comma, most likely
		if p.listEnd(RBRACK) {
			break
		}
		if p.exprs = append(p.exprs, p.test()); p.tok == start {
			p.exprs = p.exprs[:len(p.exprs)-1]
			p.skipToken()
		}
	}
	l := &ListExpr{List: p.popExprs(base)}
	p.closeBracket(RBRACK)
	l.Pos = Pos{start, p.prevEnd}
	return l
}

func (p *parser) dict() Expr {
	start := p.openBracket(LBRACE)
	if p.tok.Kind == RBRACE {
		p.closeBracket(RBRACE)
		return &DictExpr{Pos: Pos{start, p.prevEnd}}
	}
	x := p.dictEntry()
	if p.tok.Kind == FOR {
		return p.comprehension(start, x, RBRACE)
	}
	d := &DictExpr{List: []*DictEntry{x}}
	for !p.listEnd(RBRACE) {
		start := p.tok
		if p.tok.Kind == COMMA {
			if p.next(); p.tok.Kind == RBRACE {
				break
			}
		} else {
			p.errorf("got %s, want '}'", p.tok.Kind.quoted())
		}
		d.List = append(d.List, p.dictEntry())
		p.ensureProgress(start, RBRACE)
	}
	p.closeBracket(RBRACE)
	d.Pos = Pos{start, p.prevEnd}
	return d
}

func (p *parser) dictEntry() *DictEntry {
	e := p.nodes.entry.new()
	e.Key = p.test()
	if e.Colon = p.want(COLON); e.Colon < 0 {
		e.Value = p.missing()
	} else {
		e.Value = p.test()
	}
	e.Pos = Pos{e.Key.Span().Start, max(e.Key.Span().End, e.Value.Span().End)}
	return e
}

// comprehension parses the clauses after the body.
func (p *parser) comprehension(start int, body Expr, end Kind) Expr {
	x := &Comprehension{Curly: end == RBRACE, Body: body}
	for !p.listEnd(end) {
		c := &CompClause{}
		c.Start = p.tok.Start
		switch p.tok.Kind {
		case FOR:
			p.next()
			c.Vars = p.loopVars()
			if p.want(IN) < 0 {
				c.X = p.missing()
			} else {
				c.X = p.testPrec(0)
			}
		case IF:
			p.next()
			c.X = p.testNoCond()
		default:
			p.errorf("got %s, want '%s', for, or if", p.tok.Kind.quoted(), end)
			p.skipToken()
			continue
		}
		c.End = p.prevEnd
		x.Clauses = append(x.Clauses, c)
	}
	if p.tok.Kind != end {
		p.errorf("got %s, want '%s', for, or if", p.tok.Kind.quoted(), end)
	}
	p.closeBracket(end)
	x.Pos = Pos{start, p.prevEnd}
	return x
}

// loopVars parses the variables of a for.
func (p *parser) loopVars() Expr {
	x := p.primaryWithSuffix()
	if p.tok.Kind != COMMA {
		return x
	}
	base := len(p.exprs)
	p.exprs = append(p.exprs, x)
	for p.tok.Kind == COMMA && !p.abort {
		if p.next(); endsExprs(p.tok.Kind) {
			break
		}
		p.exprs = append(p.exprs, p.primaryWithSuffix())
	}
	t := &TupleExpr{List: p.popExprs(base)}
	t.Pos = Pos{t.List[0].Span().Start, t.List[len(t.List)-1].Span().End}
	return t
}
