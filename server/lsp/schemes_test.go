package lsp

import (
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.lsp.dev/uri"
)

const schemesText = "load('./x', 'y')\nk8s_yaml('a.yaml')\ndef f(a):\n    return a\nf(undefd)\nlocal_resource('x', 'true', deps=['.'])\n"

// TestDocumentsThatAreNoFiles opens Tiltfiles under URIs that name no file, or
// none that is here: each request is answered, with help where the text alone
// gives it, and the server goes on.
func TestDocumentsThatAreNoFiles(t *testing.T) {
	h := open(t, setup{files: map[string]string{"Tiltfile": "a = 1\n", "folder/Tiltfile/x": ""}, patience: time.Minute})
	h.didOpen("Tiltfile", "tiltfile", "a = 1\n")
	if err := syscall.Mkfifo(h.path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	main := h.path("Tiltfile")
	for _, u := range []string{
		"untitled:Untitled-1", "untitled:" + main, "git:" + main + "?%7B%22path%22%3A%22" + main + "%22%2C%22ref%22%3A%22~%22%7D",
		"private:/c%3A/x/Tiltfile#preview", "vscode-notebook-cell:/x/Tiltfile#ch0", "vscode-remote://wsl%2Bubuntu" + main,
		"fugitive://" + h.path(".git") + "//0/Tiltfile", "oil://" + h.dir + "/", "zipfile:///a.zip::Tiltfile",
		"file:///", "file:Tiltfile", "file://otherhost" + main, "file:///C:/proj/Tiltfile", "file:///c%3A/proj/Tiltfile",
		"file:///a%2Fb/Tiltfile", "file://" + h.dir + "/%00/Tiltfile", "file://" + h.dir + "/Tiltfile#L3", "file://" + h.dir + "/Tiltfile?x=1",
		h.uri("new/Tiltfile"), h.uri("folder/Tiltfile"), h.uri("pipe"), h.uri(strings.Repeat("long/", 2000) + "Tiltfile"), "",
	} {
		shown := u[:min(len(u), 50)]
		doc := map[string]any{"uri": u}
		h.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": u, "languageId": "tiltfile", "version": 1, "text": schemesText}})
		for _, method := range documentMethods {
			params := map[string]any{
				"textDocument": doc, "position": span(2, 4, 0, 0)["start"], "range": span(0, 0, 6, 0), "newName": "g",
				"context": map[string]any{"diagnostics": []any{}, "includeDeclaration": true}, "options": map[string]any{"tabSize": 4, "insertSpaces": true},
				"positions": []any{map[string]any{"line": 2, "character": 4}}, "previousResultId": "",
			}
			if err := h.Call(h.ctx, method, params, nil); err != nil {
				t.Errorf("%s of %q: %v", method, shown, err)
			}
		}
		var hover struct{ Contents struct{ Value string } }
		h.call("textDocument/hover", map[string]any{"textDocument": doc, "position": map[string]any{"line": 1, "character": 3}}, &hover)
		if !strings.Contains(hover.Contents.Value, "k8s_yaml") {
			t.Errorf("hover in %q: %q", shown, hover.Contents.Value)
		}
		h.notify("textDocument/didChange", map[string]any{
			"textDocument": map[string]any{"uri": u, "version": 2}, "contentChanges": []any{map[string]any{"text": schemesText + "g = 1\n"}},
		})
		h.notify("textDocument/didSave", map[string]any{"textDocument": doc})
		h.notify("textDocument/didClose", map[string]any{"textDocument": doc})
	}
	if got := h.ask("textDocument/hover", map[string]any{"line": 0, "character": 0}, nil); !strings.Contains(got, "a: int") {
		t.Errorf("hover in the file that is one: %s", got)
	}
}

// documentMethods are the requests about a document, by the methods that the
// server has.
var documentMethods = []string{
	"textDocument/hover", "textDocument/definition", "textDocument/declaration", "textDocument/references", "textDocument/documentHighlight",
	"textDocument/documentSymbol", "textDocument/codeLens", "textDocument/documentLink", "textDocument/codeAction", "textDocument/inlayHint",
	"textDocument/semanticTokens/full", "textDocument/semanticTokens/range", "textDocument/foldingRange", "textDocument/selectionRange",
	"textDocument/formatting", "textDocument/completion", "textDocument/signatureHelp", "textDocument/prepareRename", "textDocument/rename",
	"textDocument/diagnostic", "textDocument/prepareCallHierarchy",
}

// TestProjectsInsideProjects opens Tiltfiles of nested folders of a repository in
// which none lies above: each is seen from its own folder, whatever the client
// says of folders.
func TestProjectsInsideProjects(t *testing.T) {
	files := map[string]string{
		"svc/one/Tiltfile": "k8s_yaml('one.yaml')\nload('../lib/l.tiltfile', 'f')\nf()\n", "svc/one/one.yaml": "kind: ConfigMap\n",
		"svc/two/Tiltfile": "k8s_yaml('two.yaml')\nk8s_yaml('one.yaml')\n", "svc/two/two.yaml": "kind: ConfigMap\n",
		"svc/lib/l.tiltfile": "def f(): pass\n", "README": "",
	}
	for name, client := range map[string]func(h *harness) map[string]any{
		"the repository":     func(h *harness) map[string]any { return folders(h.uri("")) },
		"no folders":         func(*harness) map[string]any { return map[string]any{"rootUri": nil} },
		"null":               func(*harness) map[string]any { return map[string]any{"rootUri": nil, "workspaceFolders": nil} },
		"a root alone":       func(h *harness) map[string]any { return map[string]any{"rootUri": h.uri("")} },
		"a path alone":       func(h *harness) map[string]any { return map[string]any{"rootUri": nil, "rootPath": h.dir} },
		"another folder":     func(*harness) map[string]any { return folders(string(uri.File("/usr/share"))) },
		"one of the two":     func(h *harness) map[string]any { return folders(h.uri("svc/one")) },
		"both":               func(h *harness) map[string]any { return folders(h.uri("svc/one"), h.uri("svc/two")) },
		"inside and outside": func(h *harness) map[string]any { return folders(h.uri(""), h.uri("svc/two")) },
	} {
		t.Run(name, func(t *testing.T) {
			h := begin(t, setup{files: files})
			params := client(h)
			params["processId"], params["capabilities"] = nil, json.RawMessage(everything)
			h.call("initialize", params, nil)
			h.notify("initialized", map[string]any{})
			seen := func() {
				t.Helper()
				await(h, published, codes(h.uri("svc/two/Tiltfile"), "missing-file"))
			}
			h.didOpen("svc/one/Tiltfile", "tiltfile", files["svc/one/Tiltfile"])
			await(h, published, codes(h.uri("svc/one/Tiltfile")))
			h.didOpen("svc/two/Tiltfile", "tiltfile", files["svc/two/Tiltfile"])
			seen()
			for _, dir := range []string{"one", "two"} {
				at := map[string]any{"textDocument": h.doc("svc/" + dir + "/Tiltfile"), "position": map[string]any{"line": 0, "character": 10}}
				var list struct{ Items []struct{ Label string } }
				h.call("textDocument/completion", at, &list)
				var labels []string
				for _, i := range list.Items {
					labels = append(labels, i.Label)
				}
				if other := map[string]string{"one": "two", "two": "one"}[dir]; !slices.Contains(labels, dir+".yaml") || slices.Contains(labels, other+".yaml") {
					t.Errorf("in %s: %q", dir, labels)
				}
			}
			h.mark = h.Mark()
			h.notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{
				"added": []any{map[string]any{"uri": h.uri("svc/two"), "name": "two"}}, "removed": []any{map[string]any{"uri": h.uri(""), "name": "w"}},
			}})
			h.edit("svc/two/Tiltfile", 2, files["svc/two/Tiltfile"]+"\n")
			seen()
		})
	}
}

// folders are the workspace folders of a client.
func folders(uris ...string) map[string]any {
	var list []any
	for _, u := range uris {
		list = append(list, map[string]any{"uri": u, "name": "w"})
	}
	return map[string]any{"rootUri": uris[0], "workspaceFolders": list}
}
