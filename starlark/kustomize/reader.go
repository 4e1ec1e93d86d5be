package kustomize

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/towline-dev/towline/starlark/value"
)

// reader lets the library read files and notes which; it refuses to write.
type reader struct {
	filesys.FileSystem
	files    Files
	tiltfile string
	seen     []string
}

// watch has the evaluation depend on what was read.
func (r *reader) watch() {
	for _, path := range r.seen {
		r.files.Watch(path)
	}
}

var errNoFile = errors.New("it is a pipe, a socket or a device, not a file")

// ReadFile implements filesys.FileSystem.
func (r *reader) ReadFile(path string) ([]byte, error) {
	r.note(path)
	if info, err := os.Stat(path); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errNoFile} // reading it may never end
	}
	if !filepath.IsAbs(path) {
		return r.FileSystem.ReadFile(path)
	}
	return r.files.Content(path)
}

// Open implements filesys.FileSystem.
func (r *reader) Open(path string) (filesys.File, error) {
	r.note(path)
	return r.FileSystem.Open(path)
}

// note leaves out what was fetched to a temporary folder, and the other names
// that a kustomization could have.
func (r *reader) note(path string) {
	if !filepath.IsAbs(path) || r.fetched(path) {
		return
	}
	if slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(path)) && !r.FileSystem.Exists(path) {
		return
	}
	r.seen = append(r.seen, path)
}

// fetched reports whether a path is in a folder that the library made to fetch
// something to. A project may have such a name as well.
func (r *reader) fetched(path string) bool {
	made := filepath.Join(os.TempDir(), "kustomize-")
	rest, ok := strings.CutPrefix(path, made)
	if !ok {
		return false
	}
	folder, _, _ := strings.Cut(rest, string(filepath.Separator))
	return !value.Below([]string{made + folder}, r.tiltfile)
}

// Create implements filesys.FileSystem.
func (r *reader) Create(path string) (filesys.File, error) {
	if !strings.HasPrefix(path, os.TempDir()) {
		return nil, &os.PathError{Op: "create", Path: path, Err: os.ErrPermission}
	}
	return r.FileSystem.Create(path)
}
