package lsp

import (
	"slices"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/workspace"
)

// client is what the client said of itself. It gets nothing that it did not
// say it can take.
type client struct {
	name     string
	encoding workspace.Encoding
	status   bool // wants towline/status
	static   bool // nobody trusts the workspace

	pulls    bool // asks for diagnostics itself
	progress bool // can be asked to show progress
	watch    bool // can be asked to watch files
	versions bool // takes edits with the versions that they are of

	refreshes   refreshes
	markdown    markdownIn
	completion  completionAbilities
	diagnostics diagnosticAbilities

	prepares     bool // asks before it renames
	labelOffsets bool // takes a parameter's place in its signature
	symbolTree   bool // takes symbols within symbols
	codeActions  bool // takes actions that are no commands
	preferred    bool // knows preferred actions
}

// refreshes says what a client can be asked to ask for again.
type refreshes struct{ lenses, diagnostics, hints bool }

// markdownIn says where a client wants Markdown rather than plain text.
type markdownIn struct{ hover, completion, signature bool }

// completionAbilities says what a client takes in an item.
type completionAbilities struct {
	snippets bool
	lazyDocs bool // asks for the documentation of an item by itself
	old      bool // knows the tag of what is deprecated
	indents  bool // can indent the further lines of what it inserts
	shares   bool // takes what many items have alike once, with their list
}

// diagnosticAbilities says what a client takes in a diagnostic.
type diagnosticAbilities struct {
	related bool
	links   bool // to a description of the code
	tags    []lsp.DiagnosticTag
}

func clientOf(c *lsp.ClientCapabilities, options protocol.InitializationOptions) client {
	out := client{status: options.Status, static: options.Static, encoding: workspace.UTF16}
	if g := c.General; g != nil {
		out.encoding = encodingOf(g.PositionEncodings)
	}
	if w := c.Window; w != nil {
		out.progress = is(w.WorkDoneProgress)
	}
	if d := c.TextDocument; d != nil {
		out.ofDocuments(d)
	}
	if w := c.Workspace; w != nil {
		out.watch = w.DidChangeWatchedFiles != nil && is(w.DidChangeWatchedFiles.DynamicRegistration)
		out.versions = w.WorkspaceEdit != nil && is(w.WorkspaceEdit.DocumentChanges)
		out.refreshes = refreshes{
			lenses:      w.CodeLens != nil && is(w.CodeLens.RefreshSupport),
			hints:       w.InlayHint != nil && is(w.InlayHint.RefreshSupport),
			diagnostics: w.Diagnostics != nil && is(w.Diagnostics.RefreshSupport),
		}
	}
	return out
}

// ofDocuments takes in what a client says of the features of documents.
func (c *client) ofDocuments(d *lsp.TextDocumentClientCapabilities) {
	c.pulls = d.Diagnostic != nil
	switch {
	case d.Diagnostic != nil:
		c.diagnostics = diagnosticsOf(d.Diagnostic.DiagnosticsCapabilities)
	case d.PublishDiagnostics != nil:
		c.diagnostics = diagnosticsOf(d.PublishDiagnostics.DiagnosticsCapabilities)
	}
	if d.Completion != nil {
		item := d.Completion.CompletionItem
		c.markdown.completion = prefersMarkdown(item.DocumentationFormat)
		c.completion = completionAbilities{
			snippets: is(item.SnippetSupport),
			lazyDocs: slices.Contains(item.ResolveSupport.Properties, "documentation"),
			old:      slices.Contains(item.TagSupport.ValueSet, lsp.CompletionItemTagDeprecated),
			indents:  slices.Contains(item.InsertTextModeSupport.ValueSet, lsp.InsertTextModeAdjustIndentation),
			shares:   sharesDefaults(d.Completion.CompletionList),
		}
	}
	if d.Hover != nil {
		c.markdown.hover = prefersMarkdown(d.Hover.ContentFormat)
	}
	if d.SignatureHelp != nil && d.SignatureHelp.SignatureInformation != nil {
		info := d.SignatureHelp.SignatureInformation
		c.markdown.signature = prefersMarkdown(info.DocumentationFormat)
		c.labelOffsets = info.ParameterInformation != nil && is(info.ParameterInformation.LabelOffsetSupport)
	}
	c.prepares = d.Rename != nil && is(d.Rename.PrepareSupport)
	c.symbolTree = d.DocumentSymbol != nil && is(d.DocumentSymbol.HierarchicalDocumentSymbolSupport)
	if a := d.CodeAction; a != nil {
		c.codeActions = len(a.CodeActionLiteralSupport.CodeActionKind.ValueSet) > 0
		c.preferred = is(a.IsPreferredSupport)
	}
}

func diagnosticsOf(c lsp.DiagnosticsCapabilities) diagnosticAbilities {
	return diagnosticAbilities{related: is(c.RelatedInformation), links: is(c.CodeDescriptionSupport), tags: c.TagSupport.ValueSet}
}

// sharesDefaults reports whether a client takes the range and the data that many
// items have alike once, with their list.
func sharesDefaults(c *lsp.CompletionListCapabilities) bool {
	return c != nil && slices.Contains(c.ItemDefaults, "editRange") && slices.Contains(c.ItemDefaults, "data")
}

// prefersMarkdown reports whether Markdown comes first among the formats of a
// client; one that names none takes plain text.
func prefersMarkdown(formats []lsp.MarkupKind) bool {
	return len(formats) > 0 && formats[0] == lsp.MarkupKindMarkdown
}

func is(b *bool) bool { return b != nil && *b }

// encodingOf returns the first encoding that the client offers and we know;
// without one it is UTF-16, which every client must have.
func encodingOf(offered []lsp.PositionEncodingKind) workspace.Encoding {
	for _, kind := range offered {
		switch kind {
		case lsp.PositionEncodingKindUTF8:
			return workspace.UTF8
		case lsp.PositionEncodingKindUTF16:
			return workspace.UTF16
		case lsp.PositionEncodingKindUTF32:
			return workspace.UTF32
		}
	}
	return workspace.UTF16
}
