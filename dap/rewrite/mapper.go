// Package rewrite translates the paths of source files between the developer's
// machine and a debugged program, and knows where DAP messages hold them.
//
// # How a path is found
//
// A compiled program names its sources as the machine that built it did. Built
// on the developer's machine they are the developer's own paths; built in a
// Dockerfile they begin with the WORKDIR of the build stage; built with
// -trimpath they begin with the module's path. A person should have to say
// none of this. So, in this order:
//
//  1. what the person said (substitutePath) wins;
//  2. a path that is right as it is stays: a local file that the program
//     names, a program's path that exists here;
//  3. a module of the workspace that the program was built from is moved as a
//     whole: the folder that the most of the program's paths agree on, when
//     their ends are laid over the module's files, is where the module was;
//  4. the folders that live update keeps in step;
//  5. the standard library and the downloaded modules, by their own roots.
//
// What fits nothing stays as it is; the debugger then says that it does not
// know the file, which is the truth. Never is a file matched by its name alone:
// the editor sends the breakpoints of the whole workspace to every session,
// and the main.go of another service must not stop this one.
//
// # Symbolic links
//
// One file has several names when a folder above it is a link: the editor uses
// one, the compiler may have used another. They are compared by where they lead
// (Files.Real), and what the editor gets is spelled as the editor spells it:
// below the folder that it opened, and as it named files before.
//
// The package is pure: it sees the developer's machine through Files.
package rewrite

import (
	"path"
	"strings"
)

// Pair is a folder of the developer's machine and the same folder as the
// program knows it.
type Pair struct{ Local, Remote string }

// Module is a Go module of the workspace.
type Module struct {
	Dir  string // local folder of its go.mod
	Path string // as go.mod declares it
}

// Built is a module that a program was built from.
type Built struct {
	Path     string
	Version  string // "" of the main one
	Replaced string // the folder or the module, as path@version, that a replace directive names
}

// Files is what a Mapper may know of the developer's machine. Its methods are
// called by one goroutine at a time.
type Files interface {
	// Exists reports whether a local file exists.
	Exists(path string) bool

	// Real returns the name of a file or folder that no link is part of; the
	// name as it is when there is no such file.
	Real(path string) string
}

// Workspace describes the developer's machine. Folders are under their real
// names but for Root.
type Workspace struct {
	Files    Files
	Root     string   // the folder that the editor has open, as it spells it
	Explicit []Pair   // the person's own, the first that fits wins
	Synced   []Pair   // of live update
	Modules  []Module // of the workspace
	GOROOT   string   // "" when there is no Go here
	ModCache string   // GOMODCACHE, "" when there is none
}

// Program describes what is debugged.
type Program struct {
	Sources []string // every source file that it names; none: not known
	Modules []Built  // that it was built from, the main one first; none: not known
}

// Mapper translates paths for one program. It is not safe for concurrent use.
type Mapper struct {
	space   Workspace
	modules []Built
	sources map[string]bool
	named   map[string][]string // sources by the last element of their path
	moved   []Pair              // modules that were built elsewhere
	spelled []Pair              // folders: as the editor spells them, and where that leads
	local   map[string]string
	remote  map[string]string
}

// NewMapper returns a mapper; finding where modules were built asks Files for
// some of the program's sources.
func NewMapper(space Workspace, program Program) *Mapper {
	m := &Mapper{
		space:   space,
		modules: program.Modules,
		sources: make(map[string]bool, len(program.Sources)),
		named:   make(map[string][]string, len(program.Sources)),
		local:   map[string]string{},
		remote:  map[string]string{},
	}
	for _, s := range program.Sources {
		m.sources[s] = true
		m.named[path.Base(s)] = append(m.named[path.Base(s)], s)
	}
	for _, p := range space.Explicit { // the person may have spelled it in another way than the editor does
		m.space.Explicit = append(m.space.Explicit[:len(m.space.Explicit):len(m.space.Explicit)], Pair{space.Files.Real(p.Local), p.Remote})
	}
	if space.Root != "" {
		m.names(space.Root, space.Files.Real(space.Root))
	}
	m.locate(program)
	return m
}

