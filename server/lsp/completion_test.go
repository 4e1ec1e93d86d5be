package lsp

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sharing is everything, of a client that takes once what items have alike.
var sharing = strings.Replace(everything, `"completion": {`, `"completion": {"completionList": {"itemDefaults": ["editRange", "data"]}, `, 1)

// TestCompletionDefaults holds what a client makes of items that share their
// range and data against what one gets that takes each item by itself.
func TestCompletionDefaults(t *testing.T) {
	const text = featureMain + "def docker_compose_up(name):\n    '''Said.'''\n\ndocker_build(con\nos.\nd\n"
	for _, behind := range []string{"\nd", "os.", "(con", "'app.y", "'./li"} {
		lines := strings.Split(text[:strings.LastIndex(text, behind)+len(behind)], "\n")
		at := map[string]any{"line": len(lines) - 1, "character": len(lines[len(lines)-1])}
		want, got := completed(t, everything, text, at), completed(t, sharing, text, at)
		if len(want) == 0 {
			t.Errorf("nothing is completed behind %q", behind)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("behind %q (-each +shared):\n%s", behind, diff)
		}
	}
}

// completed returns the completions that a client of such abilities shows, with
// what each resolves to instead of its data.
func completed(t *testing.T, capabilities, text string, at map[string]any) []map[string]any {
	h := open(t, setup{capabilities: capabilities, files: map[string]string{"app.yaml": "kind: Pod\n", "lib.star": featureLib}})
	h.didOpen("Tiltfile", "tiltfile", text)
	var list struct {
		ItemDefaults struct{ EditRange, Data any }
		Items        []map[string]any
	}
	h.call("textDocument/completion", map[string]any{"textDocument": h.doc("Tiltfile"), "position": at}, &list)
	for _, item := range list.Items {
		if common := list.ItemDefaults.EditRange; common != nil && item["textEdit"] == nil {
			insert := item["textEditText"]
			if insert == nil {
				insert = item["label"]
			}
			delete(item, "textEditText")
			item["textEdit"] = map[string]any{"range": common, "newText": insert}
		}
		if item["data"] == nil && list.ItemDefaults.Data != nil {
			item["data"] = list.ItemDefaults.Data
		}
		var resolved map[string]any
		h.call("completionItem/resolve", maps.Clone(item), &resolved)
		delete(item, "data")
		item["documentation"] = resolved["documentation"]
	}
	return list.Items
}
