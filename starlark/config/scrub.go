package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Scrubbed returns a copy of v in which no text shows a value: every string of
// every field, list and map, whatever is added to the types later. What is a name
// by its type or by the tag `secrets:"name"` stays as it is, and so do the keys of
// maps: others refer to it. The tag `secrets:"own"` marks what this program writes
// itself: ScrubOwn. The data of a Secret is replaced whatever it is. What
// has no exported fields, as times have, is taken as it is.
func Scrubbed[T any](s *Secrets, v T) T {
	if s == nil {
		return v
	}
	return s.deepCopy(reflect.ValueOf(&v).Elem()).Interface().(T)
}

// ScrubProblem returns a problem without the values, and nil for nil.
func (s *Secrets) ScrubProblem(p *Problem) *Problem { return Scrubbed(s, p) }

// ScrubObject returns a copy of decoded YAML without the values. Those of a
// Secret itself are replaced whatever they are.
func (s *Secrets) ScrubObject(object map[string]any) map[string]any { return Scrubbed(s, object) }

func (s *Secrets) deepCopy(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() { // any other is a name of ours
			out.SetString(s.Scrub(v.String()))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(s.deepCopy(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			out.Set(s.deepCopy(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() && v.Type().Elem().Kind() != reflect.Uint8 {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(s.deepCopy(v.Index(i)))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			out.Index(i).Set(s.deepCopy(v.Index(i)))
		}
	case reflect.Map:
		if !v.IsNil() {
			s.copyMap(out, v)
		}
	case reflect.Struct:
		s.copyFields(out, v)
	}
	return out
}

// copyFields copies the fields that others can set; the rest is there already.
func (s *Secrets) copyFields(out, v reflect.Value) {
	if v.Type() == reflect.TypeFor[Secrets]() {
		return // it has the values, and shows them to nobody
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch tag := field.Tag.Get("secrets"); {
		case !field.IsExported(), tag == "name":
		case tag == "own":
			out.Field(i).SetString(s.ScrubOwn(v.Field(i).String()))
		default:
			out.Field(i).Set(s.deepCopy(v.Field(i)))
		}
	}
}

func (s *Secrets) copyMap(out, v reflect.Value) {
	out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
	for key, value := range v.Seq2() {
		out.SetMapIndex(key, s.deepCopy(value))
	}
	shown, ok := out.Interface().(map[string]any)
	if !ok || shown["kind"] != "Secret" {
		return
	}
	was, _ := v.Interface().(map[string]any)["metadata"].(map[string]any)
	meta, _ := shown["metadata"].(map[string]any)
	if name, ok := was["name"]; ok {
		meta["name"] = name
	}
	for _, field := range []string{"data", "stringData"} {
		values, _ := shown[field].(map[string]any)
		for key := range values {
			values[key] = fmt.Sprintf("[redacted secret %v:%s]", was["name"], key)
		}
	}
	annotations, _ := meta["annotations"].(map[string]any)
	for key := range annotations {
		if strings.HasSuffix(key, "last-applied-configuration") {
			annotations[key] = "[redacted]"
		}
	}
}
