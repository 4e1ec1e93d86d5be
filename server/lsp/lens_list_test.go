package lsp

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/protocol"
)

// TestLensList holds the lenses that are written by hand against those that the
// library writes.
func TestLensList(t *testing.T) {
	want := []lsp.CodeLens{}
	check := func(list *lensList) {
		t.Helper()
		got := []lsp.CodeLens{}
		if err := lsp.Unmarshal(list.answer(), &got); err != nil {
			t.Fatalf("%v in %s", err, list.out)
		}
		if diff := cmp.Diff(text(t, want), text(t, got)); diff != "" {
			t.Errorf("lenses (-library +ours):\n%s", diff)
		}
	}
	const u = uri.URI("file:///w/a%20b/Tiltfile")
	check(newLensList(u, 2))
	list := newLensList(u, 2)
	for i, name := range []string{"web", `a"b\c`, `back\slash`, "ö –", "<&>", "line\nend\x01", "tab\t\u2028", "cut \xff"} {
		at := lsp.Range{Start: lsp.Position{Line: uint32(i), Character: 4}, End: lsp.Position{Line: uint32(i) + 1, Character: 1 << 31}}
		commands := []lens{{"● " + name, protocol.CommandStatus}, {"Logs", protocol.CommandLogs}}
		list.add(at, name, commands)
		for _, c := range commands {
			want = append(want, lsp.CodeLens{Range: at, Command: lsp.Command{Title: c.title, Command: c.command, Arguments: []lsp.LSPAny{
				mustJSON(t, protocol.CommandArguments{ProjectParams: protocol.ProjectParams{URI: string(u)}, Resource: name}),
			}}})
		}
	}
	check(list)
}

// text is lenses in one form, whoever wrote them.
func text(t *testing.T, list []lsp.CodeLens) any {
	t.Helper()
	data, err := lsp.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

func mustJSON(t *testing.T, v any) lsp.LSPAny {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
