package ide

import (
	"testing"

	"github.com/towline-dev/towline/starlark/decl"
)

// TestExamples makes sure that nothing is said about the examples of the
// built-ins' documentation but hints.
func TestExamples(t *testing.T) {
	n := 0
	for _, e := range decl.All() {
		if e.Example == "" {
			continue
		}
		n++
		for _, d := range Diagnostics(&Analysis{}, load(e.Example)) {
			if d.Severity < Hint {
				t.Errorf("%s: %s: %s [%s]\n%s", e.Name, d.Severity, d.Message, d.Code, e.Example)
			}
		}
	}
	if n == 0 {
		t.Error("there are no examples")
	}
}
