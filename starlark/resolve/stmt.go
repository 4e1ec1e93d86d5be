package resolve

import "github.com/towline-dev/towline/starlark/syntax"

func (r *resolver) stmts(list []syntax.Stmt) {
	for _, s := range list {
		r.stmt(s)
	}
}

func (r *resolver) stmt(s syntax.Stmt) {
	switch s := s.(type) {
	case *syntax.ExprStmt:
		r.expr(s.X)
	case *syntax.BranchStmt:
		if r.loops == 0 && s.Kind != syntax.PASS {
			r.problem(s.Span(), CodeMisplaced, "%s not in a loop", s.Kind)
		}
	case *syntax.IfStmt:
		r.ifStmt(s)
	case *syntax.AssignStmt:
		r.expr(s.RHS)
		r.assign(s.LHS, s, s.Op != syntax.EQ)
	case *syntax.DefStmt:
		r.bindVar(s.Name, s)
		r.function(s, s.Params, syntax.Span{Start: s.Name.End, End: s.End}, func() { r.stmts(s.Body) })
	case *syntax.ForStmt:
		r.expr(s.X)
		r.assign(s.Vars, s, false)
		r.loops++
		r.stmts(s.Body)
		r.loops--
	case *syntax.WhileStmt:
		r.expr(s.Cond)
		r.loops++
		r.stmts(s.Body)
		r.loops--
	case *syntax.ReturnStmt:
		if !r.inFunction() {
			r.problem(s.Span(), CodeMisplaced, "return statement not within a function")
		}
		if s.Result != nil {
			r.expr(s.Result)
		}
	case *syntax.LoadStmt:
		r.loadStmt(s)
	}
}

func (r *resolver) ifStmt(s *syntax.IfStmt) {
	for _, c := range s.Clauses {
		r.expr(c.Cond)
		r.ifs++
		r.stmts(c.Body)
	}
	if s.Else != nil {
		r.stmts(s.Else.Body)
	}
	r.ifs -= len(s.Clauses)
}

func (r *resolver) loadStmt(s *syntax.LoadStmt) {
	word := syntax.Span{Start: s.Start, End: s.Start + len("load")}
	switch {
	case r.inFunction():
		r.problem(word, CodeMisplaced, "load statement within a function")
	case r.loops > 0:
		r.problem(word, CodeMisplaced, "load statement within a loop")
	case r.ifs > 0:
		r.problem(word, CodeMisplaced, "load statement within a conditional")
	}
	load := &Load{Kind: LoadStmt, Module: s.Module, Stmt: s}
	if s.Module != nil {
		r.file.Loads = append(r.file.Loads, load)
	}
	for _, n := range s.Names {
		if s.Module != nil {
			r.file.loads[n] = load
		}
		switch {
		case n.From == nil:
		case n.From.Value == "":
			r.problem(n.From.Span(), CodeLoad, "load: empty identifier")
			continue
		case n.From.Value[0] == '_':
			r.problem(n.From.Inner(), CodeLoad, "load: names with leading underscores are not exported: %s", n.From.Value)
		}
		r.bind(n.Local, n, Loaded)
	}
}

// assign binds the names of an assignment's left side.
func (r *resolver) assign(lhs syntax.Expr, node syntax.Node, augmented bool) {
	switch lhs := lhs.(type) {
	case *syntax.Ident:
		if augmented {
			if b := r.env.Name(lhs.Name); b != nil {
				r.reference = append(r.reference, reference{lhs, b})
			}
		}
		r.bindVar(lhs, node)
	case *syntax.IndexExpr:
		r.expr(lhs.X)
		r.expr(lhs.Index)
	case *syntax.DotExpr:
		r.expr(lhs.X)
	case *syntax.TupleExpr:
		if augmented {
			r.problem(lhs.Span(), CodeAssign, "can't use tuple expression in augmented assignment")
		}
		r.assignAll(lhs.List, node, augmented)
	case *syntax.ListExpr:
		if augmented {
			r.problem(lhs.Span(), CodeAssign, "can't use list expression in augmented assignment")
		}
		r.assignAll(lhs.List, node, augmented)
	case *syntax.ParenExpr:
		r.assign(lhs.X, node, augmented)
	case *syntax.BadExpr:
	default:
		r.problem(lhs.Span(), CodeAssign, "can't assign to %s", exprName(lhs))
	}
}

func (r *resolver) assignAll(list []syntax.Expr, node syntax.Node, augmented bool) {
	for _, x := range list {
		r.assign(x, node, augmented)
	}
}

func exprName(x syntax.Expr) string {
	switch x.(type) {
	case *syntax.Literal:
		return "literal"
	case *syntax.CallExpr:
		return "callexpr"
	case *syntax.BinaryExpr:
		return "binaryexpr"
	case *syntax.UnaryExpr:
		return "unaryexpr"
	case *syntax.CondExpr:
		return "condexpr"
	case *syntax.DictExpr:
		return "dictexpr"
	case *syntax.SliceExpr:
		return "sliceexpr"
	case *syntax.LambdaExpr:
		return "lambdaexpr"
	case *syntax.Comprehension:
		return "comprehension"
	}
	return "expression"
}

// function resolves a def or lambda.
func (r *resolver) function(n syntax.Node, params []*syntax.Param, span syntax.Span, body func()) {
	if r.outline {
		return
	}
	for _, p := range params {
		if p.Default != nil {
			r.expr(p.Default)
		}
	}
	r.push(n, span)
	loops := r.loops
	r.loops = 0
	r.params(params)
	body()
	r.loops = loops
	r.pop()
}

// params binds the parameters. The starred ones come last, as in the original.
func (r *resolver) params(params []*syntax.Param) {
	var star, starStar *syntax.Param
	optional, keywordOnly := false, 0
	for _, p := range params {
		switch {
		case p.Star == syntax.STAR && starStar != nil:
			r.problem(p.Span(), CodeParams, "* parameter may not follow **%s", starStar.Name.Name)
		case p.Star == syntax.STAR && star != nil:
			r.problem(p.Span(), CodeParams, "multiple * parameters not allowed")
		case p.Star == syntax.STAR:
			star = p
		case p.Star == syntax.STARSTAR:
			if starStar != nil {
				r.problem(p.Span(), CodeParams, "multiple ** parameters not allowed")
			}
			starStar = p
		default:
			r.param(p, star, starStar, optional)
			optional = optional || p.Default != nil
			if star != nil && starStar == nil {
				keywordOnly++
			}
		}
	}
	if star != nil && star.Name != nil {
		r.bindParam(star)
	} else if star != nil && keywordOnly == 0 {
		r.problem(star.Span(), CodeParams, "bare * must be followed by keyword-only parameters")
	}
	if starStar != nil {
		r.bindParam(starStar)
	}
}

func (r *resolver) param(p, star, starStar *syntax.Param, optional bool) {
	switch {
	case starStar != nil && p.Default != nil:
		r.problem(p.Span(), CodeParams, "optional parameter may not follow **%s", starStar.Name.Name)
	case starStar != nil:
		r.problem(p.Span(), CodeParams, "required parameter may not follow **%s", starStar.Name.Name)
	case star == nil && optional && p.Default == nil:
		r.problem(p.Span(), CodeParams, "required parameter may not follow optional")
	}
	r.bindParam(p)
}

func (r *resolver) bindParam(p *syntax.Param) {
	if r.bind(p.Name, p, Param) {
		r.problem(p.Name.Span(), CodeParams, "duplicate parameter: %s", p.Name.Name)
	}
}
