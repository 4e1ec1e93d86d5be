package metamodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
)

// check reports how the decoded JSON value v differs from the type; at names
// the place in the message.
func (m *model) check(t typ, v any, at string) error {
	switch t.Kind {
	case "base":
		return checkBase(t.Name, v, at)
	case "reference":
		return m.checkReference(t.Name, v, at)
	case "array":
		return m.checkArray(*t.Element, v, at)
	case "map":
		return m.checkMap(t, v, at)
	case "or":
		return m.checkUnion(t.Items, v, at)
	case "and":
		return m.checkObject(structure{Extends: t.Items}, v, at)
	case "tuple":
		return m.checkTuple(t.Items, v, at)
	case "literal":
		var s structure
		if err := json.Unmarshal(t.Value, &s); err != nil {
			return differ(at, "the metamodel's literal: %v", err)
		}
		return m.checkObject(s, v, at)
	case "stringLiteral":
		if want := string(t.Value); fmt.Sprintf("%q", v) != want {
			return differ(at, "%v is not %s", v, want)
		}
		return nil
	}
	return differ(at, "the metamodel has a type of unknown kind %q", t.Kind)
}

// uriForm is what all URIs look like. Package net/url minds an escape in the
// authority, as VS Code's remote ones have it.
var uriForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:(%[0-9A-Fa-f]{2}|[^%\s])*$`)

func checkBase(name string, v any, at string) error {
	ok := false
	switch name {
	case "null":
		ok = v == nil
	case "boolean":
		_, ok = v.(bool)
	case "string":
		_, ok = v.(string)
	case "URI", "DocumentUri":
		var s string
		if s, ok = v.(string); ok {
			ok = uriForm.MatchString(s)
		}
	case "decimal":
		_, ok = v.(float64)
	case "integer", "uinteger":
		var f float64
		f, ok = v.(float64)
		ok = ok && f == math.Trunc(f) && f <= math.MaxInt32 && f >= math.MinInt32 && (f >= 0 || name == "integer")
	}
	if !ok {
		return differ(at, "%s is no %s", brief(v), name)
	}
	return nil
}

func (m *model) checkReference(name string, v any, at string) error {
	switch name {
	case "LSPAny":
		return nil
	case "LSPObject":
		if _, ok := v.(map[string]any); !ok {
			return differ(at, "%s is no object", brief(v))
		}
		return nil
	}
	if s, ok := m.structures[name]; ok {
		return m.checkObject(s, v, at)
	}
	if e, ok := m.enumerations[name]; ok {
		return checkEnumeration(e, v, at)
	}
	if t, ok := m.aliases[name]; ok {
		return m.check(t, v, at)
	}
	return differ(at, "the metamodel has no %s", name)
}

func checkEnumeration(e enumeration, v any, at string) error {
	if err := checkBase(e.Type.Name, v, at); err != nil {
		return err
	}
	if e.Custom {
		return nil
	}
	for _, value := range e.Values {
		if value.Value == v {
			return nil
		}
	}
	return differ(at, "%s is no %s", brief(v), e.Name)
}

func (m *model) checkArray(element typ, v any, at string) error {
	list, ok := v.([]any)
	if !ok {
		return differ(at, "%s is no array", brief(v))
	}
	for i, item := range list {
		if err := m.check(element, item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) checkTuple(items []typ, v any, at string) error {
	list, ok := v.([]any)
	if !ok || len(list) != len(items) {
		return differ(at, "%s is no array of %d", brief(v), len(items))
	}
	for i, item := range list {
		if err := m.check(items[i], item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) checkMap(t typ, v any, at string) error {
	object, ok := v.(map[string]any)
	if !ok {
		return differ(at, "%s is no object", brief(v))
	}
	var value typ
	if err := json.Unmarshal(t.Value, &value); err != nil {
		return differ(at, "the metamodel's map: %v", err)
	}
	for k, item := range object {
		if err := m.check(*t.Key, k, at+" key "+k); err != nil {
			return err
		}
		if err := m.check(value, item, at+"."+k); err != nil {
			return err
		}
	}
	return nil
}

// checkUnion wants one of the types to fit; otherwise it reports the one whose
// mismatch lies deepest, which is the one that was meant.
func (m *model) checkUnion(items []typ, v any, at string) error {
	var deepest error
	depth := -1
	for _, t := range items {
		err := m.check(t, v, at)
		if err == nil {
			return nil
		}
		var found *mismatch
		if errors.As(err, &found) && len(found.at) > depth {
			deepest, depth = err, len(found.at)
		}
	}
	return deepest
}

// mismatch says what differs at a place of a message.
type mismatch struct{ at, problem string }

func (m *mismatch) Error() string { return m.at + ": " + m.problem }

func differ(at, format string, args ...any) error {
	return &mismatch{at: at, problem: fmt.Sprintf(format, args...)}
}

func (m *model) checkObject(s structure, v any, at string) error {
	object, ok := v.(map[string]any)
	if !ok {
		return differ(at, "%s is no %s", brief(v), s.Name)
	}
	known := map[string]property{}
	m.properties(s, known)
	for _, name := range slices.Sorted(maps.Keys(known)) {
		p := known[name]
		value, present := object[name]
		if !present && !p.Optional {
			return differ(at, "%s has no %s", s.Name, name)
		}
		if present {
			if err := m.check(p.Type, value, at+"."+name); err != nil {
				return err
			}
		}
	}
	for name := range object {
		if _, ok := known[name]; !ok {
			return differ(at, "%s knows no %s", s.Name, name)
		}
	}
	return nil
}

// properties collects a structure's own and inherited properties.
func (m *model) properties(s structure, into map[string]property) {
	for _, base := range slices.Concat(s.Extends, s.Mixins) {
		m.properties(m.structures[base.Name], into)
	}
	for _, p := range s.Properties {
		into[p.Name] = p
	}
}

func brief(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(data) > 60 {
		return string(data[:60]) + "…"
	}
	return string(data)
}
