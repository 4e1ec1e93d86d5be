package lsp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/starlark/config"
)

// The files of the feature tests. The emoji and the ß make characters of
// different width in each encoding stand before what is asked about.
const (
	featureMain = `load('./lib.star', 'helper')
# A comment
# of two lines.
x = '😀'; docker_build('web', '.')
k8s_yaml('app.yaml')
k8s_resource('web', port_forwards=8080)
def f(a):
    return helper(a)
ß = f(1)
# https://example.com/docs
`
	featureLib = `def helper(n):
    """Helps.

    Args:
      n: how much
    """
    return n
`
)

func features(t *testing.T, d *daemons) *harness {
	h := open(t, setup{daemons: d, files: map[string]string{
		"Tiltfile": featureMain, "lib.star": featureLib, "app.yaml": "kind: Pod\n", "Dockerfile": "FROM scratch\n",
	}})
	h.didOpen("Tiltfile", "tiltfile", featureMain)
	return h
}

// place finds the n-th occurrence of a word, from 0, and returns a position
// inside of it in UTF-16 units.
func place(text, word string, n int) map[string]any {
	at := -1
	for range n + 1 {
		at += 1 + strings.Index(text[at+1:], word)
	}
	line := strings.Count(text[:at], "\n")
	column := 0
	for _, r := range text[strings.LastIndexByte(text[:at], '\n')+1 : at+1] {
		column++
		if r > 0xffff {
			column++
		}
	}
	return map[string]any{"line": line, "character": column - 1}
}

// ask sends a request about a place of the Tiltfile.
func (h *harness) ask(method string, at map[string]any, extra map[string]any) string {
	h.t.Helper()
	params := map[string]any{"textDocument": h.doc("Tiltfile")}
	if at != nil {
		params["position"] = at
	}
	for k, v := range extra {
		params[k] = v
	}
	var raw json.RawMessage
	if err := h.Call(h.ctx, method, params, &raw); err != nil {
		return "error: " + err.Error()
	}
	return strings.ReplaceAll(string(raw), h.uri(""), "W")
}

// TestFeatures asks for each feature once. That the answers are right in every
// case is for the tests of starlark/ide; here it is that they arrive, at the
// right place.
func TestFeatures(t *testing.T) {
	h := features(t, nil)
	all := map[string]any{"range": span(0, 0, 20, 0), "context": map[string]any{"diagnostics": []any{}}}
	options := map[string]any{"tabSize": 4, "insertSpaces": true}
	for _, test := range []struct {
		method string
		at     map[string]any
		extra  map[string]any
		want   []string // parts of the answer
	}{
		{"textDocument/hover", place(featureMain, "docker_build", 0), nil, []string{"docker_build", `"start":{"line":3,"character":10}`}},
		{"textDocument/hover", place(featureMain, "helper(a)", 0), nil, []string{"Helps."}},
		{"textDocument/hover", map[string]any{"line": 4, "character": 0}, nil, []string{"k8s_yaml"}},
		{"textDocument/completion", place(featureMain, "ker_build", 0), nil, []string{`"label":"docker_build"`, `"kind":3`, `"data":`}},
		{"textDocument/signatureHelp", place(featureMain, "'.')", 0), nil, []string{`"activeParameter":1`, "docker_build("}},
		{"textDocument/definition", place(featureMain, "helper(a)", 0), nil, []string{`W/lib.star`, `"start":{"line":0,"character":4}`}},
		{"textDocument/declaration", place(featureMain, "helper(a)", 0), nil, []string{`W/Tiltfile`, `"start":{"line":0,"character":20}`}},
		{"textDocument/references", place(featureMain, "f(1)", 0), map[string]any{"context": map[string]any{"includeDeclaration": true}}, []string{`"line":6,"character":4`, `"line":8,"character":4`}},
		{"textDocument/documentHighlight", place(featureMain, "f(1)", 0), nil, []string{`"kind":3`, `"line":8`}},
		{"textDocument/prepareRename", place(featureMain, "f(1)", 0), nil, []string{`"placeholder":"f"`}},
		{"textDocument/prepareRename", place(featureMain, "docker_build", 0), nil, []string{"error: "}},
		{"textDocument/rename", place(featureMain, "f(1)", 0), map[string]any{"newName": "g"}, []string{`"newText":"g"`, `W/Tiltfile`}},
		{"textDocument/documentSymbol", nil, nil, []string{`"name":"f"`, `"name":"web"`}},
		{"workspace/symbol", nil, map[string]any{"query": "help"}, []string{`"name":"helper"`, "W/lib.star"}},
		{"textDocument/semanticTokens/full", nil, nil, []string{`"resultId":"1"`, `"data":[0,0,4,`}},
		{"textDocument/semanticTokens/range", nil, map[string]any{"range": span(4, 0, 4, 8)}, []string{`"data":[4,0,8,`}},
		{"textDocument/foldingRange", nil, nil, []string{`"startLine":1`, `"kind":"comment"`}},
		{"textDocument/selectionRange", nil, map[string]any{"positions": []any{place(featureMain, "helper(a)", 0)}}, []string{`"parent":{`}},
		{"textDocument/documentLink", nil, nil, []string{"W/lib.star", "https://example.com/docs", "W/app.yaml"}},
		{"textDocument/inlayHint", nil, all, []string{`"kind":2`}},
		{"textDocument/codeLens", nil, nil, []string{"▶ Up", protocol.CommandUp, `"resource":"web"`}},
		{"textDocument/codeAction", nil, all, []string{"["}},
		{"textDocument/formatting", nil, map[string]any{"options": options}, []string{`docker_build(\"web\", \".\")`}},
		{"textDocument/rangeFormatting", nil, map[string]any{"options": options, "range": span(4, 0, 5, 0)}, []string{`k8s_yaml(\"app.yaml\")`}},
		{"textDocument/onTypeFormatting", map[string]any{"line": 7, "character": 0}, map[string]any{"ch": "\n", "options": options}, []string{"[]"}},
		{"textDocument/prepareCallHierarchy", place(featureMain, "f(1)", 0), nil, []string{`"name":"f"`}},
	} {
		got := h.ask(test.method, test.at, test.extra)
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %s in %s", test.method, want, got)
			}
		}
	}
}

