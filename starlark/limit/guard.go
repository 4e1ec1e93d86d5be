package limit

import (
	"go.starlark.net/syntax"
)

// Starlark's own limits count steps, and one step may make a value of any
// size. Before a file is compiled, the expressions that could are therefore
// passed through functions that measure: a repetition and a formatting before
// they are done, since their result can be any number of times as large as what
// goes in, and a sum after it, since it cannot. The functions' names cannot
// be written in a Tiltfile, and no call of theirs is in a call stack.
//
// What a loop runs on is passed through a function too, so that Starlark, which
// notes places at calls alone, knows where it is when it is stopped in a loop.
const (
	guardTimes  = "<times>"  // (x, y): x * y
	guardFormat = "<format>" // (x, y): x % y
	guardSum    = "<sum>"    // (x): x, which was just made
	guardMore   = "<more>"   // (x, y): y, which will be added to x
	guardCall   = "<call>"   // (method, …): method(…)
	guardMethod = "<method>" // (x): x, which may be a method that is called later
	guardLoop   = "<loop>"   // (x): x
	guardTuple  = "<tuple>"  // (x): x, a tuple that was just made
	guardCheck  = "<check>"  // (x): x, which will be compared with something
	guardMember = "<member>" // (x): x, in which something is looked for
)

// guardedMethods are the methods whose result can be larger than what goes in, or
// as large, and those that compare.
var guardedMethods = map[string]bool{
	"join": true, "replace": true, "format": true, "extend": true, "split": true, "rsplit": true, "splitlines": true, "popitem": true,
	"upper": true, "lower": true, "title": true, "capitalize": true, "items": true, "keys": true, "values": true,
	"index": true, "remove": true, "union": true, "intersection": true, "difference": true, "symmetric_difference": true, "update": true,
}

// Guard puts the guards in a file's tree.
func Guard(f *syntax.File) { guardStmts(f.Stmts) }

func guardStmts(stmts []syntax.Stmt) {
	for _, s := range stmts {
		guardStmt(s)
	}
}

func guardStmt(s syntax.Stmt) {
	switch s := s.(type) {
	case *syntax.AssignStmt:
		guardAssign(s)
	case *syntax.DefStmt:
		guardParams(s.Params)
		guardStmts(s.Body)
		if rest := restParam(s.Params); rest != nil {
			s.Body = append([]syntax.Stmt{&syntax.ExprStmt{X: guardOf(guardTuple, rest.NamePos, rest)}}, s.Body...)
		}
	case *syntax.ExprStmt:
		s.X = guardExpr(s.X)
	case *syntax.ForStmt:
		guardTarget(s.Vars)
		s.X = guardOf(guardLoop, s.For, guardExpr(s.X))
		guardStmts(s.Body)
	case *syntax.WhileStmt:
		s.Cond = guardOf(guardLoop, s.While, guardExpr(s.Cond))
		guardStmts(s.Body)
	case *syntax.IfStmt:
		s.Cond = guardExpr(s.Cond)
		guardStmts(s.True)
		guardStmts(s.False)
	case *syntax.ReturnStmt:
		if s.Result != nil {
			s.Result = guardExpr(s.Result)
		}
	}
}

func guardAssign(s *syntax.AssignStmt) {
	guardTarget(s.LHS)
	s.RHS = guardExpr(s.RHS)
	name, ok := s.LHS.(*syntax.Ident)
	if !ok {
		return
	}
	old := &syntax.Ident{NamePos: name.NamePos, Name: name.Name}
	switch s.Op {
	case syntax.PLUS_EQ:
		if _, isLiteral := s.RHS.(*syntax.Literal); !isLiteral {
			s.RHS = guardOf(guardMore, s.OpPos, old, s.RHS)
		}
	case syntax.STAR_EQ:
		s.Op, s.RHS = syntax.EQ, guardOf(guardTimes, s.OpPos, old, s.RHS)
	case syntax.PERCENT_EQ:
		s.Op, s.RHS = syntax.EQ, guardOf(guardFormat, s.OpPos, old, s.RHS)
	}
}

// guardTarget guards what stands in something that is assigned to.
func guardTarget(x syntax.Expr) {
	switch x := x.(type) {
	case *syntax.TupleExpr:
		for _, y := range x.List {
			guardTarget(y)
		}
	case *syntax.ListExpr:
		for _, y := range x.List {
			guardTarget(y)
		}
	case *syntax.ParenExpr:
		guardTarget(x.X)
	case *syntax.DotExpr:
		x.X = guardExpr(x.X)
	case *syntax.IndexExpr:
		x.X, x.Y = guardExpr(x.X), guardExpr(x.Y)
	}
}

// guardOf is a call of a guard, at the place of what it guards.
func guardOf(name string, pos syntax.Position, args ...syntax.Expr) syntax.Expr {
	return &syntax.CallExpr{Fn: &syntax.Ident{NamePos: pos, Name: name}, Lparen: pos, Args: args, Rparen: pos}
}

func guardParams(params []syntax.Expr) {
	for _, p := range params {
		if b, ok := p.(*syntax.BinaryExpr); ok {
			b.Y = guardExpr(b.Y)
		}
	}
}

// restParam is the parameter that takes the arguments that are left as a tuple.
func restParam(params []syntax.Expr) *syntax.Ident {
	for _, p := range params {
		if star, ok := p.(*syntax.UnaryExpr); ok && star.Op == syntax.STAR {
			if name, ok := star.X.(*syntax.Ident); ok {
				return &syntax.Ident{NamePos: name.NamePos, Name: name.Name}
			}
		}
	}
	return nil
}

