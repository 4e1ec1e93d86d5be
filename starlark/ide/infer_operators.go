package ide

import (
	"slices"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// merge returns what is known of a value that is one of two.
func merge(a, b value) value {
	switch {
	case a.name != b.name || a.name == "":
		return value{}
	case a.name == "struct" || a.def != nil || a.entry != nil:
		if a.def == b.def && a.entry == b.entry && slices.EqualFunc(a.fields, b.fields, sameName) {
			return a.loosened(b.loose)
		}
		return value{name: a.name}
	}
	out := value{loose: a.loose || b.loose, name: a.name, elem: mergeElem(a.elem, b.elem), keys: mergeElem(a.keys, b.keys)}
	if a.name == "dict" { // the keys of both, so as to offer them
		out.from, out.fields = a.from, append(append([]field(nil), a.fields...), b.fields...)
	}
	if len(a.items) == len(b.items) {
		for i := range a.items {
			out.items = append(out.items, merge(a.items[i], b.items[i]))
		}
	}
	return out
}

func sameName(a, b field) bool { return a.name == b.name }

// loosened returns the value, loose if it was or is said to be.
func (v value) loosened(loose bool) value {
	v.loose = v.loose || loose && v.known()
	return v
}

func mergeElem(a, b *value) *value {
	if a == nil || b == nil {
		return nil
	}
	if v := merge(*a, *b); v.known() {
		return &v
	}
	return nil
}

// alike returns what is known of all expressions alike, nil when they differ.
func (in *inference) alike(f *resolve.File, list []syntax.Expr) *value {
	var common *value
	for i, x := range list {
		v := in.expr(f, x)
		if i > 0 {
			if common == nil {
				return nil
			}
			v = merge(*common, v)
		}
		if !v.known() {
			return nil
		}
		common = &v
	}
	return common
}

func (in *inference) dict(f *resolve.File, x *syntax.DictExpr) value {
	v := value{name: "dict", from: f}
	var keys, values []syntax.Expr
	for _, e := range x.List {
		keys, values = append(keys, e.Key), append(values, e.Value)
		if lit, ok := e.Key.(*syntax.Literal); ok && lit.Kind == syntax.STRING {
			v.fields = append(v.fields, field{name: lit.Value, value: in.expr(f, e.Value), place: lit.Span()})
		}
	}
	v.keys, v.elem = in.alike(f, keys), in.alike(f, values)
	return v
}

func (in *inference) comprehension(f *resolve.File, x *syntax.Comprehension) value {
	if e, ok := x.Body.(*syntax.DictEntry); ok {
		return value{name: "dict", keys: in.alike(f, []syntax.Expr{e.Key}), elem: in.alike(f, []syntax.Expr{e.Value})}
	}
	if x.Curly {
		return value{name: "dict"}
	}
	return value{name: "list", elem: in.alike(f, []syntax.Expr{x.Body})}
}

func (in *inference) unary(f *resolve.File, x *syntax.UnaryExpr) value {
	if x.Op == syntax.NOT {
		return value{name: "bool"}
	}
	if v := in.expr(f, x.X); v.name == "int" || v.name == "float" && x.Op != syntax.TILDE {
		return value{name: v.name}
	}
	return value{}
}

func (in *inference) binary(f *resolve.File, x *syntax.BinaryExpr) value {
	switch x.Op {
	case syntax.EQL, syntax.NEQ, syntax.LT, syntax.GT, syntax.LE, syntax.GE, syntax.IN, syntax.NOT_IN:
		return value{name: "bool"}
	}
	a, b := in.expr(f, x.X), in.expr(f, x.Y)
	both := a.name == b.name
	switch {
	case (x.Op == syntax.AND || x.Op == syntax.OR) && both:
		return merge(a, b)
	case x.Op == syntax.PERCENT && a.name == "str":
		return value{name: "str"}
	case x.Op == syntax.PLUS && both && a.name == "list":
		return value{name: "list", elem: mergeElem(a.elem, b.elem)}
	case x.Op == syntax.PLUS && both && a.name == "tuple":
		return value{name: "tuple", items: append(append([]value(nil), a.items...), b.items...)}
	case x.Op == syntax.PLUS && both && a.name == "str", x.Op == syntax.STAR && a.name == "str" && b.name == "int":
		return value{name: "str"}
	case (x.Op == syntax.PLUS || x.Op == syntax.MINUS || x.Op == syntax.STAR) && both && (a.name == "int" || a.name == "float"):
		return value{name: a.name}
	case x.Op == syntax.PIPE && both && (a.name == "dict" || a.name == "set" || a.name == "int"):
		return merge(a, b)
	}
	return value{}
}

// index infers an element.
func (in *inference) index(f *resolve.File, x *syntax.IndexExpr) value {
	v := in.expr(f, x.X)
	lit, _ := x.Index.(*syntax.Literal)
	switch v.name {
	case "str":
		return value{name: "str"}
	case "tuple":
		if lit != nil && lit.Kind == syntax.INT {
			if n := lit.Int(); n != nil && n.IsInt64() && n.Int64() < int64(len(v.items)) {
				return v.items[n.Int64()]
			}
		}
		return value{}
	}
	return v.at(lit)
}

// at returns what is known of an element of a list or dict, under a key if
// that is a literal. There may be others by then.
func (v value) at(key *syntax.Literal) value {
	if key != nil && key.Kind == syntax.STRING {
		for _, fl := range v.fields {
			if v.name == "dict" && fl.name == key.Value {
				return fl.value.loosened(!v.closed)
			}
		}
	}
	if v.elem != nil {
		return v.elem.loosened(true)
	}
	return value{}
}

// each returns what is known of what a loop over a value sees.
func (v value) each() value {
	switch v.name {
	case "list", "set":
		return v.at(nil)
	case "dict":
		if v.keys != nil {
			return *v.keys
		}
	case "range":
		return value{name: "int"}
	case "tuple":
		var common value
		for i, item := range v.items {
			if i == 0 {
				common = item
			}
			common = merge(common, item)
		}
		return common
	}
	return value{}
}
