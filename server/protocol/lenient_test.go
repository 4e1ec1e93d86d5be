package protocol_test

import (
	"testing"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/protocol"
)

// TestEmptyTables decodes what languages write that have one empty table.
func TestEmptyTables(t *testing.T) {
	decode := func(v any, text string) {
		t.Helper()
		if err := protocol.Unmarshal([]byte(text), v); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	var args protocol.CommandArguments
	decode(&args, `[]`)
	decode(&args, `{"resource": "web", "resources": []}`)
	if args.Resource != "web" || args.Resources == nil {
		t.Errorf("got %+v", args)
	}
	decode(new(struct{}), `[]`)
	decode(new(protocol.InitializationOptions), `[]`)
	var completion lsp.CompletionParams
	decode(&completion, `{"textDocument": {"uri": "file:///t"}, "position": {"line": 3, "character": 0}, "context": []}`)
	if completion.Position.Line != 3 {
		t.Errorf("got %+v", completion)
	}
	var action lsp.CodeActionParams
	decode(&action, `{"textDocument": {"uri": "file:///t"}, "range": {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 2}}, "context": []}`)
	decode(&action, `{"textDocument": {"uri": "file:///t"}, "range": {"start": [], "end": []}, "context": {"diagnostics": []}}`)
	var init lsp.InitializeParams
	decode(&init, `{"processId": null, "rootUri": null, "capabilities": {"general": [], "workspace": {"workspaceEdit": [], "codeLens": {"refreshSupport": true}}, "window": [],
		"textDocument": {"hover": [], "publishDiagnostics": [], "completion": {"completionItem": []}, "rename": {"prepareSupport": true}}}, "workspaceFolders": [], "clientInfo": {"name": "lua"}}`)
	if c := init.Capabilities; init.ClientInfo.Name != "lua" || c.Workspace == nil || c.Workspace.CodeLens == nil || c.TextDocument.Rename == nil {
		t.Errorf("got %+v", init)
	}
	if folders, ok := init.WorkspaceFolders.Get(); !ok || len(folders) != 0 {
		t.Errorf("workspaceFolders: %v", folders)
	}
	var edit lsp.DidChangeTextDocumentParams
	decode(&edit, `{"textDocument": {"uri": "file:///t", "version": 2}, "contentChanges": []}`)
	if edit.ContentChanges == nil {
		t.Error("a list became an object")
	}
	for _, wrong := range []string{`[1]`, `{"resource": []}`, `{"resource": [[]]}`, `"x"`, `[`} {
		if err := protocol.Unmarshal([]byte(wrong), &args); err == nil {
			t.Errorf("%s: no error", wrong)
		}
	}
}
