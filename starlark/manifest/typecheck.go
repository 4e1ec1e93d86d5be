package manifest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// Types finds values of objects that are not of the type that Kubernetes
// has for them, as a number in the place of a label's value. Kubernetes' own
// decoder makes the message; the checker only says which objects are worth its
// time. It is safe for concurrent use.
type Types struct {
	mu    sync.Mutex
	types map[reflect.Type]*typeInfo
}

// NewTypes returns a checker that knows no type yet.
func NewTypes() *Types { return &Types{types: map[reflect.Type]*typeInfo{}} }

// typeInfo is what the checker knows of a Go type.
type typeInfo struct {
	typ     reflect.Type
	decodes bool                    // it has a decoder of its own
	elem    *typeInfo               // of slices and maps
	fields  map[string]reflect.Type // of structs, by their JSON names
}

// Check returns why Kubernetes cannot decode an object; nil for kinds that are
// not its own.
func (k *Types) Check(content map[string]any, apiVersion, kind, name string) error {
	t := typeOf(apiVersion, kind)
	if t == nil {
		return nil
	}
	k.mu.Lock()
	fits := k.fits(content, k.info(t))
	k.mu.Unlock()
	if fits {
		return nil
	}
	if err := decode(content); err != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		return &Mistyped{path: k.misfit(content, k.info(t)), err: fmt.Errorf("decoding %s %q: %w", kind, name, err)}
	}
	return nil
}

// Mistyped is why Kubernetes cannot decode an object that is valid YAML.
type Mistyped struct {
	path []string // of keys and indexes, to the value that does not fit
	err  error
}

func (e *Mistyped) Error() string { return e.err.Error() }
func (e *Mistyped) Unwrap() error { return e.err }

// misfit is the path to the first value, by the keys' order, that does not fit.
func (k *Types) misfit(v any, t *typeInfo) []string {
	within := func(key string, v any, t *typeInfo) []string {
		if t == nil || k.fits(v, t) {
			return nil
		}
		return append([]string{key}, k.misfit(v, t)...)
	}
	var path []string
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			of := t.elem
			if field, is := t.fields[key]; is {
				of = k.info(field)
			}
			if path = within(key, v[key], of); path != nil {
				return path
			}
		}
	case []any:
		for i, x := range v {
			if path = within(strconv.Itoa(i), x, t.elem); path != nil {
				return path
			}
		}
	}
	return nil
}

// typeOf is the Go type of a kind of Kubernetes' own; nil for others.
func typeOf(apiVersion, kind string) reflect.Type {
	version, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return nil
	}
	return scheme.Scheme.AllKnownTypes()[version.WithKind(kind)]
}

// decode decodes a value as Kubernetes does.
func decode(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, _, err = scheme.Codecs.UniversalDeserializer().Decode(data, nil, nil)
	return err
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// info returns what is known of a type. Pointers are the same as what they
// point to.
func (k *Types) info(t reflect.Type) *typeInfo {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if info := k.types[t]; info != nil {
		return info
	}
	info := &typeInfo{typ: t, decodes: reflect.PointerTo(t).Implements(unmarshaler)}
	k.types[t] = info
	switch {
	case info.decodes:
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		info.elem = k.info(t.Elem())
	case t.Kind() == reflect.Struct:
		info.fields = map[string]reflect.Type{}
		addFields(info.fields, t)
	}
	return info
}

// addFields collects the fields of a struct, with those of structs that it
// embeds.
func addFields(fields map[string]reflect.Type, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "" && f.Anonymous:
			addFields(fields, f.Type)
		case name != "":
			fields[name] = f.Type
		}
	}
}

// fits reports whether a value can be decoded into a type. Unknown fields and
// null fit.
func (k *Types) fits(v any, t *typeInfo) bool {
	if v == nil {
		return true
	}
	if t.decodes {
		return decodesItself(v, t.typ)
	}
	switch t.typ.Kind() {
	case reflect.String:
		_, ok := v.(string)
		return ok
	case reflect.Bool:
		_, ok := v.(bool)
		return ok
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fitsInt(v, t.typ)
	case reflect.Float32, reflect.Float64:
		return isNumberValue(v)
	case reflect.Slice:
		return k.fitsList(v, t)
	case reflect.Map:
		return k.fitsMap(v, func(string) *typeInfo { return t.elem })
	case reflect.Struct:
		return k.fitsMap(v, func(key string) *typeInfo {
			if field, ok := t.fields[key]; ok {
				return k.info(field)
			}
			return nil
		})
	}
	return true
}

func (k *Types) fitsMap(v any, of func(key string) *typeInfo) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	for key, x := range m {
		if t := of(key); t != nil && !k.fits(x, t) {
			return false
		}
	}
	return true
}

func (k *Types) fitsList(v any, t *typeInfo) bool {
	if t.typ.Elem().Kind() == reflect.Uint8 {
		text, ok := v.(string)
		_, err := base64.StdEncoding.DecodeString(text)
		return ok && err == nil
	}
	list, ok := v.([]any)
	if !ok {
		return false
	}
	for _, x := range list {
		if !k.fits(x, t.elem) {
			return false
		}
	}
	return true
}

func isNumberValue(v any) bool {
	switch v.(type) {
	case int64, float64:
		return true
	}
	return false
}

func fitsInt(v any, t reflect.Type) bool {
	switch v := v.(type) {
	case int64:
		return !reflect.Zero(t).CanInt() || !reflect.Zero(t).OverflowInt(v)
	case float64:
		return v == math.Trunc(v)
	}
	return false
}

// decodesItself asks a type that has a decoder of its own.
func decodesItself(v any, t reflect.Type) bool {
	data, err := json.Marshal(v)
	return err == nil && reflect.New(t).Interface().(json.Unmarshaler).UnmarshalJSON(data) == nil
}
