package ide

import (
	"slices"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// binding infers the value of a name.
func (in *inference) binding(f *resolve.File, b *resolve.Binding) value {
	if b == nil {
		return value{}
	}
	if v, ok := in.memo[b]; ok {
		return v
	}
	in.memo[b] = value{} // ends recursion
	v := in.bindingValue(f, b)
	in.memo[b] = v
	return v
}

// maxSites is how many assignments of one name are looked at.
const maxSites = 8

func (in *inference) bindingValue(f *resolve.File, b *resolve.Binding) value {
	if b.Kind == resolve.Builtin {
		return entryValue(b.Entry)
	}
	if b.Kind == resolve.Loaded {
		if f, b = resolve.Declaration(f, b, in.loads); b == nil {
			return value{}
		}
		return in.binding(f, b)
	}
	if len(b.Sites) == 0 || len(b.Sites) > maxSites {
		return value{}
	}
	var common value
	for i, site := range b.Sites {
		v := in.site(f, b, site)
		if a, ok := site.Node.(*syntax.AssignStmt); ok && a.Op != syntax.EQ {
			v = augmented(a.Op, common, v)
		}
		if i > 0 {
			v = merge(common, v)
		}
		if !v.known() {
			return value{}
		}
		common = v
	}
	return common
}

// augmented returns the outcome of an assignment such as x += y.
func augmented(op syntax.Kind, x, y value) value {
	switch {
	case op == syntax.PLUS_EQ && x.name == "list":
		if y.name == "list" {
			return value{name: "list", elem: mergeElem(x.elem, y.elem)}
		}
		return value{name: "list"}
	case op == syntax.PLUS_EQ && x.name == y.name && (x.name == "int" || x.name == "str" || x.name == "float"):
		return x
	}
	return value{}
}

// site infers the value that a place gives a binding.
func (in *inference) site(f *resolve.File, b *resolve.Binding, site resolve.Site) value {
	switch n := site.Node.(type) {
	case *syntax.DefStmt:
		return value{name: "function", def: n, from: f}
	case *syntax.AssignStmt:
		if t := in.comment(f, n.End); t.known() {
			return t
		}
		return in.part(f, n.LHS, site.Ident, func() value { return in.expr(f, n.RHS) })
	case *syntax.ForStmt:
		return in.part(f, n.Vars, site.Ident, func() value { return in.expr(f, n.X).each() })
	case *syntax.CompClause:
		return in.part(f, n.Vars, site.Ident, func() value { return in.expr(f, n.X).each() })
	case *syntax.Param:
		return in.param(f, b, n)
	}
	return value{}
}

// part infers the part of a value that a name on the left side of an assignment
// gets: all of it, or an element of a tuple.
func (in *inference) part(f *resolve.File, lhs syntax.Expr, id *syntax.Ident, whole func() value) value {
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
		return value{}
	}
	return in.part(f, list[i], id, func() value {
		v := whole()
		if v.name == "tuple" && len(v.items) == len(list) {
			return v.items[i]
		}
		return v.at(nil)
	})
}

// param infers a parameter from what its def says of it, or else from its
// default.
func (in *inference) param(f *resolve.File, b *resolve.Binding, p *syntax.Param) value {
	switch p.Star {
	case syntax.STAR:
		return value{name: "tuple"}
	case syntax.STARSTAR:
		return value{name: "dict"}
	}
	if def, ok := b.Scope.Node.(*syntax.DefStmt); ok {
		for _, q := range in.defSignature(value{name: "function", def: def, from: f}).params {
			if q.Name == p.Name.Name && q.Type.Name != "any" {
				return typeValue(q.Type)
			}
		}
	}
	if p.Default != nil {
		if v := in.expr(f, p.Default); v.name != "None" {
			return value{name: v.name, elem: v.elem}
		}
	}
	return value{}
}

// entryValue returns the value that a built-in's name stands for.
func entryValue(e *decl.Entry) value {
	switch e.Kind {
	case decl.Function:
		return value{name: "builtin_function_or_method", entry: e}
	case decl.Module:
		return value{name: "module", entry: e}
	}
	return typeValue(e.Type)
}

// typeValue returns a value of a type of the table; unknown unless the type is
// a single one.
func typeValue(t decl.Type) value {
	switch {
	case t.IsUnion(), t.Name == "any", t.Name == "iterable", t.Name == "callable":
		return value{}
	}
	v := value{name: t.Name}
	switch {
	case t.Name == "tuple":
		for _, a := range t.Args {
			v.items = append(v.items, typeValue(a))
		}
	case len(t.Args) > 0:
		if keys := typeValue(t.Args[0]); keys.known() && t.Name == "dict" {
			v.keys = &keys
		}
		if elem := typeValue(t.Args[len(t.Args)-1]); elem.known() {
			v.elem = &elem
		}
	}
	return v
}
