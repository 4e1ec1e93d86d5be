package lsp

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	lsp "go.lsp.dev/protocol"
)

// didChangeWorkspaceFolders follows the folders that the client has open.
func (s *session) didChangeWorkspaceFolders(_ context.Context, p *lsp.DidChangeWorkspaceFoldersParams) (any, error) {
	folders := s.workspaceFolders()
	for _, f := range p.Event.Removed {
		folders = slices.DeleteFunc(folders, func(have string) bool { return have == filepath.Clean(pathOf(f.URI)) })
	}
	for _, f := range p.Event.Added {
		if path := pathOf(f.URI); path != "" {
			folders = append(folders, path)
		}
	}
	s.setFolders(folders)
	for _, f := range p.Event.Removed {
		if folder := filepath.Clean(pathOf(f.URI)); !slices.Contains(s.workspaceFolders(), folder) {
			s.forget(folder)
		}
	}
	for _, f := range folders {
		if hasTiltfile(f) {
			s.project(f)
		}
		s.spawn(func(ctx context.Context) { s.discover(ctx, f) })
	}
	return nil, nil
}

func (s *session) setFolders(folders []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.folders = nil
	for _, f := range folders {
		s.folders = append(s.folders, filepath.Clean(f))
	}
}

func (s *session) workspaceFolders() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.folders)
}

func hasTiltfile(folder string) bool {
	info, err := os.Stat(filepath.Join(folder, "Tiltfile"))
	return err == nil && info.Mode().IsRegular()
}
