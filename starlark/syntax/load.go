package syntax

// loadStmt parses load("module", "name", local="name").
func (p *parser) loadStmt() Stmt {
	x := &LoadStmt{Rparen: -1}
	x.Start = p.next()
	if x.Lparen = p.openBracket(LPAREN); x.Lparen < 0 {
		x.End = p.prevEnd
		return x
	}
	if p.tok.Kind == STRING {
		x.Module = p.literal()
	} else {
		p.errorf("first operand of load statement must be a string literal")
	}
	for !p.argsEnd(RPAREN) {
		start := p.tok
		if p.tok.Kind != COMMA {
			p.want(COMMA)
		} else if p.next(); p.tok.Kind == RPAREN {
			break
		}
		switch p.tok.Kind {
		case STRING:
			lit := p.literal()
			inner := lit.Inner()
			id := p.newIdent()
			id.Pos, id.Name = Pos(inner), lit.Value
			x.Names = append(x.Names, &LoadName{Pos: lit.Pos, Local: id, From: lit, Short: true})
		case IDENT:
			x.Names = append(x.Names, p.loadAlias())
		default:
			p.errorf(`load operand must be "name" or localname="name" (got %s)`, p.tok.Kind.quoted())
		}
		p.ensureProgress(start, RPAREN)
	}
	x.Rparen = p.closeBracket(RPAREN)
	if len(x.Names) == 0 {
		p.errorAt(Span{x.Start, p.prevEnd}, "load statement must import at least 1 symbol")
	}
	x.End = p.prevEnd
	return x
}

// loadAlias parses local="name".
func (p *parser) loadAlias() *LoadName {
	id := p.ident()
	n := &LoadName{Pos: id.Pos, Local: id}
	if p.tok.Kind != EQ {
		p.errorf(`load operand must be "%[1]s" or %[1]s="originalname" (want '=' after %[1]s)`, id.Name)
		return n
	}
	p.next()
	if p.tok.Kind != STRING {
		p.errorf(`original name of loaded symbol must be quoted: %s="originalname"`, id.Name)
		return n
	}
	n.From = p.literal()
	n.End = n.From.End
	return n
}
