package lsp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/workspace"
)

// TestInterfaces edits a file and says whether those that load it may notice.
func TestInterfaces(t *testing.T) {
	const text = "load('./c', 'c')\nx = 1\ndef f(a):\n    return x\nlocal('true')\n# note\nlocal('x')\nconfig.define_string('s')\nlocal('z')\n# end\n"
	docs := workspace.New()
	if err := docs.Open(&workspace.Document{URI: "u", Path: "/w/b.tiltfile", Text: workspace.NewText(text)}); err != nil {
		t.Fatal(err)
	}
	seen := interfaces{}
	touched := map[string]bool{"u": true}
	check := func(what string, want bool) {
		t.Helper()
		if got := len(seen.changed(docs.Snapshot(), touched)) > 0; got != want {
			t.Errorf("%s: changed is %v", what, got)
		}
	}
	check("new", true)
	check("the same", false)
	edit := func(old, replacement string, want bool) {
		t.Helper()
		now := strings.Replace(docs.Snapshot().Document("u").Text.String(), old, replacement, 1)
		if err := docs.Change("u", 2, workspace.UTF8, []workspace.Change{{Text: now}}); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("%q for %q", replacement, old), want)
	}
	edit("true", "false", false)
	edit("# note", "# a note", false)
	edit("# end", "# the end", false)
	edit("local('x')\n", "local('x')\nlocal('y')\n", false)
	edit("return x", "return [x]", true)
	edit("x = 1", "x = 2", true)
	edit("'c')", "'c', 'd')", true)
	edit("'s'", "'other'", true)
	edit("# the end", "y = (", true)
	edit("y = (", "y = 3", true)
	if err := docs.Close("u"); err != nil {
		t.Fatal(err)
	}
	check("closed", true)
}

// TestDependents edits what another open file loads.
func TestDependents(t *testing.T) {
	h := open(t, setup{files: map[string]string{"lib.tiltfile": "def f(a):\n    pass\n", "Tiltfile": ""}})
	h.didOpen("lib.tiltfile", "tiltfile", "def f(a):\n    pass\n")
	h.didOpen("Tiltfile", "tiltfile", "load('./lib.tiltfile', 'f')\nf(1)\n")
	ours := func(code string) func(diagnostics) bool {
		return func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") && (code == "" || has(d, code)) }
	}
	await(h, "textDocument/publishDiagnostics", ours(""))
	h.edit("lib.tiltfile", 2, ", b", 0, 7, 0, 7)
	await(h, "textDocument/publishDiagnostics", ours("missing-argument"))
	h.edit("lib.tiltfile", 3, "g", 0, 4, 0, 5)
	await(h, "textDocument/publishDiagnostics", ours("unknown-export"))
}
