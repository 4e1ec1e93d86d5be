package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/decl"
)

// someNames is how many names a sentence lists.
const someNames = 8

// NoResource says that a name is no resource's, and which it may mean.
func NoResource(name string, known []string) *config.Problem {
	return &config.Problem{Message: fmt.Sprintf("there is no resource %q", name), Hint: NearOnes(name, known)}
}

// NearOnes names the resources that a wrong name may mean, or some if none is
// near.
func NearOnes(name string, known []string) string {
	known = slices.Sorted(slices.Values(known))
	var near []string
	for _, k := range known {
		if decl.Nearest(name, []string{k}) != "" || name != "" && strings.Contains(strings.ToLower(k), strings.ToLower(name)) {
			near = append(near, k)
		}
	}
	switch {
	case len(known) == 0:
		return "there are no resources: `towline status` shows why"
	case len(near) > 0:
		return "did you mean " + Listed(near, someNames, " or ") + "?"
	case len(known) == 1:
		return "there is only " + known[0]
	}
	return "there are " + Listed(known, someNames, " and ")
}

// Listed joins names, the first few of them.
func Listed(names []string, limit int, last string) string {
	switch {
	case len(names) == 0:
		return ""
	case len(names) > limit:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:limit], ", "), len(names)-limit)
	case len(names) == 1:
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + last + names[len(names)-1]
}
