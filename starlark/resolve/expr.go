package resolve

import (
	"slices"

	"github.com/towline-dev/towline/starlark/syntax"
)

func (r *resolver) expr(x syntax.Expr) {
	if r.outline {
		return
	}
	switch x := x.(type) {
	case *syntax.Ident:
		r.use(x)
	case *syntax.CallExpr:
		r.call(x)
	case *syntax.DotExpr:
		r.expr(x.X)
	case *syntax.Comprehension:
		r.comprehension(x)
	case *syntax.LambdaExpr:
		r.function(x, x.Params, x.Span(), func() { r.expr(x.Body) })
	case *syntax.CondExpr: // in the original's order
		r.expr(x.Cond)
		r.expr(x.True)
		r.expr(x.False)
	case *syntax.ListExpr:
		r.exprs(x.List)
	case *syntax.TupleExpr:
		r.exprs(x.List)
	case *syntax.DictExpr:
		for _, e := range x.List {
			r.expr(e)
		}
	case *syntax.DictEntry:
		r.expr(x.Key)
		r.expr(x.Value)
	case *syntax.ParenExpr:
		r.expr(x.X)
	case *syntax.UnaryExpr:
		r.expr(x.X)
	case *syntax.BinaryExpr:
		r.expr(x.X)
		r.expr(x.Y)
	case *syntax.IndexExpr:
		r.expr(x.X)
		r.expr(x.Index)
	case *syntax.SliceExpr:
		r.expr(x.X)
		r.exprs([]syntax.Expr{x.Lo, x.Hi, x.Step})
	}
}

func (r *resolver) exprs(list []syntax.Expr) {
	for _, x := range list {
		r.expr(x)
	}
}

// comprehension resolves the first operand outside, the rest in a new scope.
func (r *resolver) comprehension(x *syntax.Comprehension) {
	if len(x.Clauses) > 0 {
		r.expr(x.Clauses[0].X)
	}
	r.push(x, x.Span())
	for i, c := range x.Clauses {
		if c.Vars != nil {
			r.assign(c.Vars, c, false)
		}
		if i > 0 {
			r.expr(c.X)
		}
	}
	r.expr(x.Body)
	r.pop()
}

// maxArgs is the interpreter's limit of arguments of each sort in a call.
const maxArgs = 255

func (r *resolver) call(x *syntax.CallExpr) {
	r.expr(x.Fn)
	r.noteLoad(x)
	var args, kwargs bool
	var positional, named int
	var many map[string]bool
	base := len(r.named)
	for _, a := range x.Args {
		switch {
		case a.Star == syntax.STARSTAR:
			r.rejectIf(kwargs, a, "multiple **kwargs not allowed")
			kwargs = true
		case a.Star == syntax.STAR:
			if !r.rejectIf(kwargs, a, "*args may not follow **kwargs") {
				r.rejectIf(args, a, "multiple *args not allowed")
			}
			args = true
		case a.Name != nil:
			named++
			if !r.rejectIf(kwargs, a, "keyword argument may not follow **kwargs") {
				r.rejectIf(args, a, "keyword argument may not follow *args")
			}
			var again bool
			if again, many = r.repeated(a.Name.Name, base, many); again {
				r.problem(a.Name.Span(), CodeArgs, "keyword argument %q is repeated", a.Name.Name)
			}
		default:
			positional++
			_ = r.rejectIf(args, a, "positional argument may not follow *args") ||
				r.rejectIf(kwargs, a, "positional argument may not follow **kwargs") ||
				r.rejectIf(named > 0, a, "positional argument may not follow named")
		}
		r.expr(a.X)
	}
	r.named = r.named[:base]
	if positional > maxArgs {
		r.problem(x.Span(), CodeArgs, "%v positional arguments in call, limit is 255", positional)
	}
	if named > maxArgs {
		r.problem(x.Span(), CodeArgs, "%v keyword arguments in call, limit is 255", named)
	}
}

// fewArgs is up to how many named arguments of a call are compared with each
// other.
const fewArgs = 16

// repeated reports whether a name is among those of the call's arguments so
// far, which r.named has from base on, and adds it. Many get a map.
func (r *resolver) repeated(name string, base int, many map[string]bool) (bool, map[string]bool) {
	names := r.named[base:]
	if many == nil && len(names) > fewArgs {
		many = make(map[string]bool, 4*fewArgs)
		for _, n := range names {
			many[n] = true
		}
	}
	r.named = append(r.named, name)
	if many == nil {
		return slices.Contains(names, name), nil
	}
	old := many[name]
	many[name] = true
	return old, many
}

// rejectIf reports msg at an argument if bad, and returns bad. An argument that
// is missing is the parser's to report.
func (r *resolver) rejectIf(bad bool, a *syntax.Arg, msg string) bool {
	if _, missing := a.X.(*syntax.BadExpr); bad && !missing {
		r.problem(a.Span(), CodeArgs, "%s", msg)
	}
	return bad
}

// noteLoad notes include('file') and load_dynamic('file').
func (r *resolver) noteLoad(x *syntax.CallExpr) {
	fn, ok := x.Fn.(*syntax.Ident)
	if !ok || len(x.Args) == 0 || r.env.Lookup(fn.Name) != nil {
		return
	}
	kind := Include
	switch fn.Name {
	case "include":
	case "load_dynamic":
		kind = LoadDynamic
	default:
		return
	}
	a := x.Args[0]
	lit, ok := a.X.(*syntax.Literal)
	if !ok || lit.Kind != syntax.STRING || a.Star != syntax.ILLEGAL || a.Name != nil && a.Name.Name != "path" {
		return
	}
	r.file.Loads = append(r.file.Loads, &Load{Kind: kind, Module: lit, Call: x})
}
