package unpack

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/value"
)

// Strings takes a string or a list of strings.
type Strings []string

// Unpack implements starlark.Unpacker.
func (l *Strings) Unpack(v starlark.Value) error {
	*l = nil
	if s, ok := value.AsString(v); ok {
		*l = Strings{s}
		return nil
	}
	switch v.(type) {
	case *starlark.List, starlark.Tuple, starlark.NoneType:
	default:
		return fmt.Errorf("value should be a string or List or Tuple of strings, but is of type %s", v.Type())
	}
	for _, x := range value.Elements(v) {
		s, ok := value.AsString(x)
		if !ok {
			return fmt.Errorf("value should contain only strings, but element %q was of type %s", x.String(), x.Type())
		}
		*l = append(*l, s)
	}
	return nil
}

// NonEmpty returns the strings without empty ones.
func (l Strings) NonEmpty() []string {
	var all []string
	for _, s := range l {
		if s != "" {
			all = append(all, s)
		}
	}
	return all
}

// Sequence takes a list or another sequence of strings, and no single string.
type Sequence []string

// Unpack implements starlark.Unpacker.
func (l *Sequence) Unpack(v starlark.Value) error {
	*l = nil
	seq, ok := v.(starlark.Sequence)
	if !ok {
		return fmt.Errorf("got %s, want a list or tuple", v.Type())
	}
	for _, x := range value.Elements(seq) {
		s, ok := x.(starlark.String)
		if !ok {
			return fmt.Errorf("'%v' is of type %s, not a string", x, value.TypeOf(x))
		}
		*l = append(*l, string(s))
	}
	return nil
}

// Path takes a path, or a folder of a repository, and makes it absolute.
type Path struct {
	Text  string // as it was written
	Value string // absolute

	abs func(string) string
}

func (p *Path) bind(c *Call) { p.abs = c.Abs }

// Unpack implements starlark.Unpacker.
func (p *Path) Unpack(v starlark.Value) error {
	s, ok := value.PathText(v)
	if !ok {
		return fmt.Errorf("expected path | string. Actual type: %s", value.TypeOf(v))
	}
	p.Text, p.Value = s, p.abs(s)
	return nil
}

// OptionalPath is a path that may be None or empty, both for "none".
type OptionalPath struct{ Path }

// Unpack implements starlark.Unpacker.
func (p *OptionalPath) Unpack(v starlark.Value) error {
	if v == starlark.None {
		return nil
	}
	if s, ok := v.(starlark.String); ok && s == "" {
		return nil
	}
	return p.Path.Unpack(v)
}

// Paths takes a path or a list of them.
type Paths struct {
	Value []string // absolute

	abs func(string) string
}

func (p *Paths) bind(c *Call) { p.abs = c.Abs }

// Unpack implements starlark.Unpacker.
func (p *Paths) Unpack(v starlark.Value) error {
	p.Value = nil
	for _, x := range value.Elements(v) {
		s, ok := value.PathText(x)
		if !ok {
			return fmt.Errorf("value should be a path or List or Tuple of paths, but is of type %s", x.Type())
		}
		p.Value = append(p.Value, p.abs(s))
	}
	return nil
}

// StringMap takes a dictionary of strings.
type StringMap map[string]string

// Unpack implements starlark.Unpacker.
func (m *StringMap) Unpack(v starlark.Value) error {
	*m = nil
	if v == starlark.None {
		return nil
	}
	if e, ok := v.(*value.Environ); ok {
		*m = e.Copy()
		return nil
	}
	d, ok := v.(*starlark.Dict)
	if !ok {
		return fmt.Errorf("expected dict, got %s", value.TypeOf(v))
	}
	*m = make(StringMap, d.Len())
	for _, item := range d.Items() {
		key, ok := value.AsString(item[0])
		if !ok {
			return fmt.Errorf("key is not a string: %s (%v)", value.TypeOf(item[0]), item[0])
		}
		text, ok := value.AsString(item[1])
		if !ok {
			return fmt.Errorf("value is not a string: %s (%v)", value.TypeOf(item[1]), item[1])
		}
		(*m)[key] = text
	}
	return nil
}

// Labels takes labels that group resources.
type Labels []string

// Unpack implements starlark.Unpacker.
func (l *Labels) Unpack(v starlark.Value) error {
	*l = nil
	switch v.(type) {
	case starlark.String, *starlark.List, starlark.Tuple, starlark.NoneType:
	default:
		return fmt.Errorf("value should be a label or List or Tuple of labels, but is of type %s", v.Type())
	}
	for _, x := range value.Elements(v) {
		s, ok := value.AsString(x)
		if !ok {
			return fault.Tiltf("Value should be convertible to string, but is type %s", x.Type())
		}
		if plainLabel(s) {
			*l = append(*l, s)
			continue
		}
		for _, check := range []func(string) []string{validation.IsQualifiedName, validation.IsValidLabelValue} {
			if problems := check(s); len(problems) > 0 {
				return fault.Tiltf("Invalid label %q: %s", s, strings.Join(problems, ", "))
			}
		}
		if strings.Contains(s, "/") {
			return fault.Tiltf("Invalid label %q: cannot contain /", s)
		}
		*l = append(*l, s)
	}
	return nil
}

