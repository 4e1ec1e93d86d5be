package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// AppendJSON appends the project as `towline eval --json` prints it: indented
// by two blanks, with a newline at its end. The text is the one that
// encoding/json writes with SetIndent("", "  ") and SetEscapeHTML(false). That
// library encodes first and indents then, which takes as long for a large
// project as its evaluation.
func (p *Project) AppendJSON(dst []byte) []byte {
	dst = slices.Grow(dst, 1<<10*(1+len(p.Resources)+len(p.Images)+2*len(p.YAML)))
	w := printer{buf: dst, plans: map[reflect.Type][]printField{}}
	w.reflected(reflect.ValueOf(p).Elem())
	return append(w.buf, '\n')
}

// printer appends values. What it has no form for, it leaves to the library.
type printer struct {
	buf   []byte
	depth int
	html  bool // escape <, > and &, as the library does in what has a MarshalJSON
	keys  []string
	plans map[reflect.Type][]printField
}

// printField is a field of a struct, or one that an embedded struct lends it.
type printField struct {
	index     []int
	name      string // quoted, with colon and blank
	omitEmpty bool
}

var (
	resourceType = reflect.TypeFor[Resource]()
	marshaler    = reflect.TypeFor[json.Marshaler]()
)

func (w *printer) reflected(v reflect.Value) {
	switch t := v.Type(); {
	case t == resourceType:
		html := w.html
		w.html = true
		w.structure(reflect.ValueOf(v.Interface().(Resource).json()))
		w.html = html
		return
	case t.Implements(marshaler):
		w.library(v.Interface())
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		w.structure(v)
	case reflect.Map:
		w.mapping(v)
	case reflect.Slice:
		w.slice(v)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			w.text("null")
		} else if v.Kind() == reflect.Interface {
			w.plain(v.Interface())
		} else {
			w.reflected(v.Elem())
		}
	case reflect.String:
		w.quoted(v.String())
	case reflect.Bool:
		w.buf = strconv.AppendBool(w.buf, v.Bool())
	case reflect.Int, reflect.Int64:
		w.buf = strconv.AppendInt(w.buf, v.Int(), 10)
	default:
		w.library(v.Interface())
	}
}

// plain appends what YAML decodes to, without reflection.
func (w *printer) plain(v any) {
	switch v := v.(type) {
	case nil:
		w.text("null")
	case string:
		w.quoted(v)
	case bool:
		w.buf = strconv.AppendBool(w.buf, v)
	case int64:
		w.buf = strconv.AppendInt(w.buf, v, 10)
	case float64:
		w.library(v)
	case []any:
		if v == nil {
			w.text("null")
			return
		}
		w.open('[')
		for i, x := range v {
			w.item(i)
			w.plain(x)
		}
		w.close(']', len(v))
	case map[string]any:
		if v == nil {
			w.text("null")
			return
		}
		start := len(w.keys) // a stack: the maps inside put theirs behind
		for k := range v {
			w.keys = append(w.keys, k)
		}
		slices.Sort(w.keys[start:])
		w.open('{')
		for i := range len(v) {
			key := w.keys[start+i]
			w.item(i)
			w.quoted(key)
			w.text(": ")
			w.plain(v[key])
		}
		w.close('}', len(v))
		w.keys = w.keys[:start]
	default:
		w.reflected(reflect.ValueOf(v))
	}
}

func (w *printer) structure(v reflect.Value) {
	w.open('{')
	n := 0
	for _, f := range w.plan(v.Type()) {
		field, ok := fieldOf(v, f.index)
		if !ok || f.omitEmpty && empty(field) {
			continue
		}
		w.item(n)
		w.text(f.name)
		w.reflected(field)
		n++
	}
	w.close('}', n)
}

// fieldOf follows an index; ok is false when an embedded pointer is nil.
func fieldOf(v reflect.Value, index []int) (field reflect.Value, ok bool) {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}

// empty is what omitempty means.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Map, reflect.Slice, reflect.String, reflect.Array:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// plan lists the fields of a struct, those of embedded structs in their place.
func (w *printer) plan(t reflect.Type) []printField {
	if plan, ok := w.plans[t]; ok {
		return plan
	}
	var plan []printField
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "":
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			for _, p := range w.plan(inner) {
				p.index = append([]int{i}, p.index...)
				plan = append(plan, p)
			}
		case f.IsExported():
			plan = append(plan, printField{index: []int{i}, name: strconv.Quote(name) + ": ", omitEmpty: options == "omitempty"})
		}
	}
	w.plans[t] = plan
	return plan
}

func (w *printer) mapping(v reflect.Value) {
	if m, ok := v.Interface().(map[string]any); ok {
		w.plain(m)
		return
	}
	if v.Type().Key().Kind() != reflect.String {
		w.library(v.Interface())
		return
	}
	if v.IsNil() {
		w.text("null")
		return
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	w.open('{')
	for i, k := range keys {
		w.item(i)
		w.quoted(k.String())
		w.text(": ")
		w.reflected(v.MapIndex(k))
	}
	w.close('}', len(keys))
}

func (w *printer) slice(v reflect.Value) {
	switch {
	case v.IsNil():
		w.text("null")
		return
	case v.Type().Elem().Kind() == reflect.Uint8:
		w.library(v.Interface())
		return
	}
	w.open('[')
	for i := range v.Len() {
		w.item(i)
		w.reflected(v.Index(i))
	}
	w.close(']', v.Len())
}

func (w *printer) text(s string) { w.buf = append(w.buf, s...) }

func (w *printer) open(c byte) {
	w.buf = append(w.buf, c)
	w.depth++
}

// item begins the i-th element of what was opened.
func (w *printer) item(i int) {
	if i > 0 {
		w.buf = append(w.buf, ',')
	}
	w.newline()
}

func (w *printer) close(c byte, elements int) {
	w.depth--
	if elements > 0 {
		w.newline()
	}
	w.buf = append(w.buf, c)
}

func (w *printer) newline() {
	const blanks = "\n                                        "
	if n := 1 + 2*w.depth; n <= len(blanks) {
		w.text(blanks[:n])
		return
	}
	w.text("\n" + strings.Repeat("  ", w.depth))
}

func (w *printer) quoted(s string) {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\', c >= 0x80, w.html && (c == '<' || c == '>' || c == '&'):
			w.library(s)
			return
		}
	}
	w.buf = append(w.buf, '"')
	w.text(s)
	w.buf = append(w.buf, '"')
}

// library appends what encoding/json makes of a value. What it refuses, an
// infinite number in a manifest, becomes null.
func (w *printer) library(v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(w.html)
	e.SetIndent(strings.Repeat("  ", w.depth), "  ")
	if err := e.Encode(v); err != nil {
		w.text("null")
		return
	}
	w.buf = append(w.buf, bytes.TrimRight(b.Bytes(), "\n")...)
}