func TestCompletionResolve(t *testing.T) {
	h := features(t, nil)
	var list struct{ Items []map[string]any }
	h.call("textDocument/completion", map[string]any{"textDocument": h.doc("Tiltfile"), "position": place(featureMain, "ker_build", 0)}, &list)
	i := slices.IndexFunc(list.Items, func(item map[string]any) bool { return item["label"] == "docker_build" })
	if i < 0 || list.Items[i]["documentation"] != nil {
		t.Fatalf("completed %+v", list)
	}
	var item map[string]any
	h.call("completionItem/resolve", list.Items[i], &item)
	if doc := fmt.Sprint(item["documentation"]); !strings.Contains(doc, "docker_build(") {
		t.Errorf("resolved to %v", doc)
	}
}

func TestCallHierarchy(t *testing.T) {
	h := features(t, nil)
	var items []json.RawMessage
	h.call("textDocument/prepareCallHierarchy", map[string]any{"textDocument": h.doc("Tiltfile"), "position": place(featureMain, "f(a)", 0)}, &items)
	if len(items) != 1 {
		t.Fatalf("prepared %s", items)
	}
	if got := h.ask("callHierarchy/outgoingCalls", nil, map[string]any{"item": items[0]}); !strings.Contains(got, `"name":"helper"`) {
		t.Errorf("outgoing: %s", got)
	}
	if got := h.ask("callHierarchy/incomingCalls", nil, map[string]any{"item": items[0]}); !strings.Contains(got, `"fromRanges":[{"start":{"line":8`) {
		t.Errorf("incoming: %s", got)
	}
}

func TestSemanticTokensDelta(t *testing.T) {
	h := features(t, nil)
	type result struct {
		ResultID string
		Data     []uint32
		Edits    []struct {
			Start, DeleteCount int
			Data               []uint32
		}
	}
	var full, delta, again result
	h.call("textDocument/semanticTokens/full", map[string]any{"textDocument": h.doc("Tiltfile")}, &full)
	h.edit("Tiltfile", 2, "y = [1]\n", 4, 0, 4, 0)
	h.call("textDocument/semanticTokens/full/delta", map[string]any{"textDocument": h.doc("Tiltfile"), "previousResultId": full.ResultID}, &delta)
	got := slices.Clone(full.Data)
	for _, e := range delta.Edits {
		got = slices.Replace(got, e.Start, e.Start+e.DeleteCount, e.Data...)
	}
	h.call("textDocument/semanticTokens/full/delta", map[string]any{"textDocument": h.doc("Tiltfile"), "previousResultId": "none"}, &again)
	if diff := cmp.Diff(again.Data, got); diff != "" || len(delta.Edits) != 1 {
		t.Errorf("the delta %+v leads elsewhere: %s", delta.Edits, diff)
	}
}

// TestUnknownFiles asks about files that are no Tiltfiles or are not there.
func TestUnknownFiles(t *testing.T) {
	h := features(t, nil)
	h.didOpen("main.go", "go", "package main\n")
	h.didOpen("BUILD.bazel", "starlark", "glob(['*.go'])\n") // Bazel's, and as one language in some editors
	for _, name := range []string{"main.go", "absent/Tiltfile", "BUILD.bazel"} {
		for _, method := range []string{"hover", "completion", "definition", "documentSymbol", "semanticTokens/full", "foldingRange", "codeLens", "documentLink"} {
			var got json.RawMessage
			h.call("textDocument/"+method, map[string]any{"textDocument": h.doc(name), "position": map[string]any{"line": 0, "character": 0}}, &got)
			if string(got) != "null" {
				t.Errorf("%s of %s answered %s", method, name, got)
			}
		}
	}
}

