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
	elem   string          // the type of a list's elements
	args   []decl.Type
}

// field is a member of a struct, or a key of a dict.
type field struct {
	name  string
	value value
	doc   string
	place syntax.Span
}

func (v value) known() bool { return v.name != "" }

// inference finds out types. It lives for one request.
type inference struct {
	s    *Snapshot
	memo map[*resolve.Binding]value
	defs map[*syntax.DefStmt]*signature

	defined map[*resolve.File][]field // see settings
	depth   int
}

func newInference(s *Snapshot) *inference {
	return &inference{s: s, memo: map[*resolve.Binding]value{}, defs: map[*syntax.DefStmt]*signature{}, defined: map[*resolve.File][]field{}}
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
		return value{name: map[syntax.Kind]string{syntax.STRING: "str", syntax.BYTES: "bytes", syntax.INT: "int", syntax.FLOAT: "float"}[x.Kind]}
	case *syntax.Ident:
		return in.binding(f, f.Binding(x))
	case *syntax.DotExpr:
		return in.member(in.expr(f, x.X), x.Name.Name)
	case *syntax.CallExpr:
		return in.call(f, x)
	case *syntax.ParenExpr:
		return in.expr(f, x.X)
	case *syntax.ListExpr:
		return value{name: "list", elem: in.commonType(f, x.List)}
	case *syntax.TupleExpr:
		return value{name: "tuple"}
	case *syntax.DictExpr:
		return in.dict(f, x)
	case *syntax.Comprehension:
		if x.Curly {
			return value{name: "dict"}
		}
		return value{name: "list"}
	case *syntax.LambdaExpr:
		return value{name: "function"}
	case *syntax.BinaryExpr:
		return in.binary(f, x)
	case *syntax.UnaryExpr:
		if x.Op == syntax.NOT {
			return value{name: "bool"}
		}
	case *syntax.CondExpr:
		if a, b := in.expr(f, x.True), in.expr(f, x.False); a.name == b.name {
			return value{name: a.name}
		}
	}
	return value{}
}

// commonType returns the type that all expressions have, if they do.
func (in *inference) commonType(f *resolve.File, list []syntax.Expr) string {
	common := ""
	for i, x := range list {
		t := in.expr(f, x).name
		if i > 0 && t != common {
			return ""
		}
		common = t
	}
	return common
}

func (in *inference) dict(f *resolve.File, x *syntax.DictExpr) value {
	v := value{name: "dict", from: f}
	for _, e := range x.List {
		if lit, ok := e.Key.(*syntax.Literal); ok && lit.Kind == syntax.STRING {
			v.fields = append(v.fields, field{name: lit.Value, value: in.expr(f, e.Value), place: lit.Span()})
		}
	}
	return v
}

func (in *inference) binary(f *resolve.File, x *syntax.BinaryExpr) value {
	switch x.Op {
	case syntax.EQL, syntax.NEQ, syntax.LT, syntax.GT, syntax.LE, syntax.GE, syntax.IN, syntax.NOT_IN:
		return value{name: "bool"}
	case syntax.PERCENT:
		if in.expr(f, x.X).name == "str" {
			return value{name: "str"}
		}
	case syntax.PLUS:
		a, b := in.expr(f, x.X), in.expr(f, x.Y)
		if a.name == b.name && (a.name == "str" || a.name == "list" || a.name == "int") {
			return value{name: a.name}
		}
	}
	return value{}
}

// binding infers the value of a name: of a built-in, a def, or a variable that
// is assigned once.
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