func guardAll(list []syntax.Expr) {
	for i, x := range list {
		list[i] = guardExpr(x)
	}
}

// guardExpr returns what stands in an expression's place.
func guardExpr(x syntax.Expr) syntax.Expr {
	switch x := x.(type) {
	case *syntax.BinaryExpr:
		return guardBinary(x)
	case *syntax.CallExpr:
		return guardCallOf(x)
	case *syntax.Comprehension:
		x.Body = guardExpr(x.Body)
		for _, c := range x.Clauses {
			switch c := c.(type) {
			case *syntax.ForClause:
				c.X = guardExpr(c.X)
			case *syntax.IfClause:
				c.Cond = guardExpr(c.Cond)
			}
		}
	case *syntax.CondExpr:
		x.Cond, x.True, x.False = guardExpr(x.Cond), guardExpr(x.True), guardExpr(x.False)
	case *syntax.DictEntry:
		x.Key, x.Value = guardExpr(x.Key), guardExpr(x.Value)
	case *syntax.DictExpr:
		guardAll(x.List)
	case *syntax.DotExpr:
		x.X = guardExpr(x.X)
		if guardedMethods[x.Name.Name] {
			return guardOf(guardMethod, x.Dot, x)
		}
	case *syntax.IndexExpr:
		x.X, x.Y = guardExpr(x.X), guardExpr(x.Y)
	case *syntax.LambdaExpr:
		guardParams(x.Params)
		x.Body = guardExpr(x.Body)
		if rest := restParam(x.Params); rest != nil {
			x.Body = guardOf(guardMore, rest.NamePos, guardOf(guardTuple, rest.NamePos, rest), x.Body)
		}
	case *syntax.ListExpr:
		guardAll(x.List)
	case *syntax.ParenExpr:
		x.X = guardExpr(x.X)
	case *syntax.SliceExpr:
		x.X = guardExpr(x.X)
		for _, bound := range []*syntax.Expr{&x.Lo, &x.Hi, &x.Step} {
			if *bound != nil {
				*bound = guardExpr(*bound)
			}
		}
		return guardOf(guardSum, x.Lbrack, x)
	case *syntax.TupleExpr:
		guardAll(x.List)
		if len(x.List) > 0 {
			pos, _ := x.Span()
			return guardOf(guardTuple, pos, x)
		}
	case *syntax.UnaryExpr:
		if x.X != nil {
			x.X = guardExpr(x.X)
		}
	}
	return x
}

// guardBinary guards a chain of sums as one, so that the compiler can still
// fold its literals.
func guardBinary(x *syntax.BinaryExpr) syntax.Expr {
	switch x.Op {
	case syntax.STAR:
		return guardOf(guardTimes, x.OpPos, guardExpr(x.X), guardExpr(x.Y))
	case syntax.PERCENT:
		return guardOf(guardFormat, x.OpPos, guardExpr(x.X), guardExpr(x.Y))
	case syntax.PLUS:
		if guardChain(x) {
			return guardOf(guardSum, x.OpPos, x)
		}
		return x
	}
	x.X, x.Y = guardExpr(x.X), guardExpr(x.Y)
	switch x.Op {
	case syntax.PIPE, syntax.AMP, syntax.CIRCUMFLEX:
		return guardOf(guardSum, x.OpPos, x)
	case syntax.EQL, syntax.NEQ, syntax.LT, syntax.GT, syntax.LE, syntax.GE, syntax.IN, syntax.NOT_IN:
		guardComparison(x)
	}
	return x
}

// guardComparison guards the operands of a comparison, unless one is written out:
// that is as small as it looks.
func guardComparison(x *syntax.BinaryExpr) {
	for _, operand := range []syntax.Expr{x.X, x.Y} {
		switch operand.(type) {
		case *syntax.Literal:
			if x.Op != syntax.IN && x.Op != syntax.NOT_IN {
				return
			}
		case *syntax.ListExpr, *syntax.TupleExpr:
			return
		}
	}
	if x.Op == syntax.IN || x.Op == syntax.NOT_IN {
		x.Y = guardOf(guardMember, x.OpPos, x.Y)
		return
	}
	x.Y = guardOf(guardCheck, x.OpPos, x.Y)
}

// guardChain guards the operands of a chain of sums; ok is whether any of them
// is no literal.
func guardChain(x *syntax.BinaryExpr) (ok bool) {
	for _, operand := range []*syntax.Expr{&x.X, &x.Y} {
		switch y := (*operand).(type) {
		case *syntax.Literal:
		case *syntax.BinaryExpr:
			if y.Op == syntax.PLUS {
				ok = guardChain(y) || ok
				continue
			}
			*operand, ok = guardExpr(y), true
		default:
			*operand, ok = guardExpr(y), true
		}
	}
	return ok
}

func guardCallOf(x *syntax.CallExpr) syntax.Expr {
	dot, ok := x.Fn.(*syntax.DotExpr)
	guarded := ok && guardedMethods[dot.Name.Name]
	if guarded {
		dot.X = guardExpr(dot.X)
	} else {
		x.Fn = guardExpr(x.Fn)
	}
	for i, a := range x.Args {
		if b, ok := a.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
			b.Y = guardExpr(b.Y)
			continue
		}
		x.Args[i] = guardExpr(a)
	}
	if guarded {
		x.Args = append([]syntax.Expr{dot}, x.Args...)
		x.Fn = &syntax.Ident{NamePos: x.Lparen, Name: guardCall}
	}
	return x
}
