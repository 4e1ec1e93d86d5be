package lsp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestHostileDocuments opens what no person writes, asks for every feature at
// its end, and wants the server to live and to answer in time.
func TestHostileDocuments(t *testing.T) {
	for name, text := range map[string]string{
		"empty":            "",
		"5 MB":             strings.Repeat("docker_build('web', '.', build_args={'a': '"+strings.Repeat("b", 1000)+"'})\n", 5<<20/1048),
		"a line of 1 MB":   "x = '" + strings.Repeat("a", 1<<20) + "'\n",
		"nested brackets":  "x = " + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + "\n",
		"open brackets":    strings.Repeat("f(", 10000),
		"nested blocks":    nested(500),
		"NULs":             "x = 1\x00\x00\ny = '\x00'\n",
		"CRLF":             "def f():\r\n    return 1\r\nf(\r\n",
		"CR":               "x = 1\ry = 2\rdocker_b",
		"tabs and spaces":  "def f():\n\tif x:\n        return 1\n\t  return 2\n",
		"a BOM":            "\ufeffx = 1\ndocker_build(\n",
		"astral":           "s = '😀𝒳'; docker_build('😀', '😀') # 😀\nx = '😀' + docker_b",
		"lone surrogate":   "x = '\ufffd'\n",
		"only a backslash": "\\",
	} {
		t.Run(name, func(t *testing.T) {
			// How fast it is, the benchmarks say. Here a hang is told from work, also
			// with the race detector on a busy machine.
			h := open(t, setup{capabilities: `{"general":{"positionEncodings":["utf-16"]}}`, patience: 2 * time.Minute})
			h.didOpen("Tiltfile", "tiltfile", text)
			began := time.Now()
			end := map[string]any{"line": strings.Count(text, "\n"), "character": len(text) - strings.LastIndexByte(text, '\n') - 1}
			for _, method := range []string{
				"hover", "completion", "signatureHelp", "definition", "documentHighlight", "documentSymbol", "semanticTokens/full",
				"foldingRange", "documentLink", "codeLens",
			} {
				var raw json.RawMessage
				h.call("textDocument/"+method, map[string]any{"textDocument": h.doc("Tiltfile"), "position": end}, &raw)
			}
			h.edit("Tiltfile", 2, "x", 0, 0, 0, 0)
			h.edit("Tiltfile", 3, "😀", 1<<20, 1<<20, 1<<21, 0)
			await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.Version == 3 })
			t.Logf("%d bytes took %v", len(text), time.Since(began))
		})
	}
}

func nested(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "%sif x:\n", strings.Repeat(" ", i))
	}
	return b.String() + strings.Repeat(" ", depth) + "pass\n"
}

// TestInvalidUTF8 sends bytes that are no UTF-8 within a message.
func TestInvalidUTF8(t *testing.T) {
	h := open(t, setup{})
	body := `{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"` + h.uri("Tiltfile") +
		`","languageId":"tiltfile","version":1,"text":"x = '` + "\xff\xfe" + `'\nlocal("}}}`
	if err := h.Raw(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n%s", len(body), body)); err != nil {
		t.Fatal(err)
	}
	got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") })
	if len(got.Diagnostics) == 0 {
		t.Error("no diagnostics")
	}
}

// TestEncodingsAgree asks for the same place in each encoding.
func TestEncodingsAgree(t *testing.T) {
	const text = "s = '😀ß'; docker_build('web', '.')\n"
	for encoding, character := range map[string]int{"utf-8": 14, "utf-16": 11, "utf-32": 10} {
		h := open(t, setup{capabilities: `{"general":{"positionEncodings":["` + encoding + `"]}}`})
		h.didOpen("Tiltfile", "tiltfile", text)
		var hover struct{ Range rng }
		h.call("textDocument/hover", map[string]any{
			"textDocument": h.doc("Tiltfile"), "position": map[string]any{"line": 0, "character": character + 2},
		}, &hover)
		got := hover.Range
		if got.Start.Character != character {
			t.Errorf("%s: docker_build starts at %d", encoding, got.Start.Character)
		}
		if got.End.Character-got.Start.Character != len("docker_build") {
			t.Errorf("%s: docker_build is %+v", encoding, got)
		}
	}
}

// TestDiagnosticsAreLimited opens a file with more mistakes than a person
// would look at.
func TestDiagnosticsAreLimited(t *testing.T) {
	h := open(t, setup{})
	h.didOpen("Tiltfile", "tiltfile", strings.Repeat("x = 1\nnothing()\n", 3*maxDiagnostics))
	got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") })
	if len(got.Diagnostics) != maxDiagnostics {
		t.Errorf("got %d diagnostics, want %d", len(got.Diagnostics), maxDiagnostics)
	}
}
