package workspace

import (
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/ide"
	"github.com/towline-dev/towline/starlark/resolve"
)

// World is a Snapshot as starlark/ide asks about it. It looks
// at the disk, and at nothing that could keep it waiting.
type World struct {
	Snapshot *Snapshot
	Found    *Extensions        // nil: of extensions nothing is known
	API      []config.APIObject // of the last evaluation: repositories are among them
	Kube     *Kubeconfig        // nil: of contexts nothing is known
}

// File implements ide.Host.
func (w World) File(path string) *resolve.File {
	text := w.Text(path)
	if text == nil {
		return nil
	}
	return text.File(path)
}

// Text returns the text of a file, of a document that is none, or of a shipped
// extension; nil when there is none.
func (w World) Text(path string) *Text {
	if doc := w.Snapshot.Document(path); doc != nil && doc.Path == "" {
		return doc.Text
	}
	if IsShipped(path) && w.Found != nil {
		return w.Found.text(path)
	}
	if !filepath.IsAbs(path) {
		return nil
	}
	text, err := w.Snapshot.Text(path)
	if err != nil {
		return nil
	}
	return text
}

// Module implements ide.Host.
func (w World) Module(from, module string) ide.Module {
	if name, ok := strings.CutPrefix(module, extensions.Scheme); ok {
		if w.Found == nil {
			return ide.Module{State: ide.Unknown}
		}
		return w.extension(from, name)
	}
	path := module
	if !filepath.IsAbs(path) {
		if !filepath.IsAbs(from) {
			return ide.Module{State: ide.Unknown}
		}
		path = filepath.Join(filepath.Dir(from), path)
	}
	if _, err := w.Snapshot.Text(path); err != nil {
		return ide.Module{State: ide.Missing, Path: path}
	}
	return ide.Module{State: ide.Found, Path: path}
}

// ReadFile implements ide.Host.
func (w World) ReadFile(path string) (string, bool) {
	text := w.Text(path)
	if text == nil {
		return "", false
	}
	return text.String(), true
}

// Contexts implements ide.Host.
func (w World) Contexts() []string {
	if w.Kube == nil {
		return nil
	}
	return w.Kube.Contexts()
}

// ReadDir implements ide.Host.
func (w World) ReadDir(dir string) ([]fs.DirEntry, bool) {
	if !filepath.IsAbs(dir) {
		return nil, false
	}
	entries, err := w.Snapshot.ReadDir(dir)
	return entries, err == nil
}
