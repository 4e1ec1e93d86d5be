package assembly

import (
	"fmt"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/manifest"
)

// Rule is what k8s_kind and k8s_image_json_path say: what matches is a workload,
// and this is where it names images. Rules add up, two of the same kind too.
type Rule struct {
	Selector  manifest.Selector
	Paths     []manifest.Path
	RepoField string // with TagField: paths lead to objects
	TagField  string
	Readiness config.PodReadiness
}

// initialRules are the rules that hold without a k8s_kind: jobs have to end,
// and there is no waiting for the pods of scheduled ones. Patterns are found
// anywhere, so that the first holds for CronJobs too; the second prevails.
func initialRules() []*Rule {
	return []*Rule{
		{Selector: manifest.SelectorOf("batch/v1", "job"), Readiness: config.ReadinessSucceeded},
		{Selector: manifest.SelectorOf("batch/v1", "cronjob"), Readiness: config.ReadinessIgnore},
	}
}

// images returns the images at the rule's paths.
func (r *Rule) images(names manifest.Names, content map[string]any) ([]manifest.ImageAt, error) {
	var all []manifest.ImageAt
	for _, p := range r.Paths {
		nodes, err := p.Find(content)
		if err != nil {
			return nil, fault.Tiltf("Matching (json_path=%q): %w", p.Text, err)
		}
		for _, n := range nodes {
			found, err := r.imageAt(names, n, p.Text)
			if err != nil {
				return nil, err
			}
			all = append(all, found)
		}
	}
	return all, nil
}

// imageAt reads the image at a place that a path leads to.
func (r *Rule) imageAt(names manifest.Names, n manifest.Node, path string) (manifest.ImageAt, error) {
	if r.RepoField == "" {
		text, ok := n.Value.(string)
		if !ok {
			return manifest.ImageAt{}, fault.Tiltf("May only match strings (json_path=%q)\nGot Type: %s\nGot Value: %s", path, n.Type(), manifest.Shorten(n.Value))
		}
		name, err := names.ImageName(text)
		if err != nil {
			return manifest.ImageAt{}, fmt.Errorf("error parsing image '%s' at json path '%s': %w", text, path, err)
		}
		return manifest.ImageAt{Name: name, Ref: config.ImageRef{Path: n.Place}}, nil
	}
	fields, ok := n.Value.(map[string]any)
	if !ok {
		return manifest.ImageAt{}, fault.Tiltf("May only match maps (json_path=%q)\nGot Type: %s\nGot Value: %s", path, n.Type(), manifest.Shorten(n.Value))
	}
	text, _ := fields[r.RepoField].(string)
	if tag, _ := fields[r.TagField].(string); tag != "" {
		text += ":" + tag
	}
	name, err := names.ImageName(text)
	if err != nil {
		return manifest.ImageAt{}, fmt.Errorf("error parsing image '%s' at json path '%s': %w", text, path, err)
	}
	return manifest.ImageAt{Name: name, Ref: config.ImageRef{Path: n.Place, RepoField: r.RepoField, TagField: r.TagField}}, nil
}
