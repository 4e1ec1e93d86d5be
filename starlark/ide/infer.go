package ide

import (
	"slices"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// A value is what is known of an expression's value. The zero value is
// unknown.
type value struct {
	name   string          // as type() says it, or as the table does: "str", "Blob"
	entry  *decl.Entry     // a built-in function or module
	def    *syntax.DefStmt // a function of the file from
	from   *resolve.File   // that holds def, or the places of fields
	fields []field         // of a struct, or the keys of a dict
	closed bool            // fields are all there are
	elem   *value          // of a list's or set's elements or a dict's values, when they are alike
	keys   *value          // of a dict, when they are alike
	items  []value         // of a tuple
	loose  bool            // came out of what can be changed: good to offer, not to complain of
}

// field is a member of a struct, or a key of a dict.
type field struct {
	name  string
	value value
	doc   string
	place syntax.Span
	from  *resolve.File // of place; nil stands for that of the value
}

func (v value) known() bool { return v.name != "" }

// inference finds out types. It lives for one request.
type inference struct {
	loads resolve.Loads
	memo  map[*resolve.Binding]value
	defs  map[*syntax.DefStmt]*signature

	entries map[*decl.Entry]*signature

	defined map[*resolve.File][]field // see settings
	depth   int
}

func newInference(loads resolve.Loads) *inference {
	return &inference{loads: loads, memo: map[*resolve.Binding]value{}, defs: map[*syntax.DefStmt]*signature{}, entries: map[*decl.Entry]*signature{}, defined: map[*resolve.File][]field{}}
}

// maxInference limits how far an inference goes from one expression to another.
const maxInference = 40

// expr infers the value of an expression of the file f.
func (in *inference) expr(f *resolve.File, x syntax.Expr) value {
	if in.depth >= maxInference {
		return value{}
	}
	in.depth++
	defer func() { in.depth-- }()
	switch x := x.(type) {
	case *syntax.Literal:
		return value{name: literalName(x.Kind)}
	case *syntax.Ident:
		return in.binding(f, f.Binding(x))
	case *syntax.DotExpr:
		owner := in.expr(f, x.X)
		return in.member(owner, x.Name.Name).loosened(owner.loose)
	case *syntax.CallExpr:
		return in.call(f, x)
	case *syntax.ParenExpr:
		return in.expr(f, x.X)
	case *syntax.ListExpr:
		return value{name: "list", elem: in.alike(f, x.List)}
	case *syntax.TupleExpr:
		v := value{name: "tuple"}
		for _, e := range x.List {
			v.items = append(v.items, in.expr(f, e))
		}
		return v
	case *syntax.DictExpr:
		return in.dict(f, x)
	case *syntax.Comprehension:
		return in.comprehension(f, x)
	case *syntax.LambdaExpr:
		return value{name: "function"}
	case *syntax.BinaryExpr:
		return in.binary(f, x)
	case *syntax.UnaryExpr:
		return in.unary(f, x)
	case *syntax.IndexExpr:
		return in.index(f, x)
	case *syntax.SliceExpr:
		if v := in.expr(f, x.X); v.name == "str" || v.name == "list" || v.name == "bytes" {
			return value{name: v.name, elem: v.elem}
		}
	case *syntax.CondExpr:
		return merge(in.expr(f, x.True), in.expr(f, x.False))
	}
	return value{}
}

// literalName returns the type of a literal.
func literalName(kind syntax.Kind) string {
	switch kind {
	case syntax.STRING:
		return "str"
	case syntax.BYTES:
		return "bytes"
	case syntax.INT:
		return "int"
	case syntax.FLOAT:
		return "float"
	}
	return ""
}

// member infers an attribute of a value.
func (in *inference) member(v value, name string) value {
	if v.entry != nil && v.entry.Kind == decl.Module {
		if e, ok := decl.Lookup(v.entry.Name + "." + name); ok && !e.Method {
			return entryValue(e)
		}
		return value{}
	}
	if v.name == "struct" || v.name == "module" {
		if i := slices.IndexFunc(v.fields, func(f field) bool { return f.name == name }); i >= 0 {
			return v.fields[i].value
		}
		return value{}
	}
	if v.known() {
		if e, ok := decl.Lookup(v.name + "." + name); ok && e.Method {
			return entryValue(e)
		}
	}
	return value{}
}
