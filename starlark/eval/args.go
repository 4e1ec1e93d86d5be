package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"go.starlark.net/starlark"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/value"
)

// strList takes a string or a list of strings.
type strList []string

// Unpack implements starlark.Unpacker.
func (l *strList) Unpack(v starlark.Value) error {
	*l = nil
	if s, ok := value.AsString(v); ok {
		*l = strList{s}
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

// nonEmpty returns the strings without empty ones.
func (l strList) nonEmpty() []string {
	var all []string
	for _, s := range l {
		if s != "" {
			all = append(all, s)
		}
	}
	return all
}

// sequence takes a list or another sequence of strings, and no single string.
type sequence []string

// Unpack implements starlark.Unpacker.
func (l *sequence) Unpack(v starlark.Value) error {
	*l = nil
	seq, ok := v.(starlark.Sequence)
	if !ok {
		return fmt.Errorf("got %s, want starlark.Sequence", v.Type())
	}
	for _, x := range value.Elements(seq) {
		s, ok := x.(starlark.String)
		if !ok {
			return fmt.Errorf("'%v' is a %T, not a string", x, x)
		}
		*l = append(*l, string(s))
	}
	return nil
}

// imageList takes a list of images' names, and no single one.
type imageList []reference.Named

// Unpack implements starlark.Unpacker.
func (l *imageList) Unpack(v starlark.Value) error {
	*l = nil
	switch v.(type) {
	case *starlark.List, starlark.Tuple, starlark.NoneType:
	default:
		return fmt.Errorf("value should be a List or Tuple of strings, but is of type %s", v.Type())
	}
	for _, x := range value.Elements(v) {
		s, ok := value.AsString(x)
		if !ok {
			return fmt.Errorf("value should contain only strings, but element %q was of type %s", x.String(), x.Type())
		}
		named, err := parseRef(s)
		if err != nil {
			return fmt.Errorf("must be a valid image reference: %w", err)
		}
		*l = append(*l, named)
	}
	return nil
}

// familiar returns the names in their short form.
func (l imageList) familiar() []string {
	var names []string
	for _, named := range l {
		names = append(names, reference.FamiliarString(named))
	}
	return names
}

// path takes a path, or a folder of a repository, and makes it absolute.
type path struct {
	run   *run
	text  string // as it was written
	value string
}

func (p *path) bind(c *call) { p.run = c.run }

// Unpack implements starlark.Unpacker.
func (p *path) Unpack(v starlark.Value) error {
	s, ok := value.PathText(v)
	if !ok {
		return fmt.Errorf("expected path | string. Actual type: %T", v)
	}
	p.text, p.value = s, p.run.abs(s)
	return nil
}

// optionalPath is a path that may be None or empty, both for "none".
type optionalPath struct{ path }

// Unpack implements starlark.Unpacker.
func (p *optionalPath) Unpack(v starlark.Value) error {
	if v == starlark.None {
		return nil
	}
	if s, ok := v.(starlark.String); ok && s == "" {
		return nil
	}
	return p.path.Unpack(v)
}

// pathList takes a path or a list of them.
type pathList struct {
	run   *run
	value []string
}

func (p *pathList) bind(c *call) { p.run = c.run }

// Unpack implements starlark.Unpacker.
func (p *pathList) Unpack(v starlark.Value) error {
	p.value = nil
	for _, x := range value.Elements(v) {
		s, ok := value.PathText(x)
		if !ok {
			return fmt.Errorf("value should be a path or List or Tuple of paths, but is of type %s", x.Type())
		}
		p.value = append(p.value, p.run.abs(s))
	}
	return nil
}

// stringMap takes a dictionary of strings.
type stringMap map[string]string

// Unpack implements starlark.Unpacker.
func (m *stringMap) Unpack(v starlark.Value) error {
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
		return fmt.Errorf("expected dict, got %T", v)
	}
	*m = make(stringMap, d.Len())
	for _, item := range d.Items() {
		key, ok := value.AsString(item[0])
		if !ok {
			return fmt.Errorf("key is not a string: %T (%v)", item[0], item[0])
		}
		value, ok := value.AsString(item[1])
		if !ok {
			return fmt.Errorf("value is not a string: %T (%v)", item[1], item[1])
		}
		(*m)[key] = value
	}
	return nil
}

// labelSet takes labels that group resources.
type labelSet []string

// Unpack implements starlark.Unpacker.
func (l *labelSet) Unpack(v starlark.Value) error {
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

// sorted returns the labels in order, each once.
func (l labelSet) sorted() []string {
	return slices.Compact(slices.Sorted(slices.Values(l)))
}

// optionalBool is a boolean that knows whether it was given.
type optionalBool struct {
	set, value bool
}

// Unpack implements starlark.Unpacker.
func (b *optionalBool) Unpack(v starlark.Value) error {
	x, ok := v.(starlark.Bool)
	if !ok {
		return fmt.Errorf("got %s, want bool", v.Type())
	}
	b.set, b.value = true, bool(x)
	return nil
}

// optionalInt is an integer with a default.
type optionalInt struct {
	set   bool
	value int
}

// Unpack implements starlark.Unpacker.
func (i *optionalInt) Unpack(v starlark.Value) error {
	if err := starlark.AsInt(v, &i.value); err != nil {
		return err
	}
	i.set = true
	return nil
}

func (i optionalInt) orElse(def int) int {
	if i.set {
		return i.value
	}
	return def
}

// name takes the name of a resource, which is a part of a path.
type name string

// Unpack implements starlark.Unpacker.
func (n *name) Unpack(v starlark.Value) error {
	s, ok := v.(starlark.String)
	if !ok {
		return fault.Tiltf("Value should be convertible to string, but is type %s", v.Type())
	}
	if problems := content.IsPathSegmentName(string(s)); len(problems) > 0 {
		return fmt.Errorf("invalid value %q: %s", string(s), strings.Join(problems, ", "))
	}
	*n = name(s)
	return nil
}

// patternList takes patterns of ignore files: a string or a sequence of them.
func patternList(param string, v starlark.Value) ([]string, error) {
	var patterns []string
	for _, x := range value.Elements(v) {
		s, ok := x.(starlark.String)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s must be a string or a sequence of strings; found a %T", param, x)
		case strings.Contains(string(s), "\n"):
			return nil, fmt.Errorf("%s cannot contain newlines; found %s: %q", param, param, string(s))
		case s != "":
			patterns = append(patterns, string(s))
		}
	}
	return patterns, nil
}

// boolOrNone is an optionalBool for which None is the same as nothing.
type boolOrNone struct{ optionalBool }

// Unpack implements starlark.Unpacker.
func (b *boolOrNone) Unpack(v starlark.Value) error {
	if v == starlark.None {
		return nil
	}
	if _, ok := v.(starlark.Bool); !ok {
		return fmt.Errorf("expected starlark.Bool or None, got %T", v)
	}
	return b.optionalBool.Unpack(v)
}

// text takes a string or a Blob.
type text struct {
	set   bool
	value string
}

// Unpack implements starlark.Unpacker.
func (t *text) Unpack(v starlark.Value) error {
	s, ok := value.AsString(v)
	if !ok && v != starlark.None {
		return fault.Tiltf("Value should be convertible to string, but is type %s", v.Type())
	}
	t.set, t.value = ok, s
	return nil
}

// port is a TCP port.
type port int

// Unpack implements starlark.Unpacker.
func (p *port) Unpack(v starlark.Value) error {
	i, ok := v.(starlark.Int)
	if !ok {
		return fmt.Errorf("got %s, want int", v.Type())
	}
	n, ok := i.Int64()
	if !ok || n < 0 || n > 65535 {
		return fmt.Errorf("port %v is not in the valid range [0-65535]", i)
	}
	*p = port(n)
	return nil
}
