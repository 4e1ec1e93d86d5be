package ide

import (
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

func (in *inference) call(f *resolve.File, x *syntax.CallExpr) value {
	fn := in.expr(f, x.Fn)
	switch {
	case fn.def != nil:
		return in.result(fn).loosened(fn.loose)
	case fn.entry == nil || fn.entry.Kind != decl.Function:
		return value{}
	}
	switch fn.entry.Name {
	case "struct", "module":
		return in.structCall(f, x, fn.entry.Name)
	case "config.parse":
		return value{name: "dict", keys: &value{name: "str"}, fields: in.allSettings(f, map[*resolve.File]bool{}), from: f}
	case "load_dynamic":
		return in.symbols(f, x)
	case "list", "sorted", "reversed", "set", "enumerate":
		return in.collection(f, x, fn.entry.Name)
	}
	if fn.entry.Method {
		if dot, ok := x.Fn.(*syntax.DotExpr); ok {
			if v := in.methodCall(f, x, in.expr(f, dot.X), fn.entry.Name); v.known() {
				return v
			}
		}
	}
	return typeValue(fn.entry.Type)
}

// collection infers what Starlark's own functions make of the elements of
// another value.
func (in *inference) collection(f *resolve.File, x *syntax.CallExpr, name string) value {
	var elem value
	if arg := argumentExpr(x, 0, "iterable"); arg != nil {
		elem = in.expr(f, arg).each()
	}
	if name == "enumerate" {
		elem = value{name: "tuple", items: []value{{name: "int"}, elem}}
	}
	v := value{name: "list"}
	if name == "set" {
		v.name = "set"
	}
	if elem.known() {
		v.elem = &elem
	}
	return v
}

// methodCall infers the results that depend on the elements of the value whose
// method is called.
func (in *inference) methodCall(f *resolve.File, x *syntax.CallExpr, v value, name string) value {
	switch name {
	case "dict.get", "dict.pop", "dict.setdefault":
		found := v.at(argument(x, 0, ""))
		if other := argumentExpr(x, 1, ""); other != nil && found.known() {
			if d := in.expr(f, other); d.name != found.name && d.name != "None" {
				return value{}
			}
		}
		return found
	case "dict.keys":
		if each := v.each(); each.known() {
			return value{name: "list", elem: &each}
		}
	case "dict.values":
		return value{name: "list", elem: v.elem}
	case "dict.items":
		pair := value{name: "tuple", items: []value{v.each(), v.at(nil)}}
		return value{name: "list", elem: &pair}
	case "list.pop":
		return v.at(nil)
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
	v := value{name: "dict", keys: &value{name: "str"}, closed: true}
	for _, l := range f.Loads {
		if l.Call != x {
			continue
		}
		if target := in.loads(f, l); target != nil {
			v.from = target
			for _, b := range target.Exports() {
				v.fields = append(v.fields, field{name: b.Name, value: in.binding(target, b), place: b.Sites[0].Ident.Span()})
			}
		}
	}
	return v
}

// maxSettingsFiles is how many files are looked through for settings.
const maxSettingsFiles = 50

// allSettings returns the settings that a file and those that it takes in
// define.
func (in *inference) allSettings(f *resolve.File, seen map[*resolve.File]bool) []field {
	if f == nil || seen[f] || len(seen) >= maxSettingsFiles {
		return nil
	}
	seen[f] = true
	list := slices.Clone(in.settings(f))
	for _, l := range f.Loads {
		if !l.Extension() {
			list = append(list, in.allSettings(in.loads(f, l), seen)...)
		}
	}
	return list
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
	text := value{name: "str"}
	types := map[string]value{"config.define_string": text, "config.define_bool": {name: "bool"}, "config.define_string_list": {name: "list", elem: &text}, "config.define_object": {}}
	var list []field
	define := func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		dot, ok := call.Fn.(*syntax.DotExpr)
		if !ok {
			return true
		}
		x, ok := dot.X.(*syntax.Ident)
		if t, defines := types["config."+dot.Name.Name]; ok && f.Binding(x) == b && defines {
			if lit := argument(call, 0, "name"); lit != nil {
				fl := field{name: lit.Value, value: t, place: lit.Span(), from: f}
				if usage := argument(call, 2, "usage"); usage != nil {
					fl.doc = usage.Value
				}
				list = append(list, fl)
			}
		}
		return true
	}
	for i := range f.Parts {
		part := &f.Parts[i]
		if !strings.Contains(f.Src[part.Start:part.End()], "define_") {
			continue
		}
		for _, st := range part.Stmts() {
			syntax.Walk(st, define)
		}
	}
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

// result infers what a function returns: what its def says, with more than its
// type where the returns show it, or else what these have in common.
func (in *inference) result(fn value) value {
	said := typeValue(in.defSignature(fn).result)
	found := in.returned(fn)
	if said.known() && said.name != found.name {
		return said
	}
	return found
}

// returned infers what all returns of a def have in common.
func (in *inference) returned(fn value) value {
	var common value
	returns := returnsOf(fn.def.Body)
	for i, r := range returns {
		v := value{name: "None"}
		if r.Result != nil {
			v = in.expr(fn.from, r.Result)
		}
		if i > 0 {
			v = merge(common, v)
		}
		if !v.known() {
			return value{}
		}
		common = v
	}
	switch {
	case len(returns) == 0:
		return value{name: "None"}
	case common.name != "None" && !ends(fn.def.Body):
		return value{}
	}
	return common
}

// returnsOf returns the return statements of a def's body, without those of the
// defs in it.
func returnsOf(body []syntax.Stmt) []*syntax.ReturnStmt {
	var list []*syntax.ReturnStmt
	for _, st := range body {
		syntax.Walk(st, func(n syntax.Node) bool {
			if r, ok := n.(*syntax.ReturnStmt); ok {
				list = append(list, r)
			}
			_, nested := n.(*syntax.DefStmt)
			return !nested
		})
	}
	return list
}

// ends reports whether a body never runs to its end.
func ends(body []syntax.Stmt) bool {
	if len(body) == 0 {
		return false
	}
	switch st := body[len(body)-1].(type) {
	case *syntax.ReturnStmt:
		return true
	case *syntax.ExprStmt:
		if call, ok := st.X.(*syntax.CallExpr); ok {
			id, ok := call.Fn.(*syntax.Ident)
			return ok && (id.Name == "fail" || id.Name == "exit")
		}
	case *syntax.IfStmt:
		for _, c := range st.Clauses {
			if !ends(c.Body) {
				return false
			}
		}
		return st.Else != nil && ends(st.Else.Body)
	}
	return false
}
