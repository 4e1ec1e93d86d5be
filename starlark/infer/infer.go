// Package infer finds out what values the expressions of a Tiltfile have, before
// it runs: gradually, from the table of built-ins, assignments, docstrings and
// comments, and through loads. What is not known for certain is unknown.
package infer

import (
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// A Value is what is known of an expression's value. The zero value is
// unknown.
type Value struct {
	Name   string          // as type() says it, or as the table does: "str", "Blob"
	Entry  *decl.Entry     // a built-in function or module
	Def    *syntax.DefStmt // a function of the file From
	From   *resolve.File   // that holds Def, or the places of fields
	Fields []Field         // of a struct, or the keys of a dict
	Closed bool            // Fields are all there are
	Elem   *Value          // of a list's or set's elements or a dict's values, when they are alike
	Keys   *Value          // of a dict, when they are alike
	Items  []Value         // of a tuple
	Loose  bool            // came out of what can be changed: good to offer, not to complain of
}

// Field is a member of a struct, or a key of a dict.
type Field struct {
	Name  string
	Value Value
	Doc   string
	Place syntax.Span
	From  *resolve.File // of Place; nil stands for that of the value
}

// Known reports whether anything is known of the value.
func (v Value) Known() bool { return v.Name != "" }

// String returns the value's type for people.
func (v Value) String() string {
	switch {
	case v.Name == "struct" && v.Closed:
		var parts []string
		for _, f := range v.Fields {
			parts = append(parts, f.Name+": "+f.Value.Short())
		}
		return "struct(" + strings.Join(parts, ", ") + ")"
	case v.Name == "tuple" && len(v.Items) > 0:
		var parts []string
		for _, item := range v.Items {
			parts = append(parts, item.Short())
		}
		return "tuple[" + strings.Join(parts, ", ") + "]"
	case v.Name == "dict" && v.Elem != nil && v.Keys != nil:
		return "dict[" + v.Keys.Short() + ", " + v.Elem.Short() + "]"
	case v.Name == "dict":
		return v.Name
	case v.Elem != nil:
		return v.Name + "[" + v.Elem.Short() + "]"
	}
	return v.Name
}

// Short is a short text for the type of a part of a value.
func (v Value) Short() string {
	switch v.Name {
	case "":
		return "any"
	case "struct", "tuple":
		return v.Name
	}
	return v.String()
}

// Inference finds out types. It lives for one request.
type Inference struct {
	loads resolve.Loads
	memo  map[*resolve.Binding]Value
	defs  map[*syntax.DefStmt]*Signature

	entries map[*decl.Entry]*Signature

	defined map[*resolve.File][]Field // see Settings
	depth   int
}

// New returns an inference that follows loads, for one request.
func New(loads resolve.Loads) *Inference {
	return &Inference{loads: loads, memo: map[*resolve.Binding]Value{}, defs: map[*syntax.DefStmt]*Signature{}, entries: map[*decl.Entry]*Signature{}, defined: map[*resolve.File][]Field{}}
}

// maxInference limits how far an inference goes from one expression to another.
const maxInference = 40

// Expr infers the value of an expression of the file f.
func (in *Inference) Expr(f *resolve.File, x syntax.Expr) Value {
	if in.depth >= maxInference {
		return Value{}
	}
	in.depth++
	defer func() { in.depth-- }()
	switch x := x.(type) {
	case *syntax.Literal:
		return Value{Name: literalName(x.Kind)}
	case *syntax.Ident:
		return in.Binding(f, f.Binding(x))
	case *syntax.DotExpr:
		owner := in.Expr(f, x.X)
		return in.Member(owner, x.Name.Name).loosened(owner.Loose)
	case *syntax.CallExpr:
		return in.call(f, x)
	case *syntax.ParenExpr:
		return in.Expr(f, x.X)
	case *syntax.ListExpr:
		return Value{Name: "list", Elem: in.alike(f, x.List)}
	case *syntax.TupleExpr:
		v := Value{Name: "tuple"}
		for _, e := range x.List {
			v.Items = append(v.Items, in.Expr(f, e))
		}
		return v
	case *syntax.DictExpr:
		return in.dict(f, x)
	case *syntax.Comprehension:
		return in.comprehension(f, x)
	case *syntax.LambdaExpr:
		return Value{Name: "function"}
	case *syntax.BinaryExpr:
		return in.binary(f, x)
	case *syntax.UnaryExpr:
		return in.unary(f, x)
	case *syntax.IndexExpr:
		return in.index(f, x)
	case *syntax.SliceExpr:
		if v := in.Expr(f, x.X); v.Name == "str" || v.Name == "list" || v.Name == "bytes" {
			return Value{Name: v.Name, Elem: v.Elem}
		}
	case *syntax.CondExpr:
		return merge(in.Expr(f, x.True), in.Expr(f, x.False))
	}
	return Value{}
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

// Member infers an attribute of a value.
func (in *Inference) Member(v Value, name string) Value {
	if v.Entry != nil && v.Entry.Kind == decl.Module {
		if e, ok := decl.Lookup(v.Entry.Name + "." + name); ok && !e.Method {
			return EntryValue(e)
		}
		return Value{}
	}
	if v.Name == "struct" || v.Name == "module" {
		if i := slices.IndexFunc(v.Fields, func(f Field) bool { return f.Name == name }); i >= 0 {
			return v.Fields[i].Value
		}
		return Value{}
	}
	if v.Known() {
		if e, ok := decl.Lookup(v.Name + "." + name); ok && e.Method {
			return EntryValue(e)
		}
	}
	return Value{}
}
