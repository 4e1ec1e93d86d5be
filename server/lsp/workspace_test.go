package lsp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
)

// TestTagsOfImages shows the tag of an image behind its reference, and asks the
// client to look again when it changed.
func TestTagsOfImages(t *testing.T) {
	fake, _ := watchedDaemon(1)
	set := tilt(&daemons{running: fake})
	set.capabilities = `{"workspace":{"inlayHint":{"refreshSupport":true}}}`
	h := open(t, set)
	h.didOpen("Tiltfile", "tiltfile", "é = '😀'; docker_build('web', '.')\ndocker_build('other', '.')\n")
	fake.set(func(s *api.Status) {
		s.Resources = []api.ResourceStatus{{Name: "web", Images: []api.ImageStatus{{Ref: "web", Pushed: "localhost:5000/web:towline-abc"}, {Ref: "other"}}}}
	})
	await[any](h, "workspace/inlayHint/refresh", nil)
	got := h.ask("textDocument/inlayHint", nil, map[string]any{"range": span(0, 0, 9, 0)})
	if !strings.Contains(got, `{"position":{"line":0,"character":28},"label":":towline-abc","kind":1}`) || strings.Contains(got, "other") {
		t.Errorf("hints: %s", got)
	}
}

// TestWorkspaceFolders adds a folder with a Tiltfile, which is a project of its
// own from then on, and sends what changes nothing.
func TestWorkspaceFolders(t *testing.T) {
	h := open(t, tilt(nil))
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Tiltfile"), []byte("added = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.notify("$/setTrace", map[string]any{"value": "verbose"})
	h.notify("workspace/didChangeConfiguration", map[string]any{"settings": nil})
	h.notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{
		"added": []any{map[string]any{"uri": string(uri.File(dir)), "name": "added"}}, "removed": []any{},
	}})
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Folder == dir })
	if got := h.ask("workspace/symbol", nil, map[string]any{"query": "added"}); !strings.Contains(got, `"name":"added"`) {
		t.Errorf("symbols: %s", got)
	}
	h.notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{
		"added": []any{}, "removed": []any{map[string]any{"uri": string(uri.File(dir)), "name": "added"}},
	}})
	if got := h.ask("workspace/symbol", nil, map[string]any{"query": "added"}); strings.Contains(got, `"name":"added"`) {
		t.Errorf("symbols of a folder that was closed: %s", got)
	}
}

// TestRenameOfAResource gives a resource another name in all files.
func TestRenameOfAResource(t *testing.T) {
	const text = "load('./lib.star', 'x')\nlocal_resource('gen', cmd='x')\nlocal_resource('😀', cmd='x', resource_deps=['gen'])\n"
	h := open(t, setup{files: map[string]string{"lib.star": "x = 1\nlocal_resource('late', cmd='y', resource_deps=['gen'])\n", "Tiltfile": text}})
	h.didOpen("Tiltfile", "tiltfile", text)
	at := place(text, "en', cmd", 0)
	if got := h.ask("textDocument/prepareRename", at, nil); !strings.Contains(got, `"placeholder":"gen"`) {
		t.Errorf("prepared %s", got)
	}
	got := h.ask("textDocument/rename", at, map[string]any{"newName": "generate"})
	for _, want := range []string{"W/lib.star", "W/Tiltfile", `"start":{"line":2,"character":46}`, `"newText":"generate"`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}
