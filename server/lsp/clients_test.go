package lsp

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const plainMain = "def f(a, b=1):\n    '''Doc.'''\n    return a\nf(1)\nk8s_re\nx = 1; y = 2\n"

// TestPlainClient has a client say nothing of what it takes.
func TestPlainClient(t *testing.T) {
	h := open(t, setup{capabilities: `{}`, files: map[string]string{"Tiltfile": plainMain}})
	h.didOpen("Tiltfile", "tiltfile", plainMain)
	at := func(line, character int) map[string]any {
		return map[string]any{"textDocument": h.doc("Tiltfile"), "position": map[string]any{"line": line, "character": character}}
	}
	var hover struct{ Contents struct{ Kind, Value string } }
	h.call("textDocument/hover", at(3, 0), &hover)
	if got, want := hover.Contents, (struct{ Kind, Value string }{"plaintext", "def f(a, b = 1)\nDoc."}); got != want {
		t.Errorf("hover: %+v", got)
	}
	var list struct{ Items []json.RawMessage }
	h.call("textDocument/completion", at(4, 6), &list)
	for _, item := range list.Items {
		for _, word := range []string{"markdown", "insertTextMode", `"tags"`, `"insertTextFormat"`} {
			if strings.Contains(string(item), word) {
				t.Errorf("%s in %s", word, item)
			}
		}
	}
	var help struct {
		Signatures []struct {
			Documentation struct{ Kind string }
			Parameters    []struct{ Label any }
		}
	}
	h.call("textDocument/signatureHelp", at(3, 2), &help)
	if s := help.Signatures[0]; s.Documentation.Kind != "plaintext" || s.Parameters[1].Label != "b = 1" {
		t.Errorf("signature: %+v", s)
	}
	var symbols []struct {
		Name, ContainerName string
		Location            struct{ URI string }
		Children            []any
	}
	h.call("textDocument/documentSymbol", map[string]any{"textDocument": h.doc("Tiltfile")}, &symbols)
	if len(symbols) != 3 || symbols[0].Location.URI != h.uri("Tiltfile") {
		t.Errorf("symbols: %+v", symbols)
	}
	var edit map[string]any
	h.call("textDocument/rename", map[string]any{"textDocument": h.doc("Tiltfile"), "position": map[string]any{"line": 3, "character": 0}, "newName": "g"}, &edit)
	if edit["changes"] == nil || edit["documentChanges"] != nil {
		t.Errorf("rename: %v", edit)
	}
	var actions []any
	h.call("textDocument/codeAction", map[string]any{"textDocument": h.doc("Tiltfile"), "range": span(4, 0, 4, 6), "context": []any{}}, &actions)
	if len(actions) > 0 {
		t.Errorf("actions: %v", actions)
	}
	d := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return len(d.Diagnostics) > 0 })
	raw, _ := json.Marshal(h.Received())
	if strings.Contains(string(raw), "codeDescription") || len(d.Diagnostics[0].Related) > 0 {
		t.Errorf("diagnostics: %s", raw)
	}
}

func TestPlainText(t *testing.T) {
	for markdown, want := range map[string]string{
		"```python\nf(`a`)\n\n\nb\n```\nSee **this** and `that`.": "f(`a`)\n\nb\nSee this and that.",
		"[docs](https://example.com/a)  \n<https://example.com>":  "docs (https://example.com/a)\nhttps://example.com",
		"a\n\n---\n\n**ready** \\* x":                             "a\n\nready * x",
		"# Head\n- item":                                          "Head\n- item",
		"":                                                        "",
	} {
		if diff := cmp.Diff(want, plainText(markdown)); diff != "" {
			t.Errorf("%q (-want +got)\n%s", markdown, diff)
		}
	}
}

// TestEditsCarryVersions renames across an open file, an edited one and one
// that is not open.
func TestEditsCarryVersions(t *testing.T) {
	files := map[string]string{"Tiltfile": "load('a.star', 'f')\nf()\n", "a.star": "load('b.star', 'g')\ndef f():\n    g()\n", "b.star": "load('a.star', 'f')\ndef g():\n    f()\n"}
	h := open(t, setup{files: files, capabilities: `{"workspace":{"workspaceEdit":{"documentChanges":true}},"textDocument":{"codeAction":{"codeActionLiteralSupport":{"codeActionKind":{"valueSet":["quickfix"]}}}}}`})
	h.didOpen("Tiltfile", "tiltfile", files["Tiltfile"])
	h.didOpen("a.star", "starlark", files["a.star"])
	h.edit("a.star", 41, "# top\n", 0, 0, 0, 0)
	var got struct {
		Changes         any
		DocumentChanges []struct {
			TextDocument struct {
				URI     string
				Version *int
			}
			Edits []any
		}
	}
	h.call("textDocument/rename", map[string]any{"textDocument": h.doc("a.star"), "position": map[string]any{"line": 2, "character": 4}, "newName": "fn"}, &got)
	versions := map[string]any{}
	for _, c := range got.DocumentChanges {
		versions[c.TextDocument.URI] = nil
		if v := c.TextDocument.Version; v != nil {
			versions[c.TextDocument.URI] = *v
		}
	}
	want := map[string]any{h.uri("Tiltfile"): 1, h.uri("a.star"): 41, h.uri("b.star"): nil}
	if diff := cmp.Diff(want, versions); diff != "" || got.Changes != nil {
		t.Errorf("versions (-want +got)\n%s", diff)
	}
	// Edits of actions are of a version as well.
	h.edit("Tiltfile", 2, "load('a.star', 'f')\nff()\n")
	var actions []struct {
		Edit struct {
			DocumentChanges []struct{ TextDocument struct{ Version int } }
		}
	}
	h.call("textDocument/codeAction", map[string]any{"textDocument": h.doc("Tiltfile"), "range": span(1, 0, 1, 2), "context": map[string]any{"diagnostics": []any{}}}, &actions)
	if len(actions) == 0 || actions[0].Edit.DocumentChanges[0].TextDocument.Version != 2 {
		t.Errorf("actions: %+v", actions)
	}
}

