package workspace

import (
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/resolve"
)

// World is a Snapshot as starlark/ide asks about it. It looks
// at the disk, and at nothing that could keep it waiting.
type World struct{ Snapshot *Snapshot }

// File implements ide.Workspace.
func (w World) File(path string) *resolve.File {
	if doc := w.Snapshot.Document(path); doc != nil && doc.Path == "" {
		return doc.Text.File(path)
	}
	if !filepath.IsAbs(path) {
		return nil
	}
	text, err := w.Snapshot.Text(path)
	if err != nil {
		return nil
	}
	return text.File(path)
}

// Module implements ide.Workspace.
func (w World) Module(from, module string) ide.Module {
	if strings.HasPrefix(module, "ext://") {
		return ide.Module{State: ide.Unknown}
	}
	path := module
	if !filepath.IsAbs(path) {
		if !filepath.IsAbs(from) {
			return ide.Module{State: ide.Unknown}
		}
		path = filepath.Join(filepath.Dir(from), path)
	}
	if _, err := w.Snapshot.Text(path); err != nil {
		return ide.Module{State: ide.Missing}
	}
	return ide.Module{State: ide.Found, Path: path}
}

// ReadDir implements ide.Workspace.
func (w World) ReadDir(dir string) ([]fs.DirEntry, bool) {
	if !filepath.IsAbs(dir) {
		return nil, false
	}
	entries, err := w.Snapshot.ReadDir(dir)
	return entries, err == nil
}

// IsTiltfile reports whether a path is named as Tiltfiles are.
func IsTiltfile(path string) bool {
	name := filepath.Base(path)
	return name == "Tiltfile" || strings.HasPrefix(name, "Tiltfile.") || strings.HasSuffix(strings.ToLower(name), ".tiltfile")
}
