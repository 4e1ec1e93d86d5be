package lsp

import (
	"slices"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/protocol"
)

// TestTypedBeforeASave tells the daemon with a save when its file last changed in the
// editor, and nothing of one that did not since it was opened or saved.
func TestTypedBeforeASave(t *testing.T) {
	fake, asked := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected })
	saves := 0
	saved := func(typed string) time.Time {
		t.Helper()
		params := map[string]any{"textDocument": h.doc("main.go")}
		if typed != "" {
			params["typed"] = typed
		}
		h.notify("textDocument/didSave", params)
		saves++
		h.until("the hint", asked, func() bool { return len(fake.hints()) == saves })
		return fake.hints()[saves-1]
	}
	h.didOpen("main.go", "go", "package main\n")
	if at := saved(""); !at.IsZero() {
		t.Errorf("nothing was typed, and it says at %s", at)
	}
	before := time.Now()
	h.edit("main.go", 2, "package web\n")
	if at := saved(""); at.Before(before) || at.After(time.Now()) {
		t.Errorf("typed at %s, and it says at %s", before, at)
	}
	if at := saved(""); !at.IsZero() {
		t.Errorf("nothing was typed since the save, and it says at %s", at)
	}
	h.edit("main.go", 3, "package main\n")
	h.notify("textDocument/didClose", map[string]any{"textDocument": h.doc("main.go")})
	if at := saved(""); !at.IsZero() {
		t.Errorf("it was closed, and it says at %s", at)
	}
	// A client that sends no edits says it by itself.
	want := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	if at := saved("2026-01-02T03:04:05.678Z"); !at.Equal(want) {
		t.Errorf("it says at %s, want %s", at, want)
	}
	if !slices.Contains(fake.calls(), "hint "+h.path("main.go")) {
		t.Errorf("it was asked %q", fake.calls())
	}
}
