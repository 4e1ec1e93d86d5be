package lsp

import (
	"context"
	"fmt"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/protocol"
)

// initialize takes the client's abilities and answers with ours.
func (s *session) initialize(_ context.Context, p *lsp.InitializeParams) (any, error) {
	var options protocol.InitializationOptions
	if len(p.InitializationOptions) > 0 {
		if err := protocol.Unmarshal(p.InitializationOptions, &options); err != nil {
			s.log.Warn("reading the initialization options", "error", err)
		}
	}
	s.client = clientOf(&p.Capabilities, options)
	s.client.name = p.ClientInfo.Name
	s.setFolders(foldersOf(p))
	if p.ProcessID != nil && s.options.Descends(int(*p.ProcessID)) {
		s.spawn(func(ctx context.Context) { s.watchParent(ctx, int(*p.ProcessID)) })
	}
	s.phase.set(phaseInitialized)
	return &lsp.InitializeResult{
		Capabilities: s.capabilities(),
		ServerInfo:   lsp.ServerInfo{Name: "towline", Version: lsp.NewOptional(s.options.Version)},
	}, nil
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
		s.spawn(func(ctx context.Context) { s.discover(ctx, folder) })
	}
	s.log.Info("serving", "client", s.client.name, "folders", fmt.Sprint(s.workspaceFolders()))
	return nil, nil
}
