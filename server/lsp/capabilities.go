package lsp

import (
	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/ide"
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
			TriggerCharacters: []string{".", "'", "\"", "/", ":"}, ResolveProvider: new(true),
		},
		HoverProvider:             lsp.Boolean(true),
		SignatureHelpProvider:     &lsp.SignatureHelpOptions{TriggerCharacters: []string{"(", ","}, RetriggerCharacters: []string{"=", ")"}},
		DefinitionProvider:        lsp.Boolean(true),
		DeclarationProvider:       lsp.Boolean(true),
		ReferencesProvider:        lsp.Boolean(true),
		DocumentHighlightProvider: lsp.Boolean(true),
		DocumentSymbolProvider:    lsp.Boolean(true),
		WorkspaceSymbolProvider:   lsp.Boolean(true),
		SemanticTokensProvider: &lsp.SemanticTokensOptions{
			Legend: lsp.SemanticTokensLegend{TokenTypes: ide.TokenTypes, TokenModifiers: ide.TokenModifiers},
			Full:   &lsp.SemanticTokensFullDelta{Delta: new(true)}, Range: lsp.Boolean(true),
		},
		FoldingRangeProvider:   lsp.Boolean(true),
		SelectionRangeProvider: lsp.Boolean(true),
		DocumentLinkProvider:   &lsp.DocumentLinkOptions{},
		InlayHintProvider:      lsp.Boolean(true),
		CodeLensProvider:       &lsp.CodeLensOptions{},
		CodeActionProvider: &lsp.CodeActionOptions{CodeActionKinds: []lsp.CodeActionKind{
			lsp.CodeActionKindQuickFix, lsp.CodeActionKindRefactorRewrite, lsp.CodeActionKindSourceOrganizeImports,
		}},
		DocumentFormattingProvider:       lsp.Boolean(true),
		DocumentRangeFormattingProvider:  lsp.Boolean(true),
		DocumentOnTypeFormattingProvider: lsp.DocumentOnTypeFormattingOptions{FirstTriggerCharacter: "\n"},
		CallHierarchyProvider:            lsp.Boolean(true),
		ExecuteCommandProvider:           lsp.ExecuteCommandOptions{Commands: commands()},
		Workspace: &lsp.WorkspaceOptions{
			WorkspaceFolders: &lsp.WorkspaceFoldersServerCapabilities{
				Supported: new(true), ChangeNotifications: lsp.Boolean(true),
			},
		},
	}
	c.RenameProvider = lsp.Boolean(true)
	if s.client.prepares {
		c.RenameProvider = &lsp.RenameOptions{PrepareProvider: new(true)}
	}
	if s.client.pulls {
		c.DiagnosticProvider = &lsp.DiagnosticOptions{Identifier: new("towline"), InterFileDependencies: true}
	}
	return c
}

func commands() []string {
	return []string{
		protocol.CommandUp, protocol.CommandAllow, protocol.CommandArgs, protocol.CommandDown, protocol.CommandTrigger, protocol.CommandButton, protocol.CommandRestart,
		protocol.CommandRestartDaemon, protocol.CommandAnswer, protocol.CommandDebug, protocol.CommandLogs, protocol.CommandStatus,
	}
}
