package eval

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/decl"
)

// TestConformanceTable writes docs/conformance.md: every built-in and every
// parameter, with a case of testdata that proves it: a case whose result is
// another when the argument is left out. The cases pass, or this package's
// tests do not, so the table cannot claim what is not so.
func TestConformanceTable(t *testing.T) {
	uses := collectUses(proofCases(t))
	var b strings.Builder
	b.WriteString("# Conformance\n\nEvery built-in and parameter, with a test that proves what it *evaluates* to: a case of `starlark/eval/testdata/FILE.txtar`.\n" +
		"The case of a parameter comes to another result when the argument is left out. That alone does not bring anything up; the last\n" +
		"column says what *acts* on the result: the field of the project (`starlark/config`) and the functions that would do something else\n" +
		"without it. \"evaluated\" is what is done with the evaluation: values, files, which resources there are. \"warns\" has no effect\n" +
		"yet, and the call says so. That no parameter is without such a function, and that it reads the field, is a test of\n" +
		"`starlark/decl`; `go test ./internal/acts -run Without -without -timeout 2h` takes each field away from each function, and a\n" +
		"test of its package has to go red.\n\n" +
		"This page is generated from the tests: `go test ./starlark/eval -run Conformance -update`.\n")
	section := ""
	for _, e := range decl.All() {
		if e.Universe || e.Section == "Values" || e.Kind == decl.Module {
			continue
		}
		if e.Section != section {
			section = e.Section
			fmt.Fprintf(&b, "\n## %s\n\n| built-in | parameter | test | acts |\n|---|---|---|---|\n", section)
		}
		proof := "its example in the reference (TestExamples)"
		if c := uses.names[e.Name]; c != nil {
			proof = c.name
		} else if e.Example == "" || strings.Contains(e.Example, "ext://") {
			t.Errorf("%s: no case uses it", e.Name)
		}
		fmt.Fprintf(&b, "| `%s` | | %s | %s |\n", e.Name, proof, acting(e, decl.Param{}))
		for _, p := range e.Params {
			fmt.Fprintf(&b, "| | `%s` | %s | %s |\n", p.Name, uses.proof(t, e, p), acting(e, p))
		}
	}
	file := filepath.Join("..", "..", "docs", "conformance.md")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(got), b.String()); diff != "" {
		t.Errorf("%s is not fresh (-have +want):\n%s", file, diff)
	}
}

// acting is what the table of starlark/decl says that acts on a parameter.
func acting(e *decl.Entry, p decl.Param) string {
	act, ok := decl.ActOf(e, p)
	if !ok && len(e.Params) > 0 && p.Name == "" {
		return "" // each parameter has a line
	}
	text := ""
	switch {
	case act.Evaluated:
		text = "evaluated"
	case act.Warned:
		text = "warns: " + e.Idle
	case act.Nothing != "":
		text = "nothing: " + act.Nothing
	default:
		text = fmt.Sprintf("%s in %s", act.Field, strings.Join(decl.ActorsOf(act.Field), ", "))
	}
	return text
}

// elsewhere is what proves parameters whose effect a project does not
// show, by the built-in's name or the parameter's.
var elsewhere = map[string]string{
	"experimental_metrics_settings": "accepted, without effect",
	"experimental_telemetry_cmd":    "accepted, without effect",
	"towline.chart.repo_url":        "TestChart",
	"towline.chart.repo_name":       "TestChart",
	"towline.chart.version":         "TestChart",
	"towline.chart.username":        "TestChart",
	"towline.chart.password":        "TestChart",
	"towline.limits.memory_mb":      "TestMemoryIsLimited",
}

// proof names the case that proves a parameter.
func (u *uses) proof(t *testing.T, e *decl.Entry, p decl.Param) string {
	t.Helper()
	key := e.Name + "." + p.Name
	if where := cmp.Or(elsewhere[key], elsewhere[e.Name]); where != "" {
		return where
	}
	found := u.args[key]
	for _, use := range found {
		if p.Required || use.works(t) {
			return use.c.name
		}
	}
	switch {
	case p.Kind >= decl.VarArgs:
		if c := u.names[e.Name]; c != nil && p.Name != "" {
			return c.name
		}
		return ""
	case strings.HasPrefix(e.Name, "v1alpha1."):
		return "unpacked by the table's type (TestEveryBuiltinIsInTheTable)"
	case len(found) > 0 && p.Deprecated:
		return found[0].c.name + " (accepted, without effect)"
	case len(found) > 0 && strings.HasSuffix(p.Name, "_bat"):
		return found[0].c.name + " (a command of Windows)"
	}
	t.Errorf("%s: no case proves the parameter %s (of %d that use it)", e.Name, p.Name, len(found))
	return ""
}
