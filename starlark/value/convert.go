package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/yamldoc"
)

// AsString returns the text of a string or a Blob.
func AsString(v starlark.Value) (string, bool) {
	switch v := v.(type) {
	case starlark.String:
		return string(v), true
	case Blob:
		return v.Text, true
	}
	return "", false
}

// Elements returns the elements of a list or another sequence, the value alone
// when it is none, and nothing for None.
func Elements(v starlark.Value) []starlark.Value {
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return nil
	case starlark.Tuple:
		return v
	case *starlark.List:
		all := make([]starlark.Value, v.Len())
		for i := range all {
			all[i] = v.Index(i)
		}
		return all
	case starlark.Sequence:
		all := make([]starlark.Value, 0, v.Len())
		it := v.Iterate()
		defer it.Done()
		var x starlark.Value
		for it.Next(&x) {
			all = append(all, x)
		}
		return all
	}
	return []starlark.Value{v}
}

// PathText returns a path that is a string, or a repository.
func PathText(v starlark.Value) (string, bool) {
	if repo, ok := v.(*GitRepo); ok {
		return repo.Dir, true
	}
	return AsString(v)
}

// StringList converts strings to a list.
func StringList(texts []string) *starlark.List {
	values := make([]starlark.Value, len(texts))
	for i, t := range texts {
		values[i] = starlark.String(t)
	}
	return starlark.NewList(values)
}

// ToStarlark converts decoded JSON or YAML. A number without a point is an
// integer.
func ToStarlark(v any) (starlark.Value, error) {
	switch v := v.(type) {
	case nil:
		return starlark.None, nil
	case bool:
		return starlark.Bool(v), nil
	case string:
		return starlark.String(v), nil
	case float64:
		return starlark.Float(v), nil
	case int64:
		return starlark.MakeInt64(v), nil
	case []any:
		list := make([]starlark.Value, len(v))
		for i, x := range v {
			var err error
			if list[i], err = ToStarlark(x); err != nil {
				return nil, err
			}
		}
		return starlark.NewList(list), nil
	case map[string]any:
		dict := starlark.NewDict(len(v))
		for _, k := range SortedKeys(v) {
			x, err := ToStarlark(v[k])
			if err != nil {
				return nil, err
			}
			if err := dict.SetKey(starlark.String(k), x); err != nil {
				return nil, err
			}
		}
		return dict, nil
	}
	return nil, fault.Tiltf("Unable to convert to starlark value, unexpected type %T", v)
}

// FromStarlark converts a value for JSON or YAML.
func FromStarlark(v starlark.Value) (any, error) { return fromStarlark(v, 0) }

func fromStarlark(v starlark.Value, depth int) (any, error) {
	if depth > yamldoc.MaxDepth {
		return nil, errors.New("values nest too deep: does a list hold itself?")
	}
	switch v := v.(type) {
	case starlark.NoneType:
		return nil, nil
	case starlark.Bool:
		return bool(v), nil
	case starlark.String:
		return string(v), nil
	case Blob:
		return v.Text, nil
	case starlark.Int:
		if n, ok := v.Int64(); ok {
			return n, nil
		}
		return nil, fmt.Errorf("integer %s is out of range", v)
	case starlark.Float:
		if f := float64(v); f == math.Trunc(f) && math.Abs(f) < 1e15 {
			return int64(f), nil
		}
		return float64(v), nil
	case *starlark.List:
		list := make([]any, v.Len())
		for i := range list {
			var err error
			if list[i], err = fromStarlark(v.Index(i), depth+1); err != nil {
				return nil, err
			}
		}
		return list, nil
	case *Environ:
		return fromStarlark(v.Dict(), depth)
	case *starlark.Dict:
		m := make(map[string]any, v.Len())
		for _, item := range v.Items() {
			key, ok := AsString(item[0])
			if !ok {
				return nil, fmt.Errorf("only string keys are supported in maps. found key '%s' of type %s", item[0].String(), item[0].Type())
			}
			x, err := fromStarlark(item[1], depth+1)
			if err != nil {
				return nil, err
			}
			m[key] = x
		}
		return m, nil
	}
	return nil, fmt.Errorf("unable to convert from starlark value, unsupported type %s", v.Type())
}

// DecodeJSON decodes one value, with integers as int64.
func DecodeJSON(data []byte) (any, error) {
	var v any
	if err := json.Unmarshal(data, &v); err != nil { // refuses what stands behind the value
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return yamldoc.Numbers(v), nil
}

// JoinPath joins a folder and a path that may be absolute.
func JoinPath(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// ListOf is a list of YAML, or a single value as a list of one.
func ListOf(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// SortedKeys returns a map's keys in order.
func SortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Below reports whether a path is one of the folders or lies in one.
func Below(dirs []string, path string) bool {
	for _, d := range dirs {
		if rel, err := filepath.Rel(d, path); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return true
		}
	}
	return false
}
