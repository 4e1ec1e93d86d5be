// Package graph looks at which resources depend on which: on none that is not
// there, in no circle, and on what is enabled.
package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
)

// Check drops dependencies on resources that there are not, with a warning, and
// refuses cycles.
func Check(resources []config.Resource) (warnings []config.Problem, err error) {
	known := index(resources)
	for i := range resources {
		res := &resources[i]
		var deps []string
		for _, d := range res.ResourceDeps {
			switch {
			case d == res.Name:
				return warnings, &fault.Located{Pos: res.Pos, Err: fmt.Errorf("resource %s specified a dependency on itself", res.Name)}
			case known[d] == nil:
				warnings = append(warnings, config.Problem{Pos: res.Pos, Message: fmt.Sprintf("resource %s specified a dependency on unknown resource %s - dependency ignored", res.Name, d)})
			default:
				deps = append(deps, d)
			}
		}
		res.ResourceDeps = deps
	}
	state := make(map[string]int, len(known))
	for i := range resources {
		if cycle := findCycle(known, resources[i].Name, state, nil); cycle != nil {
			return warnings, &fault.Located{Pos: known[cycle[0]].Pos, Err: fmt.Errorf("cycle detected in resource dependency graph: %s", strings.Join(cycle, " -> "))}
		}
	}
	return warnings, nil
}

func index(resources []config.Resource) map[string]*config.Resource {
	known := make(map[string]*config.Resource, len(resources))
	for i := range resources {
		known[resources[i].Name] = &resources[i]
	}
	return known
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

// Enable enables the resources of these names and what they depend on. It
// returns the names that no resource has.
func Enable(resources []config.Resource, names []string) (unknown []string) {
	known := index(resources)
	var visit func(string)
	visit = func(name string) {
		if res := known[name]; res != nil && !res.Enabled {
			res.Enabled = true
			for _, d := range res.ResourceDeps {
				visit(d)
			}
		}
	}
	for _, n := range names {
		if known[n] == nil {
			unknown = append(unknown, n)
		}
		visit(n)
	}
	return unknown
}
