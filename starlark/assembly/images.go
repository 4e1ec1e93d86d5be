package assembly

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
)

// findImages fills rules and refs: images of containers, of the paths that
// k8s_kind and k8s_image_json_path name, and of environment variables where an
// image asks for that.
func (s *Set) findImages(o *Object, inEnv bool) error {
	for _, r := range s.rules {
		if r.Selector.Matches(o.Of) {
			o.rules = append(o.rules, r)
		}
	}
	at := func(err error) error {
		if len(o.rules) > 0 {
			err = fmt.Errorf("finding image in %s/%s: %w", o.Of.Kind, o.Of.Name, err)
		} else {
			err = fmt.Errorf("finding images in %s: %w", o.Of.Name, err)
		}
		return &fault.Located{Pos: o.Pos, Err: err}
	}
	if o.Of.PodErr != nil {
		return at(o.Of.PodErr)
	}
	o.refs = slices.Clone(o.Of.PodRefs)
	for _, r := range o.rules {
		found, err := r.images(s.Images.Names, o.Content)
		if err != nil {
			return at(err)
		}
		o.refs = append(o.refs, found...)
	}
	if inEnv {
		o.Of.EachContainer(func(container map[string]any, at []string) { s.findEnvImages(o, container, at) })
	}
	return nil
}

// findEnvImages finds images in values of environment variables that name,
// exactly, an image with match_in_env_vars.
func (s *Set) findEnvImages(o *Object, container map[string]any, at []string) {
	vars, _ := container["env"].([]any)
	for i, v := range vars {
		env, _ := v.(map[string]any)
		text, _ := env["value"].(string)
		name, err := s.Images.Names.ImageName(text)
		if text == "" || err != nil {
			continue
		}
		if img := s.Images.Find(name); img != nil && img.MatchInEnvVars {
			path := append(append([]string{}, at...), "env", strconv.Itoa(i), "value")
			o.refs = append(o.refs, manifest.ImageAt{Name: name, Ref: config.ImageRef{Path: path}})
		}
	}
}
