package inject

import (
	"fmt"
	"strconv"
	"strings"
)

// at follows keys through maps; the result is nil when one is missing.
func at(o map[string]any, keys ...string) map[string]any {
	for _, k := range keys {
		o, _ = o[k].(map[string]any)
	}
	return o
}

// walk follows keys and indexes.
func walk(v any, path []string) (any, error) {
	for _, key := range path {
		switch parent := v.(type) {
		case map[string]any:
			v = parent[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(parent) {
				return nil, fmt.Errorf("no element %s", key)
			}
			v = parent[i]
		default:
			return nil, fmt.Errorf("no field %s", key)
		}
	}
	return v, nil
}

// assign sets a key of a map or an element of a list.
func assign(parent any, key, value string) error {
	switch p := parent.(type) {
	case map[string]any:
		p[key] = value
		return nil
	case []any:
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(p) {
			return fmt.Errorf("no element %s", key)
		}
		p[i] = value
		return nil
	}
	return fmt.Errorf("no field %s", key)
}

// deepCopy copies decoded YAML.
func deepCopy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[k] = deepCopy(e)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = deepCopy(e)
		}
		return c
	}
	return v
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		out = append(out, fmt.Sprint(e))
	}
	return out
}

// splitTag parts "host:port/name:tag".
func splitTag(ref string) (repo, tag string) {
	i := strings.LastIndexByte(ref, ':')
	if i < 0 || strings.Contains(ref[i:], "/") {
		return ref, "latest"
	}
	return ref[:i], ref[i+1:]
}
