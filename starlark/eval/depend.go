package eval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
)

// checkDeps drops dependencies on resources that there are not, with a
// warning, and refuses cycles.
func (r *run) checkDeps() error {
	known := make(map[string]*config.Resource, len(r.project.Resources))
	for i := range r.project.Resources {
		known[r.project.Resources[i].Name] = &r.project.Resources[i]
	}
	for i := range r.project.Resources {
		res := &r.project.Resources[i]
		var deps []string
		for _, d := range res.ResourceDeps {
			switch {
			case d == res.Name:
				return &fault.Located{Pos: res.Pos, Err: fmt.Errorf("resource %s specified a dependency on itself", res.Name)}
			case known[d] == nil:
				r.warnAt(res.Pos, fmt.Sprintf("resource %s specified a dependency on unknown resource %s - dependency ignored", res.Name, d))
			default:
				deps = append(deps, d)
			}
		}
		res.ResourceDeps = deps
	}
	state := make(map[string]int, len(known))
	for i := range r.project.Resources {
		if cycle := findCycle(known, r.project.Resources[i].Name, state, nil); cycle != nil {
			return &fault.Located{Pos: known[cycle[0]].Pos, Err: fmt.Errorf("cycle detected in resource dependency graph: %s", strings.Join(cycle, " -> "))}
		}
	}
	return nil
}

// findCycle returns the names of a cycle that a resource leads to, the first
// again at the end.
func findCycle(known map[string]*config.Resource, name string, state map[string]int, path []string) []string {
	const visiting, done = 1, 2
	switch state[name] {
	case done:
		return nil
	case visiting:
		return append(path[slices.Index(path, name):], name)
	}
	path = append(path, name)
	state[name] = visiting
	for _, d := range known[name].ResourceDeps {
		if cycle := findCycle(known, d, state, path); cycle != nil {
			return cycle
		}
	}
	state[name] = done
	return nil
}
