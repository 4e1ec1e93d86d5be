package eval

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/starlark/assembly"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/graph"
)

// enable decides which resources are enabled: those that the Tiltfile or the
// arguments name, and what they depend on.
func (r *run) enable() error {
	names, all := r.flags.Enabled()
	for i := range r.project.Resources {
		res := &r.project.Resources[i]
		res.Enabled = all || res.Name == assembly.Uncategorized && len(names) > 0
	}
	if all {
		return nil
	}
	unknown := graph.Enable(r.project.Resources, names)
	if len(unknown) > 0 {
		var others []string
		for _, res := range r.project.Resources {
			if !slices.Contains(names, res.Name) {
				others = append(others, res.Name)
			}
		}
		return &fault.Located{
			Err:  fault.Tiltf("You specified some resources that could not be found: %s\nIs this a typo? Existing resources in Tiltfile: %s", quoted(unknown), quoted(others)),
			Hint: nameHint(unknown, others),
		}
	}
	return nil
}

// someNames is how many names a hint lists.
const someNames = 8

// nameHint says which resources may be meant by names that none has.
func nameHint(unknown, others []string) string {
	var near []string
	for _, name := range unknown {
		if n := decl.Nearest(name, others); n != "" {
			near = append(near, n)
		}
	}
	if len(near) > 0 {
		return "did you mean " + strings.Join(near, " and ") + "?"
	}
	if more := len(others) - someNames; more > 0 {
		return fmt.Sprintf("there are %s and %d more", strings.Join(others[:someNames], ", "), more)
	}
	return "there are " + strings.Join(others, ", ")
}

// checkDeps checks what resources depend on.
func (r *run) checkDeps() error {
	warnings, err := graph.Check(r.project.Resources)
	r.warnings = append(r.warnings, warnings...)
	r.warnFollows()
	return err
}

// warnFollows warns of a towline.follow() that is about nothing.
func (r *run) warnFollows() {
	for _, name := range slices.Sorted(maps.Keys(r.follows)) {
		i := slices.IndexFunc(r.project.Resources, func(res config.Resource) bool { return res.Name == name })
		switch {
		case i < 0:
			r.warnAt(r.follows[name], fmt.Sprintf("towline.follow has no effect: there is no resource %q", name))
		case len(r.project.Resources[i].ResourceDeps) == 0:
			r.warnAt(r.follows[name], fmt.Sprintf("towline.follow has no effect: resource %q has no resource_deps", name))
		}
	}
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = strconv.Quote(n)
	}
	return strings.Join(all, ", ")
}