// plainLabel reports whether a text is a valid label by its characters alone,
// which costs less than Kubernetes' own checks.
func plainLabel(s string) bool {
	if s == "" || len(s) > validation.LabelValueMaxLength {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z':
		case i > 0 && i < len(s)-1 && (c == '-' || c == '_' || c == '.'):
		default:
			return false
		}
	}
	return true
}

// Sorted returns the labels in order, each once.
func (l Labels) Sorted() []string {
	return slices.Compact(slices.Sorted(slices.Values(l)))
}

// Bool is a boolean that knows whether it was given.
type Bool struct {
	Set, Value bool
}

// Unpack implements starlark.Unpacker.
func (b *Bool) Unpack(v starlark.Value) error {
	x, ok := v.(starlark.Bool)
	if !ok {
		return fmt.Errorf("got %s, want bool", v.Type())
	}
	b.Set, b.Value = true, bool(x)
	return nil
}

// Int is an integer with a default.
type Int struct {
	Set   bool
	Value int
}

// Unpack implements starlark.Unpacker.
func (i *Int) Unpack(v starlark.Value) error {
	if err := starlark.AsInt(v, &i.Value); err != nil {
		return err
	}
	i.Set = true
	return nil
}

// OrElse is the integer, or a default.
func (i Int) OrElse(def int) int {
	if i.Set {
		return i.Value
	}
	return def
}

// ResourceName takes the name of a resource, which is a part of a path.
type ResourceName string

// Unpack implements starlark.Unpacker.
func (n *ResourceName) Unpack(v starlark.Value) error {
	s, ok := v.(starlark.String)
	if !ok {
		return fault.Tiltf("Value should be convertible to string, but is type %s", v.Type())
	}
	if problems := content.IsPathSegmentName(string(s)); len(problems) > 0 {
		return fmt.Errorf("invalid value %q: %s", string(s), strings.Join(problems, ", "))
	}
	*n = ResourceName(s)
	return nil
}

// Patterns takes patterns of ignore files: a string or a sequence of them.
func Patterns(param string, v starlark.Value) ([]string, error) {
	var patterns []string
	for _, x := range value.Elements(v) {
		s, ok := x.(starlark.String)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s must be a string or a sequence of strings; found %s", param, value.TypeOf(x))
		case strings.Contains(string(s), "\n"):
			return nil, fmt.Errorf("%s cannot contain newlines; found %s: %q", param, param, string(s))
		case s != "":
			patterns = append(patterns, string(s))
		}
	}
	return patterns, nil
}

// BoolOrNone is an optionalBool for which None is the same as nothing.
type BoolOrNone struct{ Bool }

// Unpack implements starlark.Unpacker.
func (b *BoolOrNone) Unpack(v starlark.Value) error {
	if v == starlark.None {
		return nil
	}
	if _, ok := v.(starlark.Bool); !ok {
		return fmt.Errorf("expected bool or None, got %s", value.TypeOf(v))
	}
	return b.Bool.Unpack(v)
}

// Text takes a string or a Blob.
type Text struct {
	Set   bool
	Value string
}

// Unpack implements starlark.Unpacker.
func (t *Text) Unpack(v starlark.Value) error {
	s, ok := value.AsString(v)
	if !ok && v != starlark.None {
		return fault.Tiltf("Value should be convertible to string, but is type %s", v.Type())
	}
	t.Set, t.Value = ok, s
	return nil
}

// Port is a TCP port.
type Port int

// Unpack implements starlark.Unpacker.
func (p *Port) Unpack(v starlark.Value) error {
	i, ok := v.(starlark.Int)
	if !ok {
		return fmt.Errorf("got %s, want int", v.Type())
	}
	n, ok := i.Int64()
	if !ok || n < 0 || n > 65535 {
		return fmt.Errorf("port %v is not in the valid range [0-65535]", i)
	}
	*p = Port(n)
	return nil
}

// Duration takes a text such as "30s", or a number of seconds.
type Duration struct {
	Set   bool
	Value time.Duration
}

// Unpack implements starlark.Unpacker.
func (d *Duration) Unpack(v starlark.Value) error {
	s, ok := v.(starlark.String)
	if !ok {
		return fmt.Errorf("got %s, want string", v.Type())
	}
	if s == "" {
		return nil
	}
	value, err := time.ParseDuration(string(s))
	if err != nil {
		return err
	}
	d.Set, d.Value = true, value
	return nil
}

// Any takes any value, None included.
type Any struct{ Value starlark.Value }

// Unpack implements starlark.Unpacker.
func (d *Any) Unpack(v starlark.Value) error {
	d.Value = v
	return nil
}
