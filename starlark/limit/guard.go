package limit

import (
	"fmt"
	"math/bits"
	"strings"

	"go.starlark.net/starlark"
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

// Functions are the functions behind the guards' names, and those of Starlark's
// own functions that make large values of small ones.
func (m *Meter) Functions() starlark.StringDict {
	names := starlark.StringDict{}
	add := func(name string, f func(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error)) {
		names[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return f(t, args, kwargs)
		})
	}
	add(guardTimes, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return m.times(args[0], args[1])
	})
	add(guardFormat, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		if _, ok := args[0].(starlark.String); ok {
			if err := m.AllowText(args...); err != nil {
				return nil, err
			}
		}
		return starlark.Binary(syntax.PERCENT, args[0], args[1])
	})
	add(guardSum, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return args[0], m.Took(Size(args[0]))
	})
	add(guardMore, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return args[1], m.Took(Size(args[0]) + Size(args[1]))
	})
	add(guardTuple, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return args[0], CheckNested(args[0])
	})
	add(guardCheck, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return args[0], CheckNested(args[0])
	})
	add(guardMember, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		switch args[0].(type) {
		case *starlark.List, starlark.Tuple:
			return args[0], CheckNested(args[0])
		}
		return args[0], nil // what is found by its hash, or a text
	})
	add("int", func(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if len(args) > 0 {
			if text, ok := args[0].(starlark.String); ok && len(text) > maxDigits {
				return nil, errDigits
			}
		}
		return starlark.Universe["int"].(*starlark.Builtin).CallInternal(t, args, kwargs)
	})
	add(guardCall, m.callGuarded)
	add(guardMethod, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return m.method(args[0]), nil
	})
	add("getattr", func(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		v, err := starlark.Universe["getattr"].(*starlark.Builtin).CallInternal(t, args, kwargs)
		if err != nil {
			return nil, err
		}
		return m.method(v), nil
	})
	add(guardLoop, func(_ *starlark.Thread, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		return args[0], nil
	})
	for _, name := range []string{"str", "repr", "print"} {
		m.guardUniverse(names, name, func(args starlark.Tuple) error { return m.AllowText(args...) })
	}
	for _, name := range []string{"list", "tuple", "set", "dict", "sorted", "reversed", "enumerate", "zip", "bytes", "min", "max"} {
		m.guardUniverse(names, name, m.allowElements)
	}
	add("range", func(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		v, err := starlark.Universe["range"].(*starlark.Builtin).CallInternal(t, args, kwargs)
		if n := starlark.Len(v); err == nil && n > maxRange {
			return nil, fmt.Errorf("range: %d numbers are more than the %d that a range may have", n, maxRange)
		}
		return v, err
	})
	return names
}

// guardUniverse replaces a function of Starlark's own by one that measures its
// result, and asks before it is made.
func (m *Meter) guardUniverse(names starlark.StringDict, name string, before func(starlark.Tuple) error) {
	original := starlark.Universe[name].(*starlark.Builtin)
	names[name] = starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		if before != nil {
			if err := before(args); err != nil {
				return nil, err
			}
		}
		v, err := original.CallInternal(t, args, kwargs)
		if err != nil {
			return nil, err
		}
		if _, ok := v.(starlark.Tuple); ok {
			if err := CheckNested(v); err != nil {
				return nil, err
			}
		}
		return v, m.Took(Size(v))
	})
}

// times is x * y.
func (m *Meter) times(x, y starlark.Value) (starlark.Value, error) {
	if a, ok := x.(starlark.Int); ok {
		if b, ok := y.(starlark.Int); ok && bitsOf(a)+bitsOf(b) > maxBits {
			return nil, errDigits
		}
	}
	count, isInt := y.(starlark.Int)
	size := Size(x)
	if !isInt {
		count, isInt = x.(starlark.Int)
		size = Size(y)
	}
	if isInt && size > 0 {
		if n, ok := count.Uint64(); ok && n > 0 {
			high, total := bits.Mul64(size, n)
			if high == 0 && total >= largeValue && total < 1<<34 { // a larger one is refused by Starlark
				if err := m.Allow(total); err != nil {
					return nil, err
				}
			}
		}
	}
	return starlark.Binary(syntax.STAR, x, y)
}

