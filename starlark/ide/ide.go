// Package ide answers what an editor asks about a Tiltfile: diagnostics,
// completion, hover and the rest, each in a file of its own.
//
// Every feature is a function of an immutable Analysis and returns plain
// values with byte offsets; server/lsp turns them into the protocol's. Nothing
// here reads files, waits or keeps state: what lies outside of the text at hand
// is asked of the Host that the caller hands in, and may be unknown.
//
// Types are inferred gradually (starlark/infer). What is not known for certain is
// unknown, and nothing unknown is ever complained about: a diagnostic that is
// wrong does more harm than ten that are missing.
package ide

import (
	"io/fs"
	"path/filepath"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// Host is where a file lives, as the caller sees it. Its answers must
// not change while an Analysis lives, and come at once: a network is never
// asked. All methods may be called concurrently.
type Host interface {
	// File returns a parsed and resolved file by its absolute path, which is
	// also the file's Name; nil when it cannot be read.
	File(path string) *resolve.File
	// Module says where load(module) in the file from leads.
	Module(from, module string) Module
	// Extensions returns the names that load('ext://NAME') finds from a file, in
	// order, as far as they are known.
	Extensions(from string) []string
	// Contexts returns the names of the user's Kubernetes contexts.
	Contexts() []string
	// ReadFile returns the text of any file, as the editor has it.
	ReadFile(path string) (text string, ok bool)
	// ReadDir lists a folder by name; ok is false when it does not exist or is unknown.
	ReadDir(dir string) (entries []fs.DirEntry, ok bool)
}

// ModuleState says what is known about the file that a load names.
type ModuleState uint8

// The states of a module. Of an Unknown one nothing may be said, as of an
// extension that was not fetched.
const (
	Unknown ModuleState = iota
	Found
	Missing
)

// Module is where a load leads.
type Module struct {
	State ModuleState
	Path  string // absolute, when Found or where it would be; that of a shipped extension begins with ext://
	Note  string // why it is not Found, or what will become of it; may be empty
	New   bool   // the public collection had no extension of that name when this program was made
}

// Analysis is everything that the features look at. Zero fields are unknown.
type Analysis struct {
	Host    Host
	Project *config.Project // as last evaluated, nil before that
	Files   []string        // paths of the Tiltfiles that belong together, for searches
	Refused string          // the Kubernetes context in use, when the root Tiltfile at hand does not allow it

	// Stop is asked now and then by what may take long, and may wait. When it
	// says true nobody wants the answer any more.
	Stop func() bool
}

// Location is a place in a file.
type Location struct {
	Path string
	Span syntax.Span
}

// Edit replaces a place by a text.
type Edit struct {
	Path string
	Span syntax.Span
	Text string
}

// file returns a file of the workspace, nil when there is none.
func (s *Analysis) file(path string) *resolve.File {
	if s.Host == nil || path == "" {
		return nil
	}
	return s.Host.File(path)
}

// extensions returns the names of extensions that a file can load.
func (s *Analysis) extensions(f *resolve.File) []string {
	if s.Host == nil {
		return nil
	}
	return s.Host.Extensions(f.Name)
}

// module says where a load leads.
func (s *Analysis) module(f *resolve.File, l *resolve.Load) Module {
	if s.Host == nil || l == nil || l.Module == nil {
		return Module{}
	}
	return s.Host.Module(f.Name, l.Module.Value)
}

// dir returns the folder against which a file's relative paths are taken.
func dir(f *resolve.File) string { return filepath.Dir(f.Name) }

// loaded returns the file that a load leads to, nil while that is unknown.
func (s *Analysis) loaded(f *resolve.File, l *resolve.Load) *resolve.File {
	return s.file(s.module(f, l).Path)
}

// declaration follows a binding through loads to the file that makes it. The
// binding is nil when the way leads into the unknown.
func (s *Analysis) declaration(f *resolve.File, b *resolve.Binding) (*resolve.File, *resolve.Binding) {
	return resolve.Declaration(f, b, s.loaded)
}
