package lsp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const linkedMain = "load('lib/a.tiltfile', 'f')\nload('one.tiltfile', 'g')\nk8s_yaml('x.yaml')\nf()\ng()\n"

// throughALink opens a folder by a symbolic link. In it lies a link to a folder
// outside, and one to a file. Paths of the harness go through the link; the
// folder above is returned.
func throughALink(t *testing.T) (h *harness, above string) {
	h = begin(t, setup{files: map[string]string{
		"real/Tiltfile": linkedMain, "real/x.yaml": "kind: ConfigMap\n",
		"shared/a.tiltfile": "def f():\n    pass\n", "shared/b.tiltfile": "def g():\n    pass\n",
	}})
	above = h.dir
	for name, target := range map[string]string{"real/lib": "shared", "real/one.tiltfile": "shared/b.tiltfile", "link": "real"} {
		if err := os.Symlink(h.path(target), h.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	h.dir = filepath.Join(above, "link")
	h.initialize(setup{}, nil)
	h.didOpen("Tiltfile", "tiltfile", linkedMain)
	return h, above
}

// TestAnswersStayBelowTheLink: what a client opened by a link is answered by it,
// else a second tab of the same file opens.
func TestAnswersStayBelowTheLink(t *testing.T) {
	h, above := throughALink(t)
	d := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") })
	if len(d.Diagnostics) > 0 {
		t.Errorf("diagnostics: %+v", d.Diagnostics)
	}
	declaration := map[string]any{"context": map[string]any{"includeDeclaration": true}}
	for _, test := range []struct {
		method, word string
		extra        map[string]any
		want         []string
	}{
		{"definition", "()\ng", nil, []string{"W/lib/a.tiltfile"}},
		{"definition", "()\n", nil, []string{"W/lib/a.tiltfile"}},
		{"definition", "ib/a", nil, []string{"W/lib/a.tiltfile"}},
		{"definition", "ne.tilt", nil, []string{"W/one.tiltfile"}},
		{"definition", ".yaml", nil, []string{"W/x.yaml"}},
		{"references", "()\ng", declaration, []string{"W/lib/a.tiltfile", "W/Tiltfile"}},
		{"rename", "()\ng", map[string]any{"newName": "n"}, []string{"W/lib/a.tiltfile", "W/Tiltfile"}},
		{"rename", "g'", map[string]any{"newName": "n"}, []string{"W/one.tiltfile", "W/Tiltfile"}},
		{"documentLink", "load", nil, []string{"W/lib/a.tiltfile", "W/one.tiltfile", "W/x.yaml"}},
	} {
		got := h.ask("textDocument/"+test.method, place(linkedMain, test.word, 0), test.extra)
		for _, want := range test.want {
			if !strings.Contains(got, `"`+want+`"`) {
				t.Errorf("%s at %q: no %s in %s", test.method, test.word, want, got)
			}
		}
		if strings.Contains(got, above) {
			t.Errorf("%s at %q leaves the link: %s", test.method, test.word, got)
		}
	}
	if got := h.ask("workspace/symbol", nil, map[string]any{"query": ""}); strings.Contains(got, above) || strings.Count(got, `"name":"f"`) != 1 {
		t.Errorf("symbols: %s", got)
	}
}

// TestOneFileByTwoPaths opens the files behind the links by their own paths and
// edits them: who reads them by the links sees it, and edits go to what is open.
func TestOneFileByTwoPaths(t *testing.T) {
	for name, test := range map[string]struct{ file, text, function string }{
		"a linked folder": {"shared/a.tiltfile", "def f(n):\n    pass\n", "f"},
		"a linked file":   {"shared/b.tiltfile", "def g(n):\n    pass\n", "g"},
	} {
		t.Run(name, func(t *testing.T) {
			h, above := throughALink(t)
			link := h.dir
			clean := func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") && len(d.Diagnostics) == 0 }
			await(h, "textDocument/publishDiagnostics", clean)
			h.dir = above
			h.didOpen(test.file, "tiltfile", strings.Replace(test.text, "n", "", 1))
			h.edit(test.file, 2, test.text)
			h.dir = link
			await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool {
				return d.URI == h.uri("Tiltfile") && has(d, "missing-argument")
			})
			got := h.ask("textDocument/rename", place(linkedMain, test.function+"()", 0), map[string]any{"newName": "other"})
			if !strings.Contains(got, filepath.Join(above, test.file)) || !strings.Contains(got, `"W/Tiltfile"`) || strings.Count(got, `"newText":"other"`) != 3 {
				t.Errorf("rename: %s", got)
			}
			h.dir = above
			h.notify("textDocument/didClose", map[string]any{"textDocument": h.doc(test.file)})
			h.dir = link
			await(h, "textDocument/publishDiagnostics", clean)
		})
	}
}
