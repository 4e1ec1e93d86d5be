package protocol

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// Some languages have one empty table for both an empty object and an empty
// list (Lua, PHP), and write either as []. So what does not decode is tried
// once more with {} for each [] that stands where an object belongs.

// Unmarshal decodes JSON of a client, in which [] may stand for {}.
func Unmarshal(data []byte, v any) error {
	err := (codec{}).Unmarshal(data, v)
	if err == nil || !bytes.ContainsRune(data, '[') {
		return err
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if dec.Decode(&tree) != nil {
		return err
	}
	target := reflect.TypeOf(v).Elem()
	mended, jsonErr := json.Marshal(withObjects(tree, target))
	if jsonErr != nil || bytes.Equal(mended, data) {
		return err
	}
	reflect.ValueOf(v).Elem().SetZero()
	if (codec{}).Unmarshal(mended, v) != nil {
		return err // about what the client sent
	}
	return nil
}

// withObjects returns a JSON value with an empty object for each empty list
// where a type has an object.
func withObjects(v any, t reflect.Type) any {
	t = inner(t)
	switch v := v.(type) {
	case []any:
		switch {
		case len(v) == 0 && (t.Kind() == reflect.Struct || t.Kind() == reflect.Map):
			return map[string]any{}
		case t.Kind() == reflect.Slice:
			for i := range v {
				v[i] = withObjects(v[i], t.Elem())
			}
		}
	case map[string]any:
		for name := range v {
			if field, ok := fieldOf(t, name); ok {
				v[name] = withObjects(v[name], field)
			}
		}
	}
	return v
}

// inner returns the type that a pointer points to, or that an optional value
// holds: a struct without exported fields, with a method Get.
func inner(t reflect.Type) reflect.Type {
	for {
		switch {
		case t.Kind() == reflect.Pointer:
			t = t.Elem()
			continue
		case t.Kind() == reflect.Struct:
			if get, ok := t.MethodByName("Get"); ok && get.Type.NumOut() > 0 {
				t = get.Type.Out(0)
				continue
			}
		}
		return t
	}
}

// fieldOf returns the type of what a JSON object of a type has under a name.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	switch t.Kind() {
	case reflect.Map:
		return t.Elem(), true
	case reflect.Struct:
		for f := range fields(t) {
			if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name || tag == "" && strings.EqualFold(f.Name, name) {
				return f.Type, true
			}
		}
	}
	return nil, false
}

// fields returns the fields of a struct, with those of embedded structs.
func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for _, f := range reflect.VisibleFields(t) {
			if !f.Anonymous && !yield(f) {
				return
			}
		}
	}
}
