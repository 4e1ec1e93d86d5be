package daemon

import (
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestSurroundings are another text when something changes that images depend
// on besides the project, and else the same.
func TestSurroundings(t *testing.T) {
	p := &config.Project{Images: []config.Image{{
		Ref: "web", Args: map[string]string{"PASSED": "", "GIVEN": "x"},
		Secrets: []string{"id=TOKEN", "id=b,env=OTHER", "id=FILED,src=/run/secret"},
	}}}
	e := clusterFacts{}
	seen := map[string]string{}
	is := func(what string, other bool) {
		t.Helper()
		s := e.inputs(p)
		if before, known := seen[s]; known == other {
			t.Errorf("%s: other is %v; known from %q", what, !known, before)
		}
		seen[s] = what
	}
	is("at first", true)
	is("the same", false)
	p.Settings.DefaultRegistry = &config.Registry{Host: "one:5000"}
	is("a registry", true)
	p.Settings.DefaultRegistry = &config.Registry{Host: "one:5000", HostFromCluster: "two:5000"}
	is("its other name", true)
	for _, name := range []string{"PASSED", "TOKEN", "OTHER"} {
		t.Setenv(name, "v")
		is(name, true)
	}
	for _, name := range []string{"GIVEN", "FILED", "UNKNOWN"} {
		t.Setenv(name, "v")
		is(name, false)
	}
	e.registry = &config.Registry{Host: "cluster:5000"}
	is("the cluster's registry", true)
	p.Settings.DefaultRegistry = nil
	is("which wins", false)
	e.platform = "linux/arm64"
	is("another node", true)
}
