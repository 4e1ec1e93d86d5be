package format

import "github.com/towline-dev/towline/starlark/syntax"

// block prints statements at the margin, with the comments around them. The
// comments behind the last one belong to the block up to the offset end, as far
// as they stand no further left than the column col.
func (p *printer) block(list []syntax.Stmt, col, end int) {
	var prev syntax.Stmt
	for _, s := range list {
		start := s.Span().Start
		p.collect(start)
		p.endLine()
		blank := prev != nil && !p.compact(prev, s)
		if p.comments(prev, start) {
			blank = p.gap(start)
		} else if p.overflow && prev != nil {
			blank = true
		}
		p.overflow = false
		if blank {
			p.print("\n")
		}
		p.indent()
		p.stmt(s)
		prev = s
	}
	if prev != nil {
		p.collect(end)
	}
	p.trailing(prev, col, end)
}

// gap reports whether an empty line stood between the last comment printed and
// the statement at an offset.
func (p *printer) gap(start int) bool {
	return p.line(start)-p.line(p.f.Comments[p.next-1].Start) > 1
}

// comments prints the comments on lines of their own before the offset of a
// statement and reports whether there were some. Those directly below the
// statement before stay there if an empty line separates them from what
// follows; all others get an empty line before them.
func (p *printer) comments(prev syntax.Stmt, start int) bool {
	first := p.next
	for p.next < len(p.f.Comments) && p.f.Comments[p.next].Start < start {
		p.ownLine(prev, first, start)
	}
	return p.next > first
}

// ownLine prints one comment of a run that began with the comment first.
func (p *printer) ownLine(prev syntax.Stmt, first, until int) {
	c := p.f.Comments[p.next]
	line := p.line(c.Start)
	switch {
	case p.next > first:
		if line-p.line(p.f.Comments[p.next-1].Start) > 1 {
			p.print("\n")
		}
	case prev != nil && (line-p.line(prev.Span().End) > 1 || p.attached(until)):
		p.print("\n")
	}
	p.indent()
	p.print(p.comment(p.next))
	p.next++
	p.endLine()
}

// attached reports whether no empty line stands between the next comment and
// the offset of a statement, so that the comments belong to it. An offset of -1
// says that there is no statement.
func (p *printer) attached(start int) bool {
	if start < 0 {
		return false
	}
	line := p.line(p.f.Comments[p.next].Start)
	for i := p.next + 1; i < len(p.f.Comments) && p.f.Comments[i].Start < start; i++ {
		if l := p.line(p.f.Comments[i].Start); l-line > 1 {
			return false
		} else {
			line = l
		}
	}
	return p.line(start)-line <= 1
}

// trailing prints the comments behind the last statement of a block.
func (p *printer) trailing(prev syntax.Stmt, col, end int) {
	first := p.next
	for p.next < len(p.f.Comments) && p.f.Comments[p.next].Start < end {
		c := p.f.Comments[p.next]
		if c.Start-p.f.Lines.Line(p.line(c.Start)).Start < col {
			return
		}
		p.endLine()
		p.ownLine(prev, first, -1)
	}
}

// compact reports whether two statements with nothing between them are printed
// without an empty line between them.
func (p *printer) compact(a, b syntax.Stmt) bool {
	_, loadA := a.(*syntax.LoadStmt)
	_, loadB := b.(*syntax.LoadStmt)
	_, defA := a.(*syntax.DefStmt)
	_, defB := b.(*syntax.DefStmt)
	switch {
	case loadA || loadB:
		return loadA && loadB
	case defA || defB:
		return false
	}
	return p.line(b.Span().Start)-p.line(a.Span().End) <= 1
}

