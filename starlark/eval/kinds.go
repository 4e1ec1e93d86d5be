package eval

import (
	"errors"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/assembly"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
	"github.com/towline-dev/towline/starlark/unpack"
)

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
	rule := &assembly.Rule{Selector: sel, RepoField: in.ImageObject.RepoField, TagField: in.ImageObject.TagField, Readiness: config.PodReadiness(in.Readiness)}
	if in.ImageObject.Set {
		in.Paths = unpack.Strings{in.ImageObject.Path}
	}
	if rule.Paths, err = parsePaths(in.Paths); err != nil {
		return nil, err
	}
	c.run.k8s.AddRule(rule)
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
	c.run.k8s.AddRule(&assembly.Rule{Selector: sel, Paths: paths})
	return starlark.None, nil
}
