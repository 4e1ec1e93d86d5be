package tree

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// FuzzFilter reads ignore patterns as people write them. A pattern that does
// not compile is told, and one set of patterns answers the same each time.
func FuzzFilter(f *testing.F) {
	for _, seed := range [][2]string{{"*.log", "a.log"}, {"!a", "a"}, {"**/x", "a/b/x"}, {"[", "["}, {"\\", "a"}, {"..data", "..data/x"}, {"/", "a"}, {"", ""}, {"a/../b", "b"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, patterns, name string) {
		lines := strings.Split(patterns, "\n")
		path := filepath.Join("/src", name)
		var answers []bool
		for range 2 {
			filter, problems := NewFilter([]config.Ignore{{Base: "/src", Patterns: lines, Source: "x"}})
			for _, p := range problems {
				if p.Message == "" {
					t.Errorf("%q: a problem says nothing", patterns)
				}
			}
			answers = append(answers, filter.Keep(path, false), filter.Keep(path, false))
			filter.Keep(path, true)
		}
		for _, a := range answers {
			if a != answers[0] {
				t.Errorf("%q keeps %q: %v", patterns, path, answers)
			}
		}
	})
}
