package eval

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/value"
)

// object is a Kubernetes object of the project.
type object struct {
	config.Object
	of *manifest.Manifest

	kinds []*kindRule        // the rules that hold for it
	refs  []manifest.ImageAt // all images that it names
	order int                // among those of the project
	taken bool               // it belongs to a resource
}

func (o *object) id() value.ObjectID {
	return value.ObjectID{Name: o.of.Name, Kind: o.of.Kind, Namespace: o.of.Namespace, Group: o.of.Group}
}

// uniqueNames returns the shortest name of each object that no other of them
// has: name, name:kind, name:kind:namespace and so on. Those that are the same
// to the last part have their number behind it.
func uniqueNames(objects []*object) []string {
	counts := make(map[string]int, 4*len(objects))
	for _, o := range objects {
		for _, p := range o.of.Prefixes {
			counts[p]++
		}
	}
	names := make([]string, len(objects))
	for i, o := range objects {
		names[i] = fmt.Sprintf("%s:%d", o.of.Prefixes[len(o.of.Prefixes)-1], i)
		for _, p := range o.of.Prefixes {
			if counts[p] == 1 {
				names[i] = p
				break
			}
		}
	}
	return names
}

// findImages fills kinds and refs: images of containers, of the paths that
// k8s_kind and k8s_image_json_path name, and of environment variables where an
// image asks for that.
func (r *run) findImages(o *object, inEnv bool) error {
	for _, k := range r.yaml.kinds {
		if k.selector.Matches(o.of) {
			o.kinds = append(o.kinds, k)
		}
	}
	at := func(err error) error {
		if len(o.kinds) > 0 {
			err = fmt.Errorf("finding image in %s/%s: %w", o.of.Kind, o.of.Name, err)
		} else {
			err = fmt.Errorf("finding images in %s: %w", o.of.Name, err)
		}
		return &fault.Located{Pos: o.Pos, Err: err}
	}
	if o.of.PodErr != nil {
		return at(o.of.PodErr)
	}
	o.refs = slices.Clone(o.of.PodRefs)
	for _, k := range o.kinds {
		if err := k.findImages(r.imageNames, o); err != nil {
			return at(err)
		}
	}
	if inEnv {
		o.of.EachContainer(func(container map[string]any, at []string) { r.findEnvImages(o, container, at) })
	}
	return nil
}

// findEnvImages finds images in values of environment variables that name,
// exactly, an image with match_in_env_vars.
func (r *run) findEnvImages(o *object, container map[string]any, at []string) {
	vars, _ := container["env"].([]any)
	for i, v := range vars {
		env, _ := v.(map[string]any)
		text, _ := env["value"].(string)
		name, err := r.imageNames.ImageName(text)
		if text == "" || err != nil {
			continue
		}
		if img := r.images.find(name); img != nil && img.matchEnv {
			path := append(append([]string{}, at...), "env", strconv.Itoa(i), "value")
			o.refs = append(o.refs, manifest.ImageAt{Name: name, Ref: config.ImageRef{Path: path}})
		}
	}
}

// isWorkload reports whether an object names images or is of a kind that a
// k8s_kind names.
func (o *object) isWorkload() bool { return len(o.kinds) > 0 || len(o.refs) > 0 }

func (x *imageIndex) anyInEnv() bool {
	for _, img := range x.all {
		if img.matchEnv {
			return true
		}
	}
	return false
}