// Moved returns the modules that were found to be built in another folder.
func (m *Mapper) Moved() []Pair { return m.moved }

// ToRemote returns what the program calls a local file.
func (m *Mapper) ToRemote(local string) string {
	if to, ok := m.remote[local]; ok {
		return to
	}
	to := m.findRemote(local)
	m.remote[local] = to
	return to
}

func (m *Mapper) findRemote(local string) string {
	real := m.space.Files.Real(local)
	m.names(local, real)
	if to, ok := m.known(local); ok {
		return to
	}
	if to, ok := m.known(real); ok {
		return to
	}
	for _, s := range m.named[path.Base(real)] {
		if path.IsAbs(s) && m.space.Files.Exists(s) && m.space.Files.Real(s) == real {
			return s
		}
	}
	return m.fromRoots(real, local)
}

// known finds a local file, spelled in one way, in the program.
func (m *Mapper) known(local string) (remote string, ok bool) {
	for _, p := range m.space.Explicit {
		if to, ok := move(local, p.Local, p.Remote); ok {
			return to, true
		}
	}
	if m.sources[local] {
		return local, true
	}
	for _, p := range m.moved {
		if to, ok := move(local, p.Local, p.Remote); ok && m.sources[to] {
			return to, true
		}
	}
	for _, p := range m.space.Synced {
		if to, ok := move(local, p.Local, p.Remote); ok && m.mayName(to) {
			return to, true
		}
	}
	return "", false
}

// fromRoots finds a file of the standard library or of a downloaded module
// among the program's sources.
func (m *Mapper) fromRoots(real, otherwise string) string {
	for _, s := range m.named[path.Base(real)] {
		if to, ok := m.inRoots(s); ok && m.space.Files.Real(to) == real {
			return s
		}
	}
	return otherwise
}

// ToLocal returns the local file that the program calls remote, as the editor
// spells it.
func (m *Mapper) ToLocal(remote string) string {
	if to, ok := m.local[remote]; ok {
		return to
	}
	to := m.spell(m.findLocal(remote))
	m.local[remote] = to
	return to
}

func (m *Mapper) findLocal(remote string) string {
	for _, p := range m.space.Explicit {
		if to, ok := move(remote, p.Remote, p.Local); ok {
			return to
		}
	}
	if path.IsAbs(remote) && m.space.Files.Exists(remote) {
		return remote
	}
	for _, pairs := range [][]Pair{m.moved, m.space.Synced} {
		for _, p := range pairs {
			if to, ok := move(remote, p.Remote, p.Local); ok && m.space.Files.Exists(to) {
				return to
			}
		}
	}
	if to, ok := m.inRoots(remote); ok {
		return to
	}
	return remote
}

// mayName reports whether the program may know a file of that name.
func (m *Mapper) mayName(remote string) bool { return len(m.sources) == 0 || m.sources[remote] }

// move returns file with the folder from replaced by to, if it lies in from.
// An empty to leaves the relative path, an empty from takes one.
func move(file, from, to string) (string, bool) {
	from = trim(from)
	if from == "" {
		if path.IsAbs(file) {
			return "", false
		}
		return path.Join(to, file), true
	}
	rest, ok := strings.CutPrefix(file, from)
	if !ok || from != "/" && rest != "" && rest[0] != '/' {
		return "", false
	}
	rest = strings.TrimPrefix(rest, "/")
	switch {
	case to == "":
		return rest, true
	case rest == "":
		return trim(to), true
	}
	return strings.TrimSuffix(to, "/") + "/" + rest, true
}

func trim(dir string) string {
	if len(dir) > 1 {
		return strings.TrimSuffix(dir, "/")
	}
	return dir
}
