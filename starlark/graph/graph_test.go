package graph

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// resources reads "a: b c", a resource a line and what it depends on.
func resources(text string) (all []config.Resource) {
	for line := range strings.Lines(text) {
		name, deps, _ := strings.Cut(strings.TrimSpace(line), ":")
		all = append(all, config.Resource{Name: name, ResourceDeps: strings.Fields(deps)})
	}
	return all
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"a: b\nb:":           "",
		"a: a":               "resource a specified a dependency on itself",
		"a: b\nb: c\nc: b":   "cycle detected in resource dependency graph: b -> c -> b",
		"a: none b\nb: gone": "",
	} {
		all := resources(text)
		warnings, err := Check(all)
		if got := ""; err != nil {
			if got = err.Error(); got != want {
				t.Errorf("%q: %s, want %q", text, got, want)
			}
		} else if want != "" {
			t.Errorf("%q: no error, want %q", text, want)
		}
		if dropped := strings.Count(text, "none") + strings.Count(text, "gone"); len(warnings) != dropped {
			t.Errorf("%q: warnings %v, want %d", text, warnings, dropped)
		}
		if err == nil && strings.Contains(strings.Join(all[0].ResourceDeps, " "), "none") {
			t.Errorf("%q: the dependency on none stays", text)
		}
	}
}

func TestEnable(t *testing.T) {
	all := resources("a: b\nb: c\nc:\nd: a")
	if unknown := Enable(all, []string{"a", "x"}); strings.Join(unknown, " ") != "x" {
		t.Errorf("unknown: %q, want x", unknown)
	}
	for _, res := range all {
		if want := res.Name != "d"; res.Enabled != want {
			t.Errorf("%s is enabled: %v, want %v", res.Name, res.Enabled, want)
		}
	}
}
