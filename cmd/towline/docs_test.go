package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/decl"
)

// TestReference keeps docs/reference.md as the table says; -update writes it.
func TestReference(t *testing.T) {
	const name = "../../docs/reference.md"
	r := &reference{}
	r.all()
	if *update {
		if err := os.WriteFile(name, []byte(r.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.String(), string(got)); diff != "" {
		t.Errorf("run go test ./cmd/towline -update\n%s", diff)
	}
}

// TestReferenceIsComplete looks for everything that the table knows of an
// entry in both formats.
func TestReferenceIsComplete(t *testing.T) {
	for _, plain := range []bool{false, true} {
		for _, e := range decl.All() {
			r := &reference{plain: plain}
			r.entry(e)
			text := unmark(r.String())
			wants := []string{e.Name, e.Purpose, e.Doc, e.Differs, e.Deprecated, e.Type.String()}
			if e.Kind == decl.Module || e.Type.IsNone() {
				wants = wants[:5]
			}
			for _, p := range e.Params {
				wants = append(wants, p.Name, p.Doc, p.Default, p.Type.String(), p.DocName)
			}
			for _, want := range wants {
				if !strings.Contains(text, unmark(want)) {
					t.Errorf("%s, plain %v: the reference lacks %q", e.Name, plain, want)
				}
			}
		}
	}
}
