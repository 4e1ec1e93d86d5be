package lsp

import (
	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/workspace"
)

// capabilities is what the server can do for this client.
func (s *session) capabilities() lsp.ServerCapabilities {
	c := lsp.ServerCapabilities{
		PositionEncoding: map[workspace.Encoding]lsp.PositionEncodingKind{
			workspace.UTF8: lsp.PositionEncodingKindUTF8, workspace.UTF16: lsp.PositionEncodingKindUTF16, workspace.UTF32: lsp.PositionEncodingKindUTF32,
		}[s.client.encoding],
		TextDocumentSync: &lsp.TextDocumentSyncOptions{
			OpenClose: new(true),
			Change:    new(lsp.TextDocumentSyncKindIncremental),
			Save:      &lsp.SaveOptions{IncludeText: new(false)},
		},
		CompletionProvider: &lsp.CompletionOptions{
			TriggerCharacters: []string{".", "(", ",", "'", "\"", "/", ":", "="}, ResolveProvider: new(true),
		},
		HoverProvider:          lsp.Boolean(true),
		ExecuteCommandProvider: lsp.ExecuteCommandOptions{Commands: commands()},
		Workspace: &lsp.WorkspaceOptions{
			WorkspaceFolders: &lsp.WorkspaceFoldersServerCapabilities{
				Supported: new(true), ChangeNotifications: lsp.Boolean(true),
			},
		},
	}
	if s.client.pulls {
		c.DiagnosticProvider = &lsp.DiagnosticOptions{Identifier: new("towline"), InterFileDependencies: true}
	}
	return c
}

func commands() []string {
	return []string{
		protocol.CommandUp, protocol.CommandDown, protocol.CommandTrigger, protocol.CommandRestart,
		protocol.CommandDebug, protocol.CommandLogs, protocol.CommandStatus,
	}
}
