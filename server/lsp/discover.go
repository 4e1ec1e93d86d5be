package lsp

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The bounds of a search for Tiltfiles below a workspace's folder.
const (
	searchDepth   = 6
	searchFolders = 4000
	searchFound   = 200
)

// discover makes the projects known that lie below a folder of the workspace,
// and looks for their daemons; none is started.
func (s *session) discover(ctx context.Context, folder string) {
	if home, err := os.UserHomeDir(); err == nil && folder == home || folder == filepath.Dir(folder) {
		return // what lies there is not one workspace's
	}
	for _, dir := range tiltfilesBelow(ctx, folder) {
		s.project(dir)
	}
}

// tiltfilesBelow returns the folders with a Tiltfile, those that are not deep
// first. Hidden folders and those of dependencies have others' Tiltfiles.
func tiltfilesBelow(ctx context.Context, root string) []string {
	type place struct {
		dir   string
		depth int
	}
	var out []string
	queue := []place{{root, 0}}
	for i := 0; i < len(queue) && i < searchFolders && len(out) < searchFound && ctx.Err() == nil; i++ {
		at := queue[i]
		if hasTiltfile(at.dir) {
			out = append(out, at.dir)
		}
		if at.depth == searchDepth {
			continue
		}
		entries, _ := os.ReadDir(at.dir) // what cannot be read has nothing
		for _, e := range entries {
			if e.IsDir() && !passedOver(e) {
				queue = append(queue, place{filepath.Join(at.dir, e.Name()), at.depth + 1})
			}
		}
	}
	return out
}

func passedOver(e fs.DirEntry) bool {
	switch e.Name() {
	case "node_modules", "vendor", "testdata":
		return true
	}
	return strings.HasPrefix(e.Name(), ".")
}
