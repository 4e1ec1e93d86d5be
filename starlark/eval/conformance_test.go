package eval

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.starlark.net/syntax"

	"github.com/towline-dev/towline/starlark/decl"
)

// TestConformanceTable writes docs/conformance.md: every built-in and every
// parameter, with a case of testdata that uses it. The cases pass, or this
// package's tests do not, so the table cannot claim what is not so.
func TestConformanceTable(t *testing.T) {
	proofs := provenUses(t)
	var b strings.Builder
	b.WriteString("# Conformance\n\nEvery built-in and parameter, with a test that uses it: a case of `starlark/eval/testdata/FILE.txtar`.\n" +
		"This page is generated from the tests: `go test ./starlark/eval -run Conformance -update`.\n")
	section := ""
	for _, e := range decl.All() {
		if e.Universe || e.Section == "Values" || e.Kind == decl.Module {
			continue
		}
		if e.Section != section {
			section = e.Section
			fmt.Fprintf(&b, "\n## %s\n\n| built-in | parameter | test |\n|---|---|---|\n", section)
		}
		proof := proofs[e.Name]
		if proof == "" {
			proof = "its example in the reference (TestExamples)"
			if e.Example == "" || strings.Contains(e.Example, "ext://") {
				t.Errorf("%s: no case uses it", e.Name)
			}
		}
		fmt.Fprintf(&b, "| `%s` | | %s |\n", e.Name, proof)
		for _, p := range e.Params {
			proof := proofs[e.Name+"."+p.Name]
			if proof == "" && strings.HasPrefix(e.Name, "v1alpha1.") {
				proof = "unpacked by the table's type (TestEveryBuiltinIsInTheTable)"
			}
			if proof == "" && p.Kind < decl.VarArgs {
				t.Errorf("%s: no case uses the parameter %s", e.Name, p.Name)
			}
			fmt.Fprintf(&b, "| | `%s` | %s |\n", p.Name, proof)
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
	if diff := cmp.Diff(string(got), b.String()); diff != "" {
		t.Errorf("%s is not fresh (-have +want):\n%s", file, diff)
	}
}

// provenUses finds what the cases call: "name" and "name.parameter" to the
// case's name.
func provenUses(t *testing.T) map[string]string {
	t.Helper()
	proofs := map[string]string{}
	files, _ := filepath.Glob("testdata/*.txtar")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range splitCases(string(data)) {
			name, _, _ := strings.Cut(strings.TrimPrefix(part, "## "), "\n")
			proof := strings.TrimSuffix(filepath.Base(file), ".txtar") + ": " + name
			for _, f := range txtar.Parse([]byte(part)).Files {
				if strings.Contains(f.Name, "Tiltfile") || !strings.Contains(f.Name, ".") {
					usesOf(f, proof, proofs)
				}
			}
		}
	}
	return proofs
}

func usesOf(f txtar.File, proof string, proofs map[string]string) {
	tree, err := fileOptions().Parse(f.Name, f.Data, 0)
	if err != nil {
		return
	}
	note := func(name string) {
		if proofs[name] == "" {
			proofs[name] = proof
		}
	}
	syntax.Walk(tree, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.LoadStmt:
			note("load")
			note("load.path")
		case *syntax.Ident:
			note(n.Name)
		case *syntax.DotExpr:
			note(dotted(n))
		case *syntax.CallExpr:
			if e, ok := decl.Lookup(dotted(n.Fn)); ok {
				noteArgs(n, e, note)
			}
		}
		return true
	})
}

func noteArgs(call *syntax.CallExpr, e *decl.Entry, note func(string)) {
	for i, a := range call.Args {
		if b, ok := a.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
			if id, ok := b.X.(*syntax.Ident); ok && slices.ContainsFunc(e.Params, func(p decl.Param) bool { return p.Name == id.Name }) {
				note(e.Name + "." + id.Name)
			}
		} else if i < len(e.Params) {
			note(e.Name + "." + e.Params[i].Name)
		}
	}
}

// dotted is an expression such as os.path.join as text, "" for others.
func dotted(x syntax.Expr) string {
	switch x := x.(type) {
	case *syntax.Ident:
		return x.Name
	case *syntax.DotExpr:
		if left := dotted(x.X); left != "" {
			return left + "." + x.Name.Name
		}
	}
	return ""
}