// TestTheClientsSpelling opens files under URIs that are spelled in ways of
// their own, and asks for them in others.
func TestTheClientsSpelling(t *testing.T) {
	files := map[string]string{"a+b/Tiltfile": "load('l.star', 'f')\nf(1)\nq = 1\n", "a+b/l.star": "def f():\n    pass\n"}
	h := open(t, setup{files: files})
	spell := map[string]string{
		"a+b/Tiltfile": "file://localhost" + strings.ReplaceAll(h.path("a+b"), "+", "%2b") + "/./Tilt%66ile",
		"a+b/l.star":   "file:/" + h.path("a+b") + "//l.star",
	}
	if strings.HasPrefix(spell["a+b/l.star"], "file://") {
		spell["a+b/l.star"] = "file://" + h.path("a+b") + "//l.star"
	}
	for name, u := range spell {
		h.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": u, "languageId": "tiltfile", "version": 1, "text": files[name]}})
	}
	main, lib := spell["a+b/Tiltfile"], spell["a+b/l.star"]
	got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return len(d.Diagnostics) > 0 })
	if got.URI != main {
		t.Errorf("diagnostics of %s", got.URI)
	}
	// Asked for as others spell it.
	at := map[string]any{"textDocument": h.doc("a+b/Tiltfile"), "position": map[string]any{"line": 1, "character": 0}}
	var locations []struct{ URI string }
	h.call("textDocument/definition", at, &locations)
	if len(locations) != 1 || locations[0].URI != lib {
		t.Errorf("definition: %+v", locations)
	}
	var edit struct{ Changes map[string]any }
	at["newName"] = "g"
	h.call("textDocument/rename", at, &edit)
	if len(edit.Changes) != 2 || edit.Changes[main] == nil || edit.Changes[lib] == nil {
		t.Errorf("rename: %+v", edit)
	}
	// Closed under yet another spelling, what was shown goes where it was shown.
	h.write("a+b/l.star", "def f(n):\n    pass\n")
	h.notify("textDocument/didClose", map[string]any{"textDocument": h.doc("a+b/Tiltfile")})
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == main && len(d.Diagnostics) == 0 })
	for _, m := range h.Received() {
		if strings.Contains(string(m.Params), h.uri("a+b/Tiltfile")) {
			t.Errorf("in normal form: %s %s", m.Method, m.Params)
		}
	}
}

// TestDependentsAreAskedForAgain edits a library for a client that pulls.
func TestDependentsAreAskedForAgain(t *testing.T) {
	h := open(t, setup{
		files:        map[string]string{"Tiltfile": "load('mid.star', 'f')\nf(1)\n", "mid.star": "load('l.star', g='f')\nf = g\n", "l.star": "def f():\n    pass\n"},
		capabilities: `{"textDocument":{"diagnostic":{}},"workspace":{"diagnostics":{"refreshSupport":true}}}`,
	})
	h.didOpen("Tiltfile", "tiltfile", "load('mid.star', 'f')\nf(1)\n")
	h.didOpen("l.star", "starlark", "def f():\n    pass\n")
	h.mark = h.Mark()
	h.edit("l.star", 2, "def f(n):\n    pass\n")
	await[any](h, "workspace/diagnostic/refresh", nil)
}

// TestRenameElsewhere asks a server that is attached to all files about one of
// another language.
func TestRenameElsewhere(t *testing.T) {
	h := open(t, setup{capabilities: `{"textDocument":{"rename":{"prepareSupport":true}}}`})
	h.didOpen("main.go", "go", "package main\n")
	at := map[string]any{"textDocument": h.doc("main.go"), "position": map[string]any{"line": 0, "character": 9}, "newName": "x"}
	for _, method := range []string{"textDocument/prepareRename", "textDocument/rename"} {
		var got any
		if h.call(method, at, &got); got != nil {
			t.Errorf("%s: %v", method, got)
		}
	}
}
