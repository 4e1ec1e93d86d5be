package eval

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/unpack"
)

// kindRule is what k8s_kind and k8s_image_json_path said: what matches is a
// workload, and this is where it names images. Rules add up, two of the same
// kind too.
type kindRule struct {
	selector  manifest.Selector
	paths     []manifest.Path
	repoField string // with tagField: paths lead to objects
	tagField  string
	readiness config.PodReadiness
}

// initialKinds are the rules that hold without a k8s_kind: jobs have to end,
// and there is no waiting for the pods of scheduled ones. Patterns are found
// anywhere, so that the first holds for CronJobs too; the second prevails.
func initialKinds() []*kindRule {
	return []*kindRule{
		{selector: manifest.SelectorOf("batch/v1", "job"), readiness: config.ReadinessSucceeded},
		{selector: manifest.SelectorOf("batch/v1", "cronjob"), readiness: config.ReadinessIgnore},
	}
}

func (c *call) k8sKind() (starlark.Value, error) {
	var in struct {
		Kind        string             `arg:"kind"`
		Paths       unpack.Strings     `arg:"image_json_path"`
		APIVersion  string             `arg:"api_version"`
		ImageObject unpack.ImageObject `arg:"image_object"`
		Readiness   unpack.Readiness   `arg:"pod_readiness"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	sel, err := manifest.NewSelector(in.APIVersion, in.Kind, "", "")
	if err != nil {
		return nil, err
	}
	if len(in.Paths) > 0 && in.ImageObject.Set {
		return nil, fault.Tiltf("Cannot specify both image_json_path and image_object")
	}
	rule := &kindRule{selector: sel, repoField: in.ImageObject.RepoField, tagField: in.ImageObject.TagField, readiness: config.PodReadiness(in.Readiness)}
	if in.ImageObject.Set {
		in.Paths = unpack.Strings{in.ImageObject.Path}
	}
	if rule.paths, err = parsePaths(in.Paths); err != nil {
		return nil, err
	}
	c.run.yaml.kinds = append(c.run.yaml.kinds, rule)
	return starlark.None, nil
}

func parsePaths(texts []string) ([]manifest.Path, error) {
	var paths []manifest.Path
	for _, t := range texts {
		p, err := manifest.ParsePath(t)
		if err != nil {
			return nil, err
		}
		paths = append(paths, p)
	}
	return paths, nil
}

// findImages adds the images at the rule's paths.
func (k *kindRule) findImages(names manifest.Names, o *object) error {
	for _, p := range k.paths {
		nodes, err := p.Find(o.Content)
		if err != nil {
			return fault.Tiltf("Matching (json_path=%q): %w", p.Text, err)
		}
		for _, n := range nodes {
			found, err := k.imageAt(names, n, p.Text)
			if err != nil {
				return err
			}
			o.refs = append(o.refs, found)
		}
	}
	return nil
}

// imageAt reads the image at a place that a path leads to.
func (k *kindRule) imageAt(names manifest.Names, n manifest.Node, path string) (manifest.ImageAt, error) {
	if k.repoField == "" {
		text, ok := n.Value.(string)
		if !ok {
			return manifest.ImageAt{}, fault.Tiltf("May only match strings (json_path=%q)\nGot Type: %T\nGot Value: %v", path, n.Value, n.Value)
		}
		name, err := names.ImageName(text)
		if err != nil {
			return manifest.ImageAt{}, fmt.Errorf("error parsing image '%s' at json path '%s': %w", text, path, err)
		}
		return manifest.ImageAt{Name: name, Ref: config.ImageRef{Path: n.Place}}, nil
	}
	fields, ok := n.Value.(map[string]any)
	if !ok {
		return manifest.ImageAt{}, fault.Tiltf("May only match maps (json_path=%q)\nGot Type: %T\nGot Value: %v", path, n.Value, n.Value)
	}
	text, _ := fields[k.repoField].(string)
	if tag, _ := fields[k.tagField].(string); tag != "" {
		text += ":" + tag
	}
	name, err := names.ImageName(text)
	if err != nil {
		return manifest.ImageAt{}, fmt.Errorf("error parsing image '%s' at json path '%s': %w", text, path, err)
	}
	return manifest.ImageAt{Name: name, Ref: config.ImageRef{Path: n.Place, RepoField: k.repoField, TagField: k.tagField}}, nil
}

func (c *call) k8sImageJSONPath() (starlark.Value, error) {
	var in struct {
		Paths      unpack.Strings `arg:"paths"`
		APIVersion string         `arg:"api_version"`
		Kind       string         `arg:"kind"`
		Name       string         `arg:"name"`
		Namespace  string         `arg:"namespace"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if in.Kind == "" && in.Name == "" && in.Namespace == "" {
		return nil, errors.New("at least one of kind, name, or namespace must be specified")
	}
	sel, err := manifest.NewSelector(in.APIVersion, in.Kind, in.Name, in.Namespace)
	if err != nil {
		return nil, err
	}
	paths, err := parsePaths(in.Paths)
	if err != nil {
		return nil, err
	}
	c.run.yaml.kinds = append(c.run.yaml.kinds, &kindRule{selector: sel, paths: paths})
	return starlark.None, nil
}