func (p *printer) stmt(s syntax.Stmt) {
	switch s := s.(type) {
	case *syntax.ExprStmt:
		p.expr(s.X)
	case *syntax.BranchStmt:
		p.print(s.Kind.String())
	case *syntax.ReturnStmt:
		p.print("return")
		if s.Result != nil {
			p.print(" ")
			p.expr(s.Result)
		}
	case *syntax.AssignStmt:
		p.assign(s)
	case *syntax.LoadStmt:
		p.load(s)
	case *syntax.DefStmt:
		p.print("def " + s.Name.Name)
		p.params(s)
		p.suite(s.Colon, s.Body, s.End)
	case *syntax.IfStmt:
		p.ifStmt(s)
	case *syntax.ForStmt:
		p.print("for ")
		p.expr(s.Vars)
		p.print(" in ")
		p.expr(s.X)
		p.suite(s.Colon, s.Body, s.End)
	case *syntax.WhileStmt:
		p.print("while ")
		p.expr(s.Cond)
		p.suite(s.Colon, s.Body, s.End)
	}
}

// assign prints an assignment. A right side on another line is indented.
func (p *printer) assign(s *syntax.AssignStmt) {
	margin := p.margin
	lineBreak := p.line(s.LHS.Span().End) < p.line(s.RHS.Span().Start)
	if lineBreak {
		p.margin = p.column() + listIndent
	}
	p.expr(s.LHS)
	p.print(" " + s.Op.String())
	if lineBreak {
		p.breakLine(s.RHS.Span().Start)
	} else {
		p.print(" ")
	}
	p.expr(s.RHS)
	p.margin = margin
}

// suite prints the block after a header's colon.
func (p *printer) suite(colon int, body []syntax.Stmt, end int) {
	p.print(":")
	p.margin += blockIndent
	p.collect(body[0].Span().Start)
	p.endLine()
	first := body[0].Span().Start
	col := first - p.f.Lines.Line(p.line(first)).Start
	until := p.blockEnd(end)
	if p.line(first) == p.line(colon) { // if x: pass
		until = p.lineEnd(end)
		col = len(p.f.Src)
	}
	p.block(body, col, until)
	p.margin -= blockIndent
}

// blockEnd returns where the token after a block starts.
func (p *printer) blockEnd(end int) int {
	lo, hi := 0, p.f.NumTokens()
	for lo < hi {
		if mid := (lo + hi) / 2; p.f.Token(mid).Start < end {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < p.f.NumTokens(); lo++ {
		switch p.f.Token(lo).Kind {
		case syntax.NEWLINE, syntax.INDENT, syntax.OUTDENT, syntax.SEMI:
		default:
			return p.f.Token(lo).Start
		}
	}
	return len(p.f.Src)
}

// lineEnd returns the end of the line of an offset.
func (p *printer) lineEnd(off int) int { return p.f.Lines.Line(p.line(off)).End }

func (p *printer) ifStmt(s *syntax.IfStmt) {
	for i, c := range s.Clauses {
		if i > 0 {
			p.clause(c.Start)
			p.print("el")
		}
		p.print("if ")
		p.expr(c.Cond)
		p.suite(c.Colon, c.Body, c.End)
	}
	if s.Else != nil {
		p.clause(s.Else.Start)
		p.print("else")
		p.suite(s.Else.Colon, s.Else.Body, s.Else.End)
	}
}

// clause starts the line of an elif or else at an offset. The comments before
// it that do not belong to the block before stand at its margin.
func (p *printer) clause(start int) {
	p.collect(start)
	p.endLine()
	last := p.lastToken(start)
	for p.next < len(p.f.Comments) && p.f.Comments[p.next].Start < start {
		if line := p.line(p.f.Comments[p.next].Start); line-p.line(last) > 1 {
			p.print("\n")
		}
		last = p.f.Comments[p.next].Start
		p.indent()
		p.print(p.comment(p.next))
		p.next++
		p.endLine()
	}
	if p.line(start)-p.line(last) > 1 {
		p.print("\n")
	}
	p.indent()
}

// lastToken returns the end of what stands before an offset: a token, or a
// comment that is printed.
func (p *printer) lastToken(off int) int {
	end := 0
	if p.next > 0 {
		end = p.f.Comments[p.next-1].Start
	}
	lo, hi := 0, p.f.NumTokens()
	for lo < hi {
		if mid := (lo + hi) / 2; p.f.Token(mid).Start < off {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for lo--; lo >= 0; lo-- {
		if t := p.f.Token(lo); t.Kind != syntax.NEWLINE && t.End > t.Start {
			return max(end, t.End)
		}
	}
	return end
}
