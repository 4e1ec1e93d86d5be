package lsp

import (
	"os"
	"strings"
	"testing"
)

// codes returns a predicate: that the diagnostics of a file are those, and no
// others.
func codes(u string, want ...string) func(diagnostics) bool {
	return func(d diagnostics) bool {
		if d.URI != u || len(d.Diagnostics) != len(want) {
			return false
		}
		for _, code := range want {
			if !has(d, code) {
				return false
			}
		}
		return true
	}
}

const published = "textDocument/publishDiagnostics"

// reopen is what an editor does that reads a file anew: it closes it and opens
// it at once, with the version that it had.
func (h *harness) reopen(name, text string) {
	h.t.Helper()
	h.notify("textDocument/didClose", map[string]any{"textDocument": h.doc(name)})
	h.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": h.uri(name), "languageId": "tiltfile", "version": 0, "text": text,
	}})
}

// TestReopened: a client forgets the diagnostics of what it closes, so that they
// must come again, also where they are the same.
func TestReopened(t *testing.T) {
	h := open(t, setup{files: map[string]string{"Tiltfile": "bad1\n"}})
	h.reopen("Tiltfile", "bad1\n") // closed before it was open
	await(h, published, codes(h.uri("Tiltfile"), "undefined-name"))
	for range 5 {
		h.mark = h.Mark()
		h.reopen("Tiltfile", "bad1\n")
		await(h, published, codes(h.uri("Tiltfile"), "undefined-name"))
	}
	h.mark = h.Mark()
	h.notify("textDocument/didClose", map[string]any{"textDocument": h.doc("Tiltfile")})
	await(h, published, codes(h.uri("Tiltfile")))
	h.reopen("Tiltfile", "bad1\nbad2\n")
	await(h, published, codes(h.uri("Tiltfile"), "undefined-name", "undefined-name"))
}

// TestReopenedForOneThatPulls has the text change between: an earlier answer
// does not hold for it, though the version is the same.
func TestReopenedForOneThatPulls(t *testing.T) {
	h := open(t, setup{capabilities: `{"textDocument":{"diagnostic":{}}}`})
	type report struct {
		Kind, ResultID string
		Items          []struct{ Range rng }
	}
	pull := func(previous string) (r report) {
		t.Helper()
		h.call("textDocument/diagnostic", map[string]any{"textDocument": h.doc("Tiltfile"), "previousResultId": previous}, &r)
		return r
	}
	h.reopen("Tiltfile", "bad1\n")
	first := pull("")
	h.reopen("Tiltfile", "ok = 1\nbad2\n")
	second := pull(first.ResultID)
	if len(first.Items) != 1 || second.Kind != "full" || len(second.Items) != 1 || second.Items[0].Range.Start.Line != 1 {
		t.Errorf("pulled %+v, then %+v", first, second)
	}
	if again := pull(second.ResultID); again.Kind != "unchanged" {
		t.Errorf("pulled %+v again", again)
	}
	h.reopen("Tiltfile", "ok = 1\nbad2\n")
	if again := pull(second.ResultID); again.Kind == "full" && len(again.Items) != 1 {
		t.Errorf("pulled %+v of the same text", again)
	}
}

// TestEditsThatAreThrownAway closes a library without saving it: whoever loads it
// sees the file again.
func TestEditsThatAreThrownAway(t *testing.T) {
	const lib = "def f():\n    pass\n"
	h := open(t, setup{files: map[string]string{"l.star": lib, "Tiltfile": "load('l.star', 'f')\nf()\n"}})
	h.didOpen("Tiltfile", "tiltfile", "load('l.star', 'f')\nf()\n")
	await(h, published, codes(h.uri("Tiltfile")))
	h.didOpen("l.star", "starlark", lib)
	h.edit("l.star", 2, "def g():\n    pass\n")
	await(h, published, codes(h.uri("Tiltfile"), "unknown-export"))
	h.notify("textDocument/didClose", map[string]any{"textDocument": h.doc("l.star")})
	await(h, published, codes(h.uri("Tiltfile")))
}

// TestRenamedFile plays how clients tell that a file has another name: with or
// without a word of the watcher, in any order, of a file or of its folder.
func TestRenamedFile(t *testing.T) {
	for name, test := range map[string]struct {
		from, to string
		watched  bool
		openNew  bool
	}{
		"open":               {"lib/old.tiltfile", "lib/new.tiltfile", true, true},
		"not watched":        {"lib/old.tiltfile", "lib/new.tiltfile", false, true},
		"its folder":         {"lib/old.tiltfile", "other/old.tiltfile", true, true},
		"closed for good":    {"lib/old.tiltfile", "lib/new.tiltfile", true, false},
		"to another ending":  {"lib/old.tiltfile", "lib/new.star", true, true},
		"to a nearer folder": {"lib/old.tiltfile", "old.tiltfile", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			const lib = "def f():\n    return undefd\n"
			main := "load('./" + test.from + "', 'f')\nf()\n"
			h := open(t, setup{files: map[string]string{test.from: lib, "Tiltfile": main, "other/x": ""}})
			h.didOpen("Tiltfile", "tiltfile", main)
			h.didOpen(test.from, "tiltfile", lib)
			await(h, published, codes(h.uri(test.from), "undefined-name"))
			h.mark = 0
			await(h, published, codes(h.uri("Tiltfile")))
			h.mark = h.Mark()
			if err := os.Rename(h.path(test.from), h.path(test.to)); err != nil {
				t.Fatal(err)
			}
			h.notify("textDocument/didClose", map[string]any{"textDocument": h.doc(test.from)})
			if test.openNew {
				h.didOpen(test.to, "tiltfile", lib)
			}
			h.notify("workspace/didRenameFiles", map[string]any{"files": []any{map[string]any{"oldUri": h.uri(test.from), "newUri": h.uri(test.to)}}})
			if test.watched {
				h.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{
					map[string]any{"uri": h.uri(test.from), "type": 3}, map[string]any{"uri": h.uri(test.to), "type": 1},
				}})
			}
			from := h.mark
			await(h, published, codes(h.uri("Tiltfile"), "missing-module"))
			h.mark = from
			await(h, published, codes(h.uri(test.from)))
			if test.openNew {
				h.mark = from
				await(h, published, codes(h.uri(test.to), "undefined-name"))
			}
			h.mark = h.Mark()
			h.edit("Tiltfile", 2, strings.Replace(main, test.from, test.to, 1))
			await(h, published, codes(h.uri("Tiltfile")))
		})
	}
}