func (in *inference) bindingValue(f *resolve.File, b *resolve.Binding) value {
	if b.Kind == resolve.Builtin {
		return entryValue(b.Entry)
	}
	if b.Kind == resolve.Loaded {
		if f, b = in.s.declaration(f, b); b == nil {
			return value{}
		}
		return in.binding(f, b)
	}
	if len(b.Sites) != 1 {
		return value{}
	}
	site := b.Sites[0]
	switch n := site.Node.(type) {
	case *syntax.DefStmt:
		return value{name: "function", def: n, from: f}
	case *syntax.AssignStmt:
		if n.LHS == syntax.Expr(site.Ident) && n.Op == syntax.EQ {
			return in.expr(f, n.RHS)
		}
	case *syntax.Param:
		switch n.Star {
		case syntax.STAR:
			return value{name: "tuple"}
		case syntax.STARSTAR:
			return value{name: "dict"}
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
	if t.IsUnion() || t.Name == "any" || t.Name == "iterable" || t.Name == "callable" {
		return value{}
	}
	v := value{name: t.Name, args: t.Args}
	if t.Name == "list" && len(t.Args) == 1 {
		v.elem = t.Args[0].Name
	}
	return v
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

func (in *inference) call(f *resolve.File, x *syntax.CallExpr) value {
	fn := in.expr(f, x.Fn)
	if fn.entry != nil && fn.entry.Kind == decl.Function {
		switch fn.entry.Name {
		case "struct", "module":
			return in.structCall(f, x, fn.entry.Name)
		case "config.parse":
			return value{name: "dict", fields: in.settings(f), from: f}
		case "load_dynamic":
			return in.symbols(f, x)
		}
		return typeValue(fn.entry.Type)
	}
	if fn.def != nil {
		return in.result(fn)
	}
	return value{}
}

func (in *inference) structCall(f *resolve.File, x *syntax.CallExpr, name string) value {
	v := value{name: name, closed: true, from: f}
	for _, a := range x.Args {
		if a.Star == syntax.STARSTAR {
			v.closed = false
		}
		if a.Name != nil {
			v.fields = append(v.fields, field{name: a.Name.Name, value: in.expr(f, a.X), place: a.Name.Span()})
		}
	}
	return v
}

// symbols returns the dict that a load_dynamic of a file that is known makes.
func (in *inference) symbols(f *resolve.File, x *syntax.CallExpr) value {
	v := value{name: "dict"}
	for _, l := range f.Loads {
		if l.Call != x {
			continue
		}
		if target := in.s.file(in.s.module(f, l).Path); target != nil {
			v.from = target
			for _, b := range target.Exports() {
				v.fields = append(v.fields, field{name: b.Name, value: in.binding(target, b), place: b.Sites[0].Ident.Span()})
			}
		}
	}
	return v
}

// settings returns the settings that the file defines for config.parse.
func (in *inference) settings(f *resolve.File) []field {
	b := f.Builtins["config"]
	if b == nil {
		return nil
	}
	if list, ok := in.defined[f]; ok {
		return list
	}
	types := map[string]string{"config.define_string": "str", "config.define_bool": "bool", "config.define_string_list": "list"}
	var list []field
	syntax.Walk(f.File, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		dot, ok := call.Fn.(*syntax.DotExpr)
		if !ok {
			return true
		}
		x, ok := dot.X.(*syntax.Ident)
		if t := types["config."+dot.Name.Name]; ok && f.Binding(x) == b && t != "" {
			if lit := argument(call, 0, "name"); lit != nil {
				fl := field{name: lit.Value, value: value{name: t}, place: lit.Span()}
				if usage := argument(call, 2, "usage"); usage != nil {
					fl.doc = usage.Value
				}
				list = append(list, fl)
			}
		}
		return true
	})
	in.defined[f] = list
	return list
}

// argument returns the argument of that position or name, if it is a string.
func argument(call *syntax.CallExpr, i int, name string) *syntax.Literal {
	lit, _ := argumentExpr(call, i, name).(*syntax.Literal)
	if lit == nil || lit.Kind != syntax.STRING {
		return nil
	}
	return lit
}

// argumentExpr returns the argument of that position or name, or nil.
func argumentExpr(call *syntax.CallExpr, i int, name string) syntax.Expr {
	for j, a := range call.Args {
		switch {
		case a.Star != syntax.ILLEGAL && j <= i:
			return nil
		case a.Name != nil && a.Name.Name == name, a.Name == nil && a.Star == syntax.ILLEGAL && j == i:
			return a.X
		}
	}
	return nil
}

// result infers what a function returns, if it returns in one place only.
func (in *inference) result(fn value) value {
	var returns []*syntax.ReturnStmt
	for _, st := range fn.def.Body {
		syntax.Walk(st, func(n syntax.Node) bool {
			if r, ok := n.(*syntax.ReturnStmt); ok {
				returns = append(returns, r)
			}
			_, nested := n.(*syntax.DefStmt)
			return !nested
		})
	}
	n := len(fn.def.Body)
	if len(returns) != 1 || returns[0].Result == nil || fn.def.Body[n-1] != syntax.Stmt(returns[0]) {
		return value{}
	}
	return in.expr(fn.from, returns[0].Result)
}
