package syntax

// Walk calls f for n and, as long as f returns true, for the nodes below it in
// the order of the text.
func Walk(n Node, f func(Node) bool) {
	if !f(n) {
		return
	}
	switch n := n.(type) { // the nodes that there are most of, by themselves
	case *Ident, *Literal:
	case *CallExpr:
		Walk(n.Fn, f)
		for _, a := range n.Args {
			Walk(a, f)
		}
	case *Arg:
		if n.Name != nil {
			Walk(n.Name, f)
		}
		Walk(n.X, f)
	case *DotExpr:
		Walk(n.X, f)
		Walk(n.Name, f)
	case *BinaryExpr:
		Walk(n.X, f)
		Walk(n.Y, f)
	case *ListExpr:
		for _, x := range n.List {
			Walk(x, f)
		}
	case *ExprStmt:
		Walk(n.X, f)
	case *AssignStmt:
		Walk(n.LHS, f)
		Walk(n.RHS, f)
	case *DictExpr:
		for _, e := range n.List {
			Walk(e, f)
		}
	case *DictEntry:
		Walk(n.Key, f)
		Walk(n.Value, f)
	case *IfStmt:
		for _, c := range n.Clauses {
			Walk(c, f)
		}
		if n.Else != nil {
			Walk(n.Else, f)
		}
	case *IfClause:
		Walk(n.Cond, f)
		walkStmts(n.Body, f)
	default:
		Children(n, func(c Node) { Walk(c, f) })
	}
}

func walkStmts(list []Stmt, f func(Node) bool) {
	for _, st := range list {
		Walk(st, f)
	}
}

// Children calls f for each direct child of n, in the order of the text.
func Children(n Node, f func(Node)) {
	switch n := n.(type) {
	case *File:
		each(n.Stmts(), f)
	case *AssignStmt:
		f(n.LHS)
		f(n.RHS)
	case *ReturnStmt:
		visitExpr(n.Result, f)
	case *ExprStmt:
		f(n.X)
	case *LoadStmt:
		if n.Module != nil {
			f(n.Module)
		}
		each(n.Names, f)
	case *LoadName:
		if !n.Short {
			f(n.Local)
		}
		if n.From != nil {
			f(n.From)
		}
	case *DefStmt:
		f(n.Name)
		each(n.Params, f)
		each(n.Body, f)
	case *Param:
		if n.Name != nil {
			f(n.Name)
		}
		visitExpr(n.Default, f)
	case *IfStmt:
		each(n.Clauses, f)
		if n.Else != nil {
			f(n.Else)
		}
	case *IfClause:
		f(n.Cond)
		each(n.Body, f)
	case *ElseClause:
		each(n.Body, f)
	case *ForStmt:
		f(n.Vars)
		f(n.X)
		each(n.Body, f)
	case *WhileStmt:
		f(n.Cond)
		each(n.Body, f)
	default:
		exprChildren(n, f)
	}
}

func exprChildren(n Node, f func(Node)) {
	switch n := n.(type) {
	case *ParenExpr:
		f(n.X)
	case *TupleExpr:
		each(n.List, f)
	case *ListExpr:
		each(n.List, f)
	case *DictExpr:
		each(n.List, f)
	case *DictEntry:
		f(n.Key)
		f(n.Value)
	case *Comprehension:
		f(n.Body)
		each(n.Clauses, f)
	case *CompClause:
		visitExpr(n.Vars, f)
		f(n.X)
	case *CallExpr:
		f(n.Fn)
		each(n.Args, f)
	case *Arg:
		if n.Name != nil {
			f(n.Name)
		}
		f(n.X)
	case *DotExpr:
		f(n.X)
		f(n.Name)
	case *IndexExpr:
		f(n.X)
		f(n.Index)
	case *SliceExpr:
		f(n.X)
		visitExpr(n.Lo, f)
		visitExpr(n.Hi, f)
		visitExpr(n.Step, f)
	case *UnaryExpr:
		f(n.X)
	case *BinaryExpr:
		f(n.X)
		f(n.Y)
	case *CondExpr:
		f(n.True)
		f(n.Cond)
		f(n.False)
	case *LambdaExpr:
		each(n.Params, f)
		f(n.Body)
	}
}

func each[T Node](list []T, f func(Node)) {
	for _, x := range list {
		f(x)
	}
}

func visitExpr(x Expr, f func(Node)) {
	if x != nil {
		f(x)
	}
}

// PathAt returns the nodes that contain the offset, the file first and the
// smallest last. An offset between two nodes belongs to the one that starts
// there, unless that is no name and the other one is.
func PathAt(f *File, off int) []Node {
	path := []Node{f}
	var best Node
	look := func(c Node) {
		if c.Span().Contains(off) && (best == nil || !endsInName(best, off)) {
			best = c
		}
	}
	for i := f.PartAt(off - 1); i < len(f.Parts) && f.Parts[i].Start <= off; i++ {
		each(f.Parts[i].Stmts(), look)
	}
	for best != nil {
		n := best
		path, best = append(path, n), nil
		Children(n, look)
	}
	return path
}

// endsInName reports whether off is the end of n and n's last part is a name.
func endsInName(n Node, off int) bool {
	if n.Span().End != off {
		return false
	}
	switch n := n.(type) {
	case *Ident:
		return n.Name != ""
	case *DotExpr:
		return true
	}
	return false
}
