package lsp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	lsp "go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/server/workspace"
)

// client is what the client said of itself.
type client struct {
	name      string
	encoding  workspace.Encoding
	status    bool // wants towline/status
	static    bool // nobody trusts the workspace
	pulls     bool // asks for diagnostics itself
	progress  bool // can be asked to show progress
	watch     bool // can be asked to watch files
	related   bool // shows related information of diagnostics
	snippets  bool
	refreshes refreshes
	lazyDocs  bool // resolves the documentation of completion items
	prepares  bool // asks before it renames
}

// refreshes says what a client can be asked to ask for again.
type refreshes struct{ lenses, diagnostics, hints bool }

// initialize takes the client's abilities and answers with ours.
func (s *session) initialize(_ context.Context, p *lsp.InitializeParams) (any, error) {
	var options protocol.InitializationOptions
	if len(p.InitializationOptions) > 0 {
		if err := json.Unmarshal(p.InitializationOptions, &options); err != nil {
			s.log.Warn("reading the initialization options", "error", err)
		}
	}
	s.client = clientOf(&p.Capabilities, options)
	s.client.name = p.ClientInfo.Name
	s.setFolders(foldersOf(p))
	if p.ProcessID != nil {
		s.spawn(func(ctx context.Context) { s.watchParent(ctx, int(*p.ProcessID)) })
	}
	s.phase.set(phaseInitialized)
	return &lsp.InitializeResult{
		Capabilities: s.capabilities(),
		ServerInfo:   lsp.ServerInfo{Name: "towline", Version: lsp.NewOptional(s.options.Version)},
	}, nil
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
		out.pulls = d.Diagnostic != nil
		out.related = d.PublishDiagnostics != nil && is(d.PublishDiagnostics.RelatedInformation)
		out.prepares = d.Rename != nil && is(d.Rename.PrepareSupport)
		if d.Completion != nil {
			item := d.Completion.CompletionItem
			out.snippets = is(item.SnippetSupport)
			out.lazyDocs = slices.Contains(item.ResolveSupport.Properties, "documentation")
		}
	}
	if w := c.Workspace; w != nil {
		out.watch = w.DidChangeWatchedFiles != nil && is(w.DidChangeWatchedFiles.DynamicRegistration)
		out.refreshes = refreshes{
			lenses:      w.CodeLens != nil && is(w.CodeLens.RefreshSupport),
			hints:       w.InlayHint != nil && is(w.InlayHint.RefreshSupport),
			diagnostics: w.Diagnostics != nil && is(w.Diagnostics.RefreshSupport),
		}
	}
	return out
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

// foldersOf returns the workspace's folders on disk. Clients that know no
// workspace folders, Neovim 0.7 and eglot among them, send the older fields.
func foldersOf(p *lsp.InitializeParams) []string {
	var out []string
	if folders, ok := p.WorkspaceFolders.Get(); ok {
		for _, f := range folders {
			if path := pathOf(f.URI); path != "" {
				out = append(out, path)
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	//lint:ignore SA1019 deprecated, and all that older clients send
	root, path := p.RootURI, p.RootPath
	if root != nil && pathOf(*root) != "" {
		return []string{pathOf(*root)}
	}
	if path, ok := path.Get(); ok && path != "" {
		return []string{path}
	}
	return nil
}

// pathOf returns the path of a file URI, "" for any other.
func pathOf(u uri.URI) string {
	if !u.IsFile() {
		return ""
	}
	return u.FsPath()
}

// initialized begins what needs the client: watching files, and looking for
// daemons that run already.
func (s *session) initialized(context.Context, *lsp.InitializedParams) (any, error) {
	s.spawn(s.diagnoser.run)
	if s.client.watch {
		s.spawn(s.watchFiles)
	}
	for _, folder := range s.workspaceFolders() {
		if hasTiltfile(folder) {
			s.project(folder)
		}
	}
	s.log.Info("serving", "client", s.client.name, "folders", fmt.Sprint(s.workspaceFolders()))
	return nil, nil
}
