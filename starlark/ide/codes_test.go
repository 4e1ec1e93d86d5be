package ide

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocs keeps docs/diagnostics.md as the table says; -update writes it.
func TestDocs(t *testing.T) {
	const name = "../../docs/diagnostics.md"
	if *update {
		if err := os.WriteFile(name, []byte(Docs()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Docs(), string(got)); diff != "" {
		t.Errorf("run go test ./starlark/ide -update\n%s", diff)
	}
	for i, c := range Codes() {
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(c.ID) || c.Severity == 0 || c.Doc == "" {
			t.Errorf("code %+v", c)
		}
		for _, d := range Codes()[:i] {
			if d.ID == c.ID {
				t.Errorf("%s stands twice in the table", c.ID)
			}
		}
	}
}
