package eval

import (
	"slices"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
)

// enable decides which resources are enabled: those that the Tiltfile or the
// arguments name, and what they depend on.
func (r *run) enable() error {
	names, all := r.flags.Enabled()
	for i := range r.project.Resources {
		res := &r.project.Resources[i]
		res.Enabled = all || res.Name == uncategorized && len(names) > 0
	}
	if all {
		return nil
	}
	byName := map[string]*config.Resource{}
	for i := range r.project.Resources {
		byName[r.project.Resources[i].Name] = &r.project.Resources[i]
	}
	var unknown []string
	var visit func(string)
	visit = func(name string) {
		if res := byName[name]; res != nil && !res.Enabled {
			res.Enabled = true
			for _, d := range res.ResourceDeps {
				visit(d)
			}
		}
	}
	for _, n := range names {
		if byName[n] == nil {
			unknown = append(unknown, n)
		}
		visit(n)
	}
	if len(unknown) > 0 {
		var others []string
		for _, res := range r.project.Resources {
			if !slices.Contains(names, res.Name) {
				others = append(others, res.Name)
			}
		}
		return fault.Tiltf("You specified some resources that could not be found: %s\nIs this a typo? Existing resources in Tiltfile: %s", quoted(unknown), quoted(others))
	}
	return nil
}
