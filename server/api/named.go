package api

import (
	"fmt"
	"path"
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

// Named reports whether a pattern means a name: * stands for any letters, ? for
// one. Each name means itself, whatever letters it has.
func Named(pattern, name string) bool {
	ok, _ := path.Match(pattern, name)
	return ok || name == pattern
}

// Unnamed says why a pattern means none of the known names, nil if it means one.
func Unnamed(pattern string, known []string) *config.Problem {
	if slices.ContainsFunc(known, func(name string) bool { return Named(pattern, name) }) {
		return nil
	}
	if p := NoPattern(pattern); p != nil {
		return p
	}
	return NoResource(pattern, known)
}

// NoPattern says that a text cannot be a pattern of names, nil if it can.
func NoPattern(text string) *config.Problem {
	if _, err := path.Match(text, ""); err != nil {
		return &config.Problem{Message: fmt.Sprintf("%q is no pattern of names", text), Hint: "* stands for any letters, ? for one"}
	}
	return nil
}

// Unlabelled says that a label is none of those that resources have, nil if it
// is one.
func Unlabelled(label string, there []string) *config.Problem {
	if slices.Contains(there, label) {
		return nil
	}
	hint := "the Tiltfile gives none: k8s_resource(…, labels=['backend'])"
	if there = slices.Compact(slices.Sorted(slices.Values(there))); len(there) > 0 {
		hint = "there are " + Listed(there, someNames, " and ")
	}
	return &config.Problem{Message: fmt.Sprintf("no resource has the label %q", label), Hint: hint}
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
