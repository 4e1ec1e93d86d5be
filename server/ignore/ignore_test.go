package ignore

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

func TestRules(t *testing.T) {
	for _, test := range []struct {
		patterns, path  string // of /w
		ignored, pruned bool
	}{
		{"*", "/w/a", true, true},
		{"*", "/w/..data", true, true}, // as Kubernetes names the folders of a volume
		{"..data", "/w/..data", true, true},
		{"/..data", "/w/..data/file", true, true},
		{"..*", "/w/..2024_01_01", true, true},
		{"**/..data", "/w/conf/..data/key", true, true},
		{"* !..data", "/w/..data/key", false, false},
		{"...", "/w/...", true, true},
		{"*", "/w", false, false}, // its own folder
		{"*", "/", false, false},
		{"*", "/w2/a", false, false},
		{"../w2", "/w2/a", false, false},
		{"* !keep", "/w/keep", false, false},
		{"* !keep", "/w/other", true, false}, // it may be asked for what it holds
		{"a/*", "/w/a/b/c", true, true},
		{"a/*", "/w/a", false, false},
	} {
		r, problem := New(config.Ignore{Base: "/w", Patterns: strings.Fields(test.patterns)})
		if problem != nil {
			t.Errorf("%q: %v", test.patterns, problem)
			continue
		}
		ignored, err := r.Ignores(test.path)
		if ignored != test.ignored || r.Prunes(test.path) != test.pruned || err != nil {
			t.Errorf("%q of %s: ignored %v, pruned %v, %v; want %v and %v", test.patterns, test.path, ignored, r.Prunes(test.path), err, test.ignored, test.pruned)
		}
	}
}

func TestBadPatternNamesItsFile(t *testing.T) {
	_, problem := New(config.Ignore{Base: "/w", Patterns: []string{"a["}, Source: "/w/.dockerignore"})
	if problem == nil || problem.Hint == "" || problem.Pos.File != "/w/.dockerignore" {
		t.Errorf("problem %+v", problem)
	}
}
