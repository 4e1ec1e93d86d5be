package flags

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// setting is a declared setting, or its value. It is a pflag.Value that makes
// values from texts.
type setting struct {
	kind  string // "string_list", "string", "bool" or "object"
	usage string
	value any // []string, string, bool or decoded JSON; nil: unset
}

// Set implements pflag.Value.
func (s *setting) Set(text string) error {
	if s.value != nil && s.kind != "string_list" {
		return fmt.Errorf("%s settings can only be specified once. multiple values found (last value: %s)", s.kind, text)
	}
	switch s.kind {
	case "string_list":
		list, _ := s.value.([]string)
		s.value = append(list, text)
	case "string":
		s.value = text
	case "bool":
		b, err := strconv.ParseBool(text)
		if err != nil {
			return err
		}
		s.value = b
	case "object":
		if err := json.Unmarshal([]byte(text), &s.value); err != nil {
			return fmt.Errorf("decoding JSON, got %q: %w", text, err)
		}
	}
	return nil
}

// String implements pflag.Value.
func (s *setting) String() string {
	if s == nil || s.value == nil {
		return ""
	}
	return fmt.Sprint(s.value)
}

// Type implements pflag.Value.
func (s *setting) Type() string {
	switch s.kind {
	case "string_list":
		return "list[string]"
	case "object":
		return "object"
	}
	return s.kind
}

// setJSON takes a value of the file of settings; null leaves the setting
// unset.
func (s *setting) setJSON(v any) error {
	if v == nil {
		return nil
	}
	ok := true
	switch s.kind {
	case "string_list":
		list, isList := v.([]any)
		if !isList {
			return fmt.Errorf("expected array, got %s", jsonType(v))
		}
		texts := []string{}
		for _, x := range list {
			t, ok := x.(string)
			if !ok {
				return fmt.Errorf("expected string, got %s", jsonType(x))
			}
			texts = append(texts, t)
		}
		v = texts
	case "string":
		_, ok = v.(string)
	case "bool":
		_, ok = v.(bool)
	}
	if !ok {
		return fmt.Errorf("expected %s, got %s", s.kind, jsonType(v))
	}
	if s.kind == "object" {
		v = floats(v)
	}
	s.value = v
	return nil
}

// floats makes all numbers of an object's setting what Go makes of JSON's.
func floats(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case []any:
		for i, x := range v {
			v[i] = floats(x)
		}
	case map[string]any:
		for k, x := range v {
			v[k] = floats(x)
		}
	}
	return v
}

// jsonType names the type of a decoded value as JSON does.
func jsonType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "number"
}
