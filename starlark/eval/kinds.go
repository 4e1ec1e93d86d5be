package eval

import (
	"errors"
	"fmt"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
)

// kindRule is what k8s_kind and k8s_image_json_path said.
type kindRule struct {
	selector  selector
	workload  bool
	paths     []jsonPath
	repoField string // with tagField: paths lead to objects
	tagField  string
	readiness config.PodReadiness
}

func (c *call) k8sKind() (starlark.Value, error) {
	var in struct {
		Kind        string         `arg:"kind"`
		Paths       strList        `arg:"image_json_path"`
		APIVersion  string         `arg:"api_version"`
		ImageObject starlark.Value `arg:"image_object"`
		Readiness   readiness      `arg:"pod_readiness"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	sel, err := newSelector(in.APIVersion, in.Kind, "", "")
	if err != nil {
		return nil, err
	}
	if len(in.Paths) > 0 && in.ImageObject != nil {
		return nil, sayf("Cannot specify both image_json_path and image_object")
	}
	rule := c.run.yaml.rule(sel)
	rule.workload = true
	if len(in.Paths) > 0 {
		if rule.paths, err = parsePaths(in.Paths); err != nil {
			return nil, err
		}
	}
	if in.ImageObject != nil {
		if err := rule.setImageObject(in.ImageObject); err != nil {
			return nil, c.errorf("for parameter image_object: %w", err)
		}
	}
	if in.Readiness != "" {
		rule.readiness = config.PodReadiness(in.Readiness)
	}
	return starlark.None, nil
}

// rule returns the rule of a selector, a new one the first time.
func (y *yamlState) rule(sel selector) *kindRule {
	for _, k := range y.kinds {
		if k.selector.key == sel.key {
			return k
		}
	}
	k := &kindRule{selector: sel}
	y.kinds = append(y.kinds, k)
	return k
}

func parsePaths(texts []string) ([]jsonPath, error) {
	var paths []jsonPath
	for _, t := range texts {
		p, err := parseJSONPath(t)
		if err != nil {
			return nil, err
		}
		paths = append(paths, p)
	}
	return paths, nil
}

func (k *kindRule) setImageObject(v starlark.Value) error {
	d, ok := v.(*starlark.Dict)
	if !ok {
		return errors.New("must be a dict with keys 'json_path', 'repo_field' and 'tag_field'")
	}
	values := map[string]string{}
	for _, item := range d.Items() {
		key, _ := asString(item[0])
		value, ok := asString(item[1])
		if !ok || key != "json_path" && key != "repo_field" && key != "tag_field" {
			return fmt.Errorf("unexpected entry %s: %s", item[0], item[1])
		}
		values[key] = value
	}
	for _, key := range []string{"json_path", "repo_field", "tag_field"} {
		if values[key] == "" {
			return sayf("Expected key %q", key)
		}
	}
	paths, err := parsePaths([]string{values["json_path"]})
	k.paths, k.repoField, k.tagField = paths, values["repo_field"], values["tag_field"]
	return err
}

// findImages adds the images at the rule's paths.
func (k *kindRule) findImages(c *Cache, o *object) error {
	for _, p := range k.paths {
		for _, n := range p.find(o.Content) {
			if k.repoField == "" {
				if err := o.addImage(c, n.value, n.path); err != nil {
					return err
				}
				continue
			}
			fields, _ := n.value.(map[string]any)
			repo, _ := fields[k.repoField].(string)
			if repo == "" {
				continue
			}
			if tag, _ := fields[k.tagField].(string); tag != "" {
				repo += ":" + tag
			}
			name, err := parseName(c, repo)
			if err != nil {
				return fmt.Errorf("parsing image %s: %w", repo, err)
			}
			o.refs = append(o.refs, foundImage{name: name, ref: config.ImageRef{Path: n.path, RepoField: k.repoField, TagField: k.tagField}})
		}
	}
	return nil
}

func (c *call) k8sImageJSONPath() (starlark.Value, error) {
	var in struct {
		Paths      strList `arg:"paths"`
		APIVersion string  `arg:"api_version"`
		Kind       string  `arg:"kind"`
		Name       string  `arg:"name"`
		Namespace  string  `arg:"namespace"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	if in.Kind == "" && in.Name == "" && in.Namespace == "" {
		return nil, errors.New("at least one of kind, name, or namespace must be specified")
	}
	sel, err := newSelector(in.APIVersion, in.Kind, in.Name, in.Namespace)
	if err != nil {
		return nil, err
	}
	rule := c.run.yaml.rule(sel)
	rule.workload = true
	rule.paths, err = parsePaths(in.Paths)
	return starlark.None, err
}
