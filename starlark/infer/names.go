package infer

import (
	"slices"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// Binding infers the value of a name.
func (in *Inference) Binding(f *resolve.File, b *resolve.Binding) Value {
	switch {
	case b == nil:
		return Value{}
	case b.Kind == resolve.Builtin:
		return EntryValue(b.Entry)
	}
	if v, ok := in.memo[b]; ok {
		return v
	}
	in.memo[b] = Value{} // ends recursion
	v := in.bindingValue(f, b)
	in.memo[b] = v
	return v
}

// maxSites is how many assignments of one name are looked at.
const maxSites = 8

func (in *Inference) bindingValue(f *resolve.File, b *resolve.Binding) Value {
	if b.Kind == resolve.Loaded {
		if f, b = resolve.Declaration(f, b, in.loads); b == nil {
			return Value{}
		}
		return in.Binding(f, b)
	}
	if len(b.Sites) == 0 || len(b.Sites) > maxSites {
		return Value{}
	}
	var common Value
	for i, site := range b.Sites {
		v := in.site(f, b, site)
		if a, ok := site.Node.(*syntax.AssignStmt); ok && a.Op != syntax.EQ {
			v = augmented(a.Op, common, v)
		}
		if i > 0 {
			v = merge(common, v)
		}
		if !v.Known() {
			return Value{}
		}
		common = v
	}
	return common
}

// augmented returns the outcome of an assignment such as x += y.
func augmented(op syntax.Kind, x, y Value) Value {
	switch {
	case op == syntax.PLUS_EQ && x.Name == "list":
		if y.Name == "list" {
			return Value{Name: "list", Elem: mergeElem(x.Elem, y.Elem)}
		}
		return Value{Name: "list"}
	case op == syntax.PLUS_EQ && x.Name == y.Name && (x.Name == "int" || x.Name == "str" || x.Name == "float"):
		return x
	}
	return Value{}
}

// site infers the value that a place gives a binding.
func (in *Inference) site(f *resolve.File, b *resolve.Binding, site resolve.Site) Value {
	switch n := site.Node.(type) {
	case *syntax.DefStmt:
		return Value{Name: "function", Def: n, From: f}
	case *syntax.AssignStmt:
		if t := in.comment(f, n.End); t.Known() {
			return t
		}
		return in.part(f, n.LHS, site.Ident, func() Value { return in.Expr(f, n.RHS) })
	case *syntax.ForStmt:
		return in.part(f, n.Vars, site.Ident, func() Value { return in.Expr(f, n.X).each() })
	case *syntax.CompClause:
		return in.part(f, n.Vars, site.Ident, func() Value { return in.Expr(f, n.X).each() })
	case *syntax.Param:
		return in.param(f, b, n)
	}
	return Value{}
}

// part infers the part of a value that a name on the left side of an assignment
// gets: all of it, or an element of a tuple.
func (in *Inference) part(f *resolve.File, lhs syntax.Expr, id *syntax.Ident, whole func() Value) Value {
	lhs = syntax.Unparen(lhs)
	if lhs == syntax.Expr(id) {
		return whole()
	}
	var list []syntax.Expr
	switch lhs := lhs.(type) {
	case *syntax.TupleExpr:
		list = lhs.List
	case *syntax.ListExpr:
		list = lhs.List
	}
	i := slices.IndexFunc(list, func(x syntax.Expr) bool {
		s := x.Span()
		return s.Start <= id.Start && id.End <= s.End
	})
	if i < 0 {
		return Value{}
	}
	return in.part(f, list[i], id, func() Value {
		v := whole()
		if v.Name == "tuple" && len(v.Items) == len(list) {
			return v.Items[i]
		}
		return v.at(nil)
	})
}

// param infers a parameter from what its def says of it, or else from its
// default.
func (in *Inference) param(f *resolve.File, b *resolve.Binding, p *syntax.Param) Value {
	switch p.Star {
	case syntax.STAR:
		return Value{Name: "tuple"}
	case syntax.STARSTAR:
		return Value{Name: "dict"}
	}
	if def, ok := b.Scope.Node.(*syntax.DefStmt); ok {
		for _, q := range in.DefSignature(Value{Name: "function", Def: def, From: f}).Params {
			if q.Name == p.Name.Name && q.Type.Name != "any" {
				return typeValue(q.Type)
			}
		}
	}
	if p.Default != nil {
		if v := in.Expr(f, p.Default); v.Name != "None" {
			return Value{Name: v.Name, Elem: v.Elem}
		}
	}
	return Value{}
}

// EntryValue returns the value that a built-in's name stands for.
func EntryValue(e *decl.Entry) Value {
	switch e.Kind {
	case decl.Function:
		return Value{Name: "builtin_function_or_method", Entry: e}
	case decl.Module:
		return Value{Name: "module", Entry: e}
	}
	return typeValue(e.Type)
}

// typeValue returns a value of a type of the table; unknown unless the type is
// a single one.
func typeValue(t decl.Type) Value {
	switch {
	case t.IsUnion(), t.Name == "any", t.Name == "iterable", t.Name == "callable":
		return Value{}
	}
	v := Value{Name: t.Name}
	switch {
	case t.Name == "tuple":
		for _, a := range t.Args {
			v.Items = append(v.Items, typeValue(a))
		}
	case len(t.Args) > 0:
		if keys := typeValue(t.Args[0]); keys.Known() && t.Name == "dict" {
			v.Keys = &keys
		}
		if elem := typeValue(t.Args[len(t.Args)-1]); elem.Known() {
			v.Elem = &elem
		}
	}
	return v
}
