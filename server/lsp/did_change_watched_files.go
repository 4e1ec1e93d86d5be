package lsp

import (
	"context"
	"encoding/json"

	lsp "go.lsp.dev/protocol"

	"github.com/towline-dev/towline/server/workspace"
)

// didChangeWatchedFiles tells the daemons of files that changed outside of the
// editor, and looks at them anew.
func (s *session) didChangeWatchedFiles(ctx context.Context, p *lsp.DidChangeWatchedFilesParams) (any, error) {
	var paths []string
	for _, event := range p.Changes {
		if path := pathOf(event.URI); path != "" {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil, nil
	}
	for _, p := range s.allProjects() {
		p.link.noticed(ctx, paths)
	}
	s.docs.Refresh()
	for _, doc := range s.docs.Snapshot().Documents() {
		s.diagnoser.changed(doc.URI)
	}
	changed := map[*project]bool{}
	for _, path := range paths {
		if p := s.projectOf(path); p != nil && workspace.IsTiltfile(path) {
			changed[p] = true
		}
	}
	for p := range changed {
		p.evaluate(ctx)
	}
	return nil, nil
}

// watched are the files that the client is asked to watch: Tiltfiles, and what
// evaluating one may read beside it. The daemon itself watches what it read.
var watched = []string{"**/Tiltfile", "**/Tiltfile.*", "**/*.[tT]iltfile", "**/tilt_config.json", "**/.tiltignore"}

// watchFiles asks the client to watch files.
func (s *session) watchFiles(ctx context.Context) {
	type watcher struct {
		GlobPattern string `json:"globPattern"`
	}
	var watchers []watcher
	for _, glob := range watched {
		watchers = append(watchers, watcher{glob})
	}
	options, err := json.Marshal(map[string]any{"watchers": watchers})
	if err != nil {
		s.log.Error("describing the files to watch", "error", err)
		return
	}
	err = s.conn.Call(ctx, lsp.MethodClientRegisterCapability, &lsp.RegistrationParams{
		Registrations: []lsp.Registration{{
			ID: "towline.watch", Method: lsp.MethodWorkspaceDidChangeWatchedFiles, RegisterOptions: options,
		}},
	}, nil)
	if err != nil && ctx.Err() == nil {
		s.log.Warn("asking the client to watch files", "error", err)
	}
}
