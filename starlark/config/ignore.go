package config

import "strings"

// Relative returns the patterns without the slash that some begin with: in a
// .dockerignore file "/build" and "build" say the same.
func (i Ignore) Relative() []string {
	out := make([]string, len(i.Patterns))
	for n, p := range i.Patterns {
		bare, negated := strings.CutPrefix(p, "!")
		if len(bare) > 1 {
			bare = strings.TrimPrefix(bare, "/")
		}
		if negated {
			bare = "!" + bare
		}
		out[n] = bare
	}
	return out
}
