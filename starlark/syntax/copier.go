package syntax

// A copier copies trees to another place.
type copier struct {
	nodes *nodes
	by    int  // what is added to each position
	ids   *int // where names get new numbers from; nil keeps theirs
}

func (c *copier) pos(p Pos) Pos { return Pos{p.Start + c.by, p.End + c.by} }

// at moves a position that is -1 when what stands there is missing.
func (c *copier) at(off int) int {
	if off < 0 {
		return off
	}
	return off + c.by
}

func (c *copier) ident(x *Ident) *Ident {
	if x == nil {
		return nil
	}
	y := c.nodes.ident.new()
	*y = Ident{c.pos(x.Pos), x.Name, x.ID}
	if c.ids != nil {
		y.ID = *c.ids
		*c.ids++
	}
	return y
}

func (c *copier) literal(x *Literal) *Literal {
	if x == nil {
		return nil
	}
	y := c.nodes.literal.new()
	*y = Literal{c.pos(x.Pos), x.Kind, x.Raw, x.Value}
	return y
}

func (c *copier) stmts(list []Stmt) []Stmt {
	if list == nil {
		return nil
	}
	out := make([]Stmt, len(list))
	for i, s := range list {
		out[i] = c.stmt(s)
	}
	return out
}

func (c *copier) stmt(s Stmt) Stmt {
	switch s := s.(type) {
	case *AssignStmt:
		y := c.nodes.assign.new()
		*y = AssignStmt{c.pos(s.Pos), c.expr(s.LHS), c.at(s.OpPos), s.Op, c.expr(s.RHS)}
		return y
	case *BranchStmt:
		return &BranchStmt{c.pos(s.Pos), s.Kind}
	case *ReturnStmt:
		return &ReturnStmt{c.pos(s.Pos), c.expr(s.Result)}
	case *ExprStmt:
		y := c.nodes.exprStmt.new()
		*y = ExprStmt{c.pos(s.Pos), c.expr(s.X)}
		return y
	case *LoadStmt:
		y := &LoadStmt{c.pos(s.Pos), c.at(s.Lparen), c.at(s.Rparen), c.literal(s.Module), nil}
		for _, n := range s.Names {
			y.Names = append(y.Names, &LoadName{c.pos(n.Pos), c.ident(n.Local), c.literal(n.From), n.Short})
		}
		return y
	case *DefStmt:
		return &DefStmt{c.pos(s.Pos), c.ident(s.Name), c.at(s.Lparen), c.at(s.Rparen), c.params(s.Params), c.at(s.Colon), c.stmts(s.Body)}
	case *IfStmt:
		return c.ifStmt(s)
	case *ForStmt:
		return &ForStmt{c.pos(s.Pos), c.expr(s.Vars), c.expr(s.X), c.at(s.Colon), c.stmts(s.Body)}
	case *WhileStmt:
		return &WhileStmt{c.pos(s.Pos), c.expr(s.Cond), c.at(s.Colon), c.stmts(s.Body)}
	}
	return s
}

func (c *copier) ifStmt(s *IfStmt) Stmt {
	y := &IfStmt{Pos: c.pos(s.Pos), Clauses: make([]*IfClause, len(s.Clauses))}
	for i, cl := range s.Clauses {
		y.Clauses[i] = &IfClause{c.pos(cl.Pos), c.expr(cl.Cond), c.at(cl.Colon), c.stmts(cl.Body)}
	}
	if s.Else != nil {
		y.Else = &ElseClause{c.pos(s.Else.Pos), c.at(s.Else.Colon), c.stmts(s.Else.Body)}
	}
	return y
}

func (c *copier) params(list []*Param) []*Param {
	if list == nil {
		return nil
	}
	out := make([]*Param, len(list))
	for i, p := range list {
		out[i] = &Param{c.pos(p.Pos), p.Star, c.ident(p.Name), c.expr(p.Default)}
	}
	return out
}

func (c *copier) args(list []*Arg) []*Arg {
	out := c.nodes.argList(list)
	for i, a := range out {
		y := c.nodes.arg.new()
		*y = Arg{c.pos(a.Pos), a.Star, c.ident(a.Name), c.expr(a.X)}
		out[i] = y
	}
	return out
}

func (c *copier) exprs(list []Expr) []Expr {
	out := c.nodes.exprList(list)
	for i, x := range out {
		out[i] = c.expr(x)
	}
	return out
}

func (c *copier) expr(x Expr) Expr {
	switch x := x.(type) {
	case *Ident:
		return c.ident(x)
	case *Literal:
		return c.literal(x)
	case *CallExpr:
		y := c.nodes.call.new()
		*y = CallExpr{c.pos(x.Pos), c.expr(x.Fn), c.at(x.Lparen), c.at(x.Rparen), c.args(x.Args)}
		return y
	case *DotExpr:
		y := c.nodes.dot.new()
		*y = DotExpr{c.pos(x.Pos), c.expr(x.X), c.at(x.Dot), c.ident(x.Name)}
		return y
	case *BinaryExpr:
		y := c.nodes.binary.new()
		*y = BinaryExpr{c.pos(x.Pos), c.expr(x.X), c.at(x.OpPos), x.Op, c.expr(x.Y)}
		return y
	case *ParenExpr:
		return &ParenExpr{c.pos(x.Pos), c.expr(x.X)}
	case *TupleExpr:
		return &TupleExpr{c.pos(x.Pos), c.exprs(x.List), x.Parens}
	case *ListExpr:
		return &ListExpr{c.pos(x.Pos), c.exprs(x.List)}
	case *IndexExpr:
		return &IndexExpr{c.pos(x.Pos), c.expr(x.X), c.at(x.Lbrack), c.expr(x.Index)}
	}
	return c.copyRareExpr(x)
}

// copyRareExpr copies the expressions that a file has fewer of.
func (c *copier) copyRareExpr(x Expr) Expr {
	switch x := x.(type) {
	case *DictExpr:
		y := &DictExpr{c.pos(x.Pos), make([]*DictEntry, len(x.List))}
		for i, e := range x.List {
			y.List[i] = c.entry(e)
		}
		return y
	case *DictEntry:
		return c.entry(x)
	case *Comprehension:
		y := &Comprehension{c.pos(x.Pos), x.Curly, c.expr(x.Body), make([]*CompClause, len(x.Clauses))}
		for i, cl := range x.Clauses {
			y.Clauses[i] = &CompClause{c.pos(cl.Pos), c.expr(cl.Vars), c.expr(cl.X)}
		}
		return y
	case *SliceExpr:
		return &SliceExpr{c.pos(x.Pos), c.expr(x.X), c.at(x.Lbrack), c.expr(x.Lo), c.expr(x.Hi), c.expr(x.Step)}
	case *UnaryExpr:
		return &UnaryExpr{c.pos(x.Pos), x.Op, c.expr(x.X)}
	case *CondExpr:
		return &CondExpr{c.pos(x.Pos), c.expr(x.Cond), c.expr(x.True), c.expr(x.False)}
	case *LambdaExpr:
		return &LambdaExpr{c.pos(x.Pos), c.params(x.Params), c.expr(x.Body)}
	case *BadExpr:
		return &BadExpr{c.pos(x.Pos)}
	}
	return nil
}

func (c *copier) entry(e *DictEntry) *DictEntry {
	y := c.nodes.entry.new()
	*y = DictEntry{c.pos(e.Pos), c.expr(e.Key), c.at(e.Colon), c.expr(e.Value)}
	return y
}