// method returns a value; in the place of a method whose result may be large, one
// that is guarded wherever it is called.
func (m *Meter) method(v starlark.Value) starlark.Value {
	b, ok := v.(*starlark.Builtin)
	if !ok || b.Receiver() == nil || !guardedMethods[b.Name()] {
		return v
	}
	return starlark.NewBuiltin(b.Name(), func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return m.callGuarded(t, append(starlark.Tuple{b}, args...), kwargs)
	}).BindReceiver(b.Receiver())
}

// callGuarded calls a method whose result may be large.
func (m *Meter) callGuarded(t *starlark.Thread, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	method, args := args[0], args[1:]
	if b, ok := method.(*starlark.Builtin); ok {
		if n := methodSize(b, args, kwargs, m.limit.Load()); n >= largeValue {
			if err := m.Allow(n); err != nil {
				return nil, err
			}
		}
		switch b.Receiver().(type) {
		case *starlark.List, *starlark.Set:
			if err := CheckNested(append(starlark.Tuple{b.Receiver()}, args...)); err != nil {
				return nil, err
			}
		}
		v, err := b.CallInternal(t, args, kwargs)
		if err != nil {
			return nil, err
		}
		if b.Name() == "items" || b.Name() == "popitem" { // which make tuples
			if err := CheckNested(v); err != nil {
				return nil, err
			}
		}
		return v, m.Took(Size(v))
	}
	return starlark.Call(t, method, args, kwargs)
}

// pieces is how many strings a text can be split in.
func pieces(text string, args starlark.Tuple) uint64 {
	if len(text) < largeValue {
		return 0
	}
	if len(args) > 0 {
		if sep, ok := args[0].(starlark.String); ok && sep != "" {
			return uint64(strings.Count(text, string(sep))) + 1
		}
	}
	n := uint64(1)
	for _, c := range []byte(text) {
		if c == ' ' || c >= '\t' && c <= '\r' {
			n++
		}
	}
	return n
}

// allowElements reports whether the elements of some values are within the limit.
func (m *Meter) allowElements(args starlark.Tuple) error {
	var total uint64
	for _, v := range args {
		if n := starlark.Len(v); n > 0 {
			total += perElement * uint64(n)
		}
		switch v.(type) {
		case *starlark.List, starlark.Tuple, *starlark.Dict:
			if err := CheckNested(v); err != nil {
				return err
			}
		}
	}
	if total < largeValue {
		return nil
	}
	return m.Allow(total)
}

// bitsOf is how long a number is.
func bitsOf(n starlark.Int) int {
	if _, ok := n.Int64(); ok {
		return 64
	}
	return n.BigInt().BitLen()
}

// methodSize is how large the result of a method can become, at most budget
// and a little.
func methodSize(b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple, budget uint64) uint64 {
	var total uint64
	add := func(v starlark.Value) {
		if total < budget {
			n, _ := textSize(v, budget-total)
			total += n
		}
	}
	receiver, isText := b.Receiver().(starlark.String)
	switch {
	case b.Name() == "extend" && len(args) == 1:
		return perElement * uint64(max(starlark.Len(args[0]), 0))
	case b.Name() == "items" || b.Name() == "keys" || b.Name() == "values":
		return perElement * uint64(max(starlark.Len(b.Receiver()), 0))
	case !isText:
		return 0
	case b.Name() == "split" || b.Name() == "rsplit" || b.Name() == "splitlines":
		return perElement * pieces(string(receiver), args)
	case len(args) == 0:
		return uint64(len(receiver))
	case b.Name() == "join" && len(args) == 1:
		add(args[0])
		return total + uint64(len(receiver))*uint64(max(starlark.Len(args[0]), 0))
	case b.Name() == "replace" && len(args) >= 2:
		old, _ := args[0].(starlark.String)
		by, _ := args[1].(starlark.String)
		times := uint64(len(receiver))/uint64(max(len(old), 1)) + 1
		return uint64(len(receiver)) + times*uint64(len(by))
	case b.Name() == "format":
		for _, a := range args {
			add(a)
		}
		for _, kw := range kwargs {
			add(kw[1])
		}
		return uint64(len(receiver)) + total*uint64(strings.Count(string(receiver), "{"))
	}
	return 0
}
