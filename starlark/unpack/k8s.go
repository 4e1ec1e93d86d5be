package unpack

import (
	"fmt"

	"github.com/distribution/reference"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/value"
)

// Discovery takes a discovery strategy.
type Discovery string

// Unpack implements starlark.Unpacker.
func (d *Discovery) Unpack(v starlark.Value) error {
	s, ok := value.AsString(v)
	if !ok {
		return fault.Tiltf("Must be a string. Got: %s", v.Type())
	}
	if s != "" && s != "default" && s != "selectors-only" {
		return fault.Tiltf("Invalid. Must be one of: %q, %q", "default", "selectors-only")
	}
	*d = Discovery(s)
	return nil
}

// Readiness takes a pod readiness mode.
type Readiness config.PodReadiness

// Unpack implements starlark.Unpacker.
func (r *Readiness) Unpack(v starlark.Value) error {
	s, ok := v.(starlark.String)
	if !ok {
		return fault.Tiltf("Must be a string. Got: %s", v.Type())
	}
	switch config.PodReadiness(s) {
	case "", config.ReadinessIgnore, config.ReadinessWait, config.ReadinessSucceeded:
		*r = Readiness(s)
		return nil
	}
	return fault.Tiltf("Invalid value. Allowed: {%s, %s, %s}. Got: %s", config.ReadinessIgnore, config.ReadinessWait, config.ReadinessSucceeded, string(s))
}

// PodSelectors converts an extra_pod_selectors argument: a dictionary of
// labels, or a list of them.
func PodSelectors(v starlark.Value) ([]map[string]string, error) {
	dicts := []starlark.Value{v}
	switch x := v.(type) {
	case nil:
		return nil, nil
	case *starlark.Dict:
	case *starlark.List:
		dicts = value.Elements(x)
	default:
		return nil, fmt.Errorf("pod labels must be a dict or a list; got %s", value.TypeOf(v))
	}
	var all []map[string]string
	for _, x := range dicts {
		d, ok := x.(*starlark.Dict)
		if !ok {
			return nil, fmt.Errorf("pod labels elements must be dicts; got %s", value.TypeOf(x))
		}
		m := map[string]string{}
		for _, item := range d.Items() {
			k, ok := item[0].(starlark.String)
			if !ok {
				return nil, fmt.Errorf("pod label keys must be strings; got '%s' of type %s", item[0].String(), value.TypeOf(item[0]))
			}
			text, ok := item[1].(starlark.String)
			if !ok {
				return nil, fmt.Errorf("pod label values must be strings; got '%s' of type %s", item[1].String(), value.TypeOf(item[1]))
			}
			m[string(k)] = string(text)
		}
		if len(m) > 0 {
			all = append(all, m)
		}
	}
	return all, nil
}

// ImageObject takes the place of images that are objects, with the repository
// and the tag in fields of their own.
type ImageObject struct {
	Set                       bool
	Path, RepoField, TagField string
}

const imageObjectForm = "Expected dict of the form {'json_path': str, 'repo_field': str, 'tag_field': str}"

// Unpack implements starlark.Unpacker.
func (i *ImageObject) Unpack(v starlark.Value) error {
	d, ok := v.(*starlark.Dict)
	if !ok {
		return fault.Tiltf(imageObjectForm+". Actual: %s", v)
	}
	fields := map[string]*string{"json_path": &i.Path, "repo_field": &i.RepoField, "tag_field": &i.TagField}
	for _, item := range d.Items() {
		key, _ := starlark.AsString(item[0])
		field := fields[key]
		if field == nil {
			return fault.Tiltf(imageObjectForm+": Unexpected key: %s", item[0])
		}
		value, ok := starlark.AsString(item[1])
		if !ok {
			return fault.Tiltf(imageObjectForm+": Expected string at key %s. Got: %s", item[0], item[1].Type())
		}
		*field = value
	}
	if d.Len() != len(fields) {
		return fault.Tiltf(imageObjectForm+": Missing keys. Actual keys: %s", starlark.NewList(d.Keys()))
	}
	i.Set = true
	return nil
}

// ImageNames takes a list of images' names, and no single one.
type ImageNames []reference.Named

// Unpack implements starlark.Unpacker.
func (l *ImageNames) Unpack(v starlark.Value) error {
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
		named, err := reference.ParseNormalizedNamed(s)
		if err != nil {
			return fmt.Errorf("must be a valid image reference: %w", err)
		}
		*l = append(*l, named)
	}
	return nil
}

// Familiar returns the names in their short form.
func (l ImageNames) Familiar() []string {
	var names []string
	for _, named := range l {
		names = append(names, reference.FamiliarString(named))
	}
	return names
}
