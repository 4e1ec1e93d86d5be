package story

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/towline-dev/towline/server/protocol/editortest"
)

// Type replaces the text of an open file, without saving it, and returns the
// first message of the diagnostics that follow, "" when there are none.
func (s *Story) Type(ctx context.Context, name, text string) (string, error) {
	s.opened[name]++
	uri, mark := fileURI(s.Path(name)), s.editor.Mark()
	err := s.editor.Notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": uri, "version": s.opened[name]},
		"contentChanges": []any{map[string]any{"text": text}},
	})
	if err != nil {
		return "", err
	}
	var told struct {
		URI         string
		Version     int
		Diagnostics []struct{ Message string }
	}
	_, _, err = s.editor.Await(ctx, mark, func(m editortest.Message) bool {
		return m.Method == "textDocument/publishDiagnostics" && json.Unmarshal(m.Params, &told) == nil &&
			told.URI == uri && told.Version == s.opened[name]
	})
	if err != nil || len(told.Diagnostics) == 0 {
		return "", err
	}
	return told.Diagnostics[0].Message, nil
}

// Hover returns what the server says of the first place of a word in a file,
// as it is on disk.
func (s *Story) Hover(ctx context.Context, name, word string) (string, error) {
	text, err := os.ReadFile(s.Path(name))
	if err != nil {
		return "", err
	}
	before, _, found := strings.Cut(string(text), word)
	if !found {
		return "", fmt.Errorf("%s has no %q", name, word)
	}
	line := strings.Count(before, "\n")
	column := len(before) - strings.LastIndexByte(before, '\n') - 1
	var hover struct{ Contents struct{ Value string } }
	err = s.editor.Call(ctx, "textDocument/hover", map[string]any{
		"textDocument": map[string]any{"uri": fileURI(s.Path(name))},
		"position":     map[string]any{"line": line, "character": column},
	}, &hover)
	return hover.Contents.Value, err
}
