package infer

import (
	"slices"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// merge returns what is known of a value that is one of two.
func merge(a, b Value) Value {
	switch {
	case a.Name != b.Name || a.Name == "":
		return Value{}
	case a.Name == "struct" || a.Def != nil || a.Entry != nil:
		if a.Def == b.Def && a.Entry == b.Entry && slices.EqualFunc(a.Fields, b.Fields, sameName) {
			return a.loosened(b.Loose)
		}
		return Value{Name: a.Name}
	}
	out := Value{Loose: a.Loose || b.Loose, Name: a.Name, Elem: mergeElem(a.Elem, b.Elem), Keys: mergeElem(a.Keys, b.Keys)}
	if a.Name == "dict" { // the keys of both, so as to offer them
		out.From, out.Fields = a.From, append(append([]Field(nil), a.Fields...), b.Fields...)
	}
	if len(a.Items) == len(b.Items) {
		for i := range a.Items {
			out.Items = append(out.Items, merge(a.Items[i], b.Items[i]))
		}
	}
	return out
}

func sameName(a, b Field) bool { return a.Name == b.Name }

// loosened returns the value, loose if it was or is said to be.
func (v Value) loosened(loose bool) Value {
	v.Loose = v.Loose || loose && v.Known()
	return v
}

func mergeElem(a, b *Value) *Value {
	if a == nil || b == nil {
		return nil
	}
	if v := merge(*a, *b); v.Known() {
		return &v
	}
	return nil
}

// alike returns what is known of all expressions alike, nil when they differ.
func (in *Inference) alike(f *resolve.File, list []syntax.Expr) *Value {
	var common *Value
	for i, x := range list {
		v := in.Expr(f, x)
		if i > 0 {
			if common == nil {
				return nil
			}
			v = merge(*common, v)
		}
		if !v.Known() {
			return nil
		}
		common = &v
	}
	return common
}

func (in *Inference) dict(f *resolve.File, x *syntax.DictExpr) Value {
	v := Value{Name: "dict", From: f}
	var keys, values []syntax.Expr
	for _, e := range x.List {
		keys, values = append(keys, e.Key), append(values, e.Value)
		if lit, ok := e.Key.(*syntax.Literal); ok && lit.Kind == syntax.STRING {
			v.Fields = append(v.Fields, Field{Name: lit.Value, Value: in.Expr(f, e.Value), Place: lit.Span()})
		}
	}
	v.Keys, v.Elem = in.alike(f, keys), in.alike(f, values)
	return v
}

func (in *Inference) comprehension(f *resolve.File, x *syntax.Comprehension) Value {
	if e, ok := x.Body.(*syntax.DictEntry); ok {
		return Value{Name: "dict", Keys: in.alike(f, []syntax.Expr{e.Key}), Elem: in.alike(f, []syntax.Expr{e.Value})}
	}
	if x.Curly {
		return Value{Name: "dict"}
	}
	return Value{Name: "list", Elem: in.alike(f, []syntax.Expr{x.Body})}
}

func (in *Inference) unary(f *resolve.File, x *syntax.UnaryExpr) Value {
	if x.Op == syntax.NOT {
		return Value{Name: "bool"}
	}
	if v := in.Expr(f, x.X); v.Name == "int" || v.Name == "float" && x.Op != syntax.TILDE {
		return Value{Name: v.Name}
	}
	return Value{}
}

func (in *Inference) binary(f *resolve.File, x *syntax.BinaryExpr) Value {
	switch x.Op {
	case syntax.EQL, syntax.NEQ, syntax.LT, syntax.GT, syntax.LE, syntax.GE, syntax.IN, syntax.NOT_IN:
		return Value{Name: "bool"}
	}
	a, b := in.Expr(f, x.X), in.Expr(f, x.Y)
	both := a.Name == b.Name
	switch {
	case (x.Op == syntax.AND || x.Op == syntax.OR) && both:
		return merge(a, b)
	case x.Op == syntax.PERCENT && a.Name == "str":
		return Value{Name: "str"}
	case x.Op == syntax.PLUS && both && a.Name == "list":
		return Value{Name: "list", Elem: mergeElem(a.Elem, b.Elem)}
	case x.Op == syntax.PLUS && both && a.Name == "tuple":
		return Value{Name: "tuple", Items: append(append([]Value(nil), a.Items...), b.Items...)}
	case x.Op == syntax.PLUS && both && a.Name == "str", x.Op == syntax.STAR && a.Name == "str" && b.Name == "int":
		return Value{Name: "str"}
	case (x.Op == syntax.PLUS || x.Op == syntax.MINUS || x.Op == syntax.STAR) && both && (a.Name == "int" || a.Name == "float"):
		return Value{Name: a.Name}
	case x.Op == syntax.PIPE && both && (a.Name == "dict" || a.Name == "set" || a.Name == "int"):
		return merge(a, b)
	}
	return Value{}
}

// index infers an element.
func (in *Inference) index(f *resolve.File, x *syntax.IndexExpr) Value {
	v := in.Expr(f, x.X)
	lit, _ := x.Index.(*syntax.Literal)
	switch v.Name {
	case "str":
		return Value{Name: "str"}
	case "tuple":
		if lit != nil && lit.Kind == syntax.INT {
			if n := lit.Int(); n != nil && n.IsInt64() && n.Int64() < int64(len(v.Items)) {
				return v.Items[n.Int64()]
			}
		}
		return Value{}
	}
	return v.at(lit)
}

// at returns what is known of an element of a list or dict, under a key if
// that is a literal. There may be others by then.
func (v Value) at(key *syntax.Literal) Value {
	if key != nil && key.Kind == syntax.STRING {
		for _, fl := range v.Fields {
			if v.Name == "dict" && fl.Name == key.Value {
				return fl.Value.loosened(!v.Closed)
			}
		}
	}
	if v.Elem != nil {
		return v.Elem.loosened(true)
	}
	return Value{}
}

// each returns what is known of what a loop over a value sees.
func (v Value) each() Value {
	switch v.Name {
	case "list", "set":
		return v.at(nil)
	case "dict":
		if v.Keys != nil {
			return *v.Keys
		}
	case "range":
		return Value{Name: "int"}
	case "tuple":
		var common Value
		for i, item := range v.Items {
			if i == 0 {
				common = item
			}
			common = merge(common, item)
		}
		return common
	}
	return Value{}
}
