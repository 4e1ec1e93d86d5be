package infer

import (
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

func (in *Inference) call(f *resolve.File, x *syntax.CallExpr) Value {
	fn := in.Expr(f, x.Fn)
	switch {
	case fn.Def != nil:
		return in.Result(fn).loosened(fn.Loose)
	case fn.Entry == nil || fn.Entry.Kind != decl.Function:
		return Value{}
	}
	switch fn.Entry.Name {
	case "struct", "module":
		return in.structCall(f, x, fn.Entry.Name)
	case "config.parse":
		return Value{Name: "dict", Keys: &Value{Name: "str"}, Fields: in.allSettings(f, map[*resolve.File]bool{}), From: f}
	case "load_dynamic":
		return in.symbols(f, x)
	case "list", "sorted", "reversed", "set", "enumerate":
		return in.collection(f, x, fn.Entry.Name)
	}
	if fn.Entry.Method {
		if dot, ok := x.Fn.(*syntax.DotExpr); ok {
			if v := in.methodCall(f, x, in.Expr(f, dot.X), fn.Entry.Name); v.Known() {
				return v
			}
		}
	}
	return typeValue(fn.Entry.Type)
}

// collection infers what Starlark's own functions make of the elements of
// another value.
func (in *Inference) collection(f *resolve.File, x *syntax.CallExpr, name string) Value {
	var elem Value
	if arg := ArgumentExpr(x, 0, "iterable"); arg != nil {
		elem = in.Expr(f, arg).each()
	}
	if name == "enumerate" {
		elem = Value{Name: "tuple", Items: []Value{{Name: "int"}, elem}}
	}
	v := Value{Name: "list"}
	if name == "set" {
		v.Name = "set"
	}
	if elem.Known() {
		v.Elem = &elem
	}
	return v
}

// methodCall infers the results that depend on the elements of the value whose
// method is called.
func (in *Inference) methodCall(f *resolve.File, x *syntax.CallExpr, v Value, name string) Value {
	switch name {
	case "dict.get", "dict.pop", "dict.setdefault":
		found := v.at(Argument(x, 0, ""))
		if other := ArgumentExpr(x, 1, ""); other != nil && found.Known() {
			if d := in.Expr(f, other); d.Name != found.Name && d.Name != "None" {
				return Value{}
			}
		}
		return found
	case "dict.keys":
		if each := v.each(); each.Known() {
			return Value{Name: "list", Elem: &each}
		}
	case "dict.values":
		return Value{Name: "list", Elem: v.Elem}
	case "dict.items":
		pair := Value{Name: "tuple", Items: []Value{v.each(), v.at(nil)}}
		return Value{Name: "list", Elem: &pair}
	case "list.pop":
		return v.at(nil)
	}
	return Value{}
}

func (in *Inference) structCall(f *resolve.File, x *syntax.CallExpr, name string) Value {
	v := Value{Name: name, Closed: true, From: f}
	for _, a := range x.Args {
		if a.Star == syntax.STARSTAR {
			v.Closed = false
		}
		if a.Name != nil {
			v.Fields = append(v.Fields, Field{Name: a.Name.Name, Value: in.Expr(f, a.X), Place: a.Name.Span()})
		}
	}
	return v
}

// symbols returns the dict that a load_dynamic of a file that is known makes.
func (in *Inference) symbols(f *resolve.File, x *syntax.CallExpr) Value {
	v := Value{Name: "dict", Keys: &Value{Name: "str"}, Closed: true}
	for _, l := range f.Loads {
		if l.Call != x {
			continue
		}
		if target := in.loads(f, l); target != nil {
			v.From = target
			for _, b := range target.Exports() {
				v.Fields = append(v.Fields, Field{Name: b.Name, Value: in.Binding(target, b), Place: b.Sites[0].Ident.Span()})
			}
		}
	}
	return v
}

// maxSettingsFiles is how many files are looked through for settings.
const maxSettingsFiles = 50

// allSettings returns the settings that a file and those that it takes in
// define.
func (in *Inference) allSettings(f *resolve.File, seen map[*resolve.File]bool) []Field {
	if f == nil || seen[f] || len(seen) >= maxSettingsFiles {
		return nil
	}
	seen[f] = true
	list := slices.Clone(in.Settings(f))
	for _, l := range f.Loads {
		if !l.Extension() {
			list = append(list, in.allSettings(in.loads(f, l), seen)...)
		}
	}
	return list
}

// Settings returns the settings that the file defines for config.parse.
func (in *Inference) Settings(f *resolve.File) []Field {
	b := f.Builtins["config"]
	if b == nil {
		return nil
	}
	if list, ok := in.defined[f]; ok {
		return list
	}
	text := Value{Name: "str"}
	types := map[string]Value{"config.define_string": text, "config.define_bool": {Name: "bool"}, "config.define_string_list": {Name: "list", Elem: &text}, "config.define_object": {}}
	var list []Field
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
			if lit := Argument(call, 0, "name"); lit != nil {
				fl := Field{Name: lit.Value, Value: t, Place: lit.Span(), From: f}
				if usage := Argument(call, 2, "usage"); usage != nil {
					fl.Doc = usage.Value
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

// Argument returns the argument of that position or name, if it is a string.
func Argument(call *syntax.CallExpr, i int, name string) *syntax.Literal {
	lit, _ := ArgumentExpr(call, i, name).(*syntax.Literal)
	if lit == nil || lit.Kind != syntax.STRING {
		return nil
	}
	return lit
}

// ArgumentExpr returns the argument of that position or name, or nil.
func ArgumentExpr(call *syntax.CallExpr, i int, name string) syntax.Expr {
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

// Result infers what a function returns: what its def says, with more than its
// type where the returns show it, or else what these have in common.
func (in *Inference) Result(fn Value) Value {
	said := typeValue(in.DefSignature(fn).result)
	found := in.returned(fn)
	if said.Known() && said.Name != found.Name {
		return said
	}
	return found
}

// returned infers what all returns of a def have in common.
func (in *Inference) returned(fn Value) Value {
	var common Value
	returns := returnsOf(fn.Def.Body)
	for i, r := range returns {
		v := Value{Name: "None"}
		if r.Result != nil {
			v = in.Expr(fn.From, r.Result)
		}
		if i > 0 {
			v = merge(common, v)
		}
		if !v.Known() {
			return Value{}
		}
		common = v
	}
	switch {
	case len(returns) == 0:
		return Value{Name: "None"}
	case common.Name != "None" && !ends(fn.Def.Body):
		return Value{}
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