func TestUntitledDocument(t *testing.T) {
	h := open(t, setup{})
	const untitled = "untitled:Untitled-1"
	h.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": untitled, "languageId": "tiltfile", "version": 1, "text": "load('x', 'y')\nlocal(\n",
	}})
	got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == untitled })
	if len(got.Diagnostics) == 0 {
		t.Error("no diagnostics")
	}
	var hover struct{ Contents struct{ Value string } }
	h.call("textDocument/hover", map[string]any{
		"textDocument": map[string]any{"uri": untitled}, "position": map[string]any{"line": 1, "character": 2},
	}, &hover)
	if !strings.Contains(hover.Contents.Value, "local(") {
		t.Errorf("hover: %+v", hover)
	}
}

// TestEditOfALoadedFile edits one file and sees the diagnostics of the other
// change.
func TestEditOfALoadedFile(t *testing.T) {
	h := features(t, nil)
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") && !has(d, "unknown-export") })
	h.didOpen("lib.star", "starlark", featureLib)
	h.edit("lib.star", 2, "def other(n):\n    return n\n")
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") && has(d, "unknown-export") })
}

func has(d diagnostics, code string) bool {
	for _, one := range d.Diagnostics {
		if one.Code == code {
			return true
		}
	}
	return false
}

func TestLiveState(t *testing.T) {
	fake, asked := watchedDaemon(1)
	fake.project.Resources = []config.Resource{{Name: "web"}}
	h := features(t, &daemons{running: fake})
	fake.set(func(s *api.Status) {
		s.Up = true
		s.Config.EvaluatedAt = time.Now()
		s.Tiltfile = h.path("Tiltfile")
		s.Resources = []api.ResourceStatus{
			{Name: "web", State: api.StateReady, Text: "ready · in sync", Pos: config.Position{File: h.path("Tiltfile"), Line: 6, Col: 1},
				Targets: []api.Target{{Pod: "web-1", Container: "app", Ready: true, Process: "running", Sync: api.SyncInSync}}},
			{Name: "looped", State: api.StateError, Pos: config.Position{File: h.path("Tiltfile"), Line: 9, Col: 6}, Problem: &config.Problem{Message: "it broke\nbadly"},
				Targets: []api.Target{{Pod: "looped-1"}}, NoDebug: &config.Problem{Message: "looped runs a program in Python"}},
		}
	})
	await[any](h, "workspace/codeLens/refresh", nil)
	lenses := h.ask("textDocument/codeLens", nil, nil)
	for _, want := range []string{"● ready · in sync", `"title":"Debug"`, "✗ error: it broke\"", `"resource":"looped"`} {
		if !strings.Contains(lenses, want) {
			t.Errorf("no %s among the lenses %s", want, lenses)
		}
	}
	if n := strings.Count(lenses, `"title":"Debug"`); n != 1 {
		t.Errorf("%d lenses offer to debug, want that of the only resource that can be", n)
	}
	h.until("the project", asked, func() bool { return slices.Contains(fake.calls(), "project") })
	// It is taken over beside the messages.
	var hover string
	for !strings.Contains(hover, "in-sync") && h.ctx.Err() == nil {
		hover = h.ask("textDocument/hover", place(featureMain, "web', port", 0), nil)
	}
	if !strings.Contains(hover, "`web-1/app`: ready, running, in-sync") {
		t.Errorf("hover: %s", hover)
	}
}

// TestCompletionByItself says which typed characters ask for completion: after
// others the next key may be Enter, which must break the line.
func TestCompletionByItself(t *testing.T) {
	const text = "def f(x):\n    if x:\n        k8s_resource('a/b:c', labels='')\nos.path\n"
	h := open(t, setup{})
	h.didOpen("Tiltfile", "tiltfile", text)
	for _, test := range []struct {
		line, character int
		typed           string
		want            bool
	}{
		{1, 9, ":", false},
		{2, 24, "/", true},
		{2, 26, ":", true},
		{2, 38, "'", true},
		{2, 39, "'", false}, // closed
		{3, 3, ".", true},
	} {
		var list *struct{ Items []any }
		h.call("textDocument/completion", map[string]any{
			"textDocument": h.doc("Tiltfile"), "position": map[string]any{"line": test.line, "character": test.character},
			"context": map[string]any{"triggerKind": 2, "triggerCharacter": test.typed},
		}, &list)
		if got := list != nil; got != test.want {
			t.Errorf("%q at %d:%d: answered %v, want %v", test.typed, test.line, test.character, got, test.want)
		}
	}
}
