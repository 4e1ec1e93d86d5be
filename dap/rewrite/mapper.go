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
// The package is pure: it sees the developer's machine through Files.
package rewrite

import (
	"path"
	"sort"
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

// Files is what a Mapper may know of the developer's machine. Its methods are
// called by one goroutine at a time.
type Files interface {
	// Exists reports whether a local file exists.
	Exists(path string) bool
}

// Workspace describes the developer's machine.
type Workspace struct {
	Files    Files
	Explicit []Pair   // the person's own, the first that fits wins
	Synced   []Pair   // of live update
	Modules  []Module // of the workspace
	GOROOT   string   // "" when there is no Go here
	ModCache string   // GOMODCACHE, "" when there is none
}

// Program describes what is debugged.
type Program struct {
	Sources []string // every source file that it names; none: not known
	Modules []string // module paths that it was built from; none: not known
}

// Mapper translates paths for one program. It is not safe for concurrent use.
type Mapper struct {
	space   Workspace
	sources map[string]bool
	moved   []Pair // modules that were built elsewhere
	local   map[string]string
	remote  map[string]string
}

// NewMapper returns a mapper; finding where modules were built asks Files for
// some of the program's sources.
func NewMapper(space Workspace, program Program) *Mapper {
	m := &Mapper{
		space:   space,
		sources: make(map[string]bool, len(program.Sources)),
		local:   map[string]string{},
		remote:  map[string]string{},
	}
	for _, s := range program.Sources {
		m.sources[s] = true
	}
	for _, mod := range space.Modules {
		if len(program.Modules) > 0 && !contains(program.Modules, mod.Path) {
			continue
		}
		if root, ok := m.built(mod, program.Sources); ok {
			m.moved = append(m.moved, Pair{mod.Dir, root})
		}
	}
	// The innermost module first: it is the one that a file belongs to.
	sort.SliceStable(m.moved, func(i, j int) bool { return len(m.moved[i].Local) > len(m.moved[j].Local) })
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
	for _, p := range m.space.Explicit {
		if to, ok := move(local, p.Local, p.Remote); ok {
			return to
		}
	}
	if m.sources[local] {
		return local
	}
	for _, p := range m.moved {
		if to, ok := move(local, p.Local, p.Remote); ok && m.sources[to] {
			return to
		}
	}
	for _, p := range m.space.Synced {
		if to, ok := move(local, p.Local, p.Remote); ok && m.names(to) {
			return to
		}
	}
	return m.fromRoots(local)
}

// fromRoots finds a file of the standard library or of a downloaded module
// among the program's sources.
func (m *Mapper) fromRoots(local string) string {
	for _, root := range m.roots() {
		end, ok := move(local, root, "")
		if !ok {
			continue
		}
		if m.sources[end] { // -trimpath
			return end
		}
		for s := range m.sources {
			if strings.HasSuffix(s, "/"+end) && m.findLocal(s) == local {
				return s
			}
		}
	}
	return local
}

// ToLocal returns the local file that the program calls remote.
func (m *Mapper) ToLocal(remote string) string {
	if to, ok := m.local[remote]; ok {
		return to
	}
	to := m.findLocal(remote)
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
	return m.inRoots(remote)
}

// inRoots finds a file of the standard library or of a downloaded module on
// the developer's machine.
func (m *Mapper) inRoots(remote string) string {
	end := remote // -trimpath
	if _, after, ok := strings.Cut(remote, "/pkg/mod/"); ok {
		end = after
	} else if _, after, ok := strings.Cut(remote, "/go/src/"); ok {
		end = after
	}
	if path.IsAbs(end) {
		return remote
	}
	for _, root := range m.roots() {
		if to := path.Join(root, end); m.space.Files.Exists(to) {
			return to
		}
	}
	return remote
}

func (m *Mapper) roots() []string {
	var roots []string
	if m.space.GOROOT != "" {
		roots = append(roots, path.Join(m.space.GOROOT, "src"))
	}
	if m.space.ModCache != "" {
		roots = append(roots, m.space.ModCache)
	}
	return roots
}

// names reports whether the program may know a file of that name.
func (m *Mapper) names(remote string) bool { return len(m.sources) == 0 || m.sources[remote] }

// built returns the folder that a module was in when the program was built:
// the one that the most of the program's sources agree on.
func (m *Mapper) built(mod Module, sources []string) (root string, ok bool) {
	votes := map[string]int{}
	for _, s := range sources {
		if to, ok := move(s, mod.Path, mod.Dir); ok && m.space.Files.Exists(to) { // -trimpath
			votes[mod.Path]++
			continue
		}
		if !path.IsAbs(s) || strings.Contains(s, "/pkg/mod/") || strings.Contains(s, "/go/src/") {
			continue
		}
		if root, ok := m.longestEnd(s, mod.Dir); ok {
			votes[root]++
		}
	}
	most := 0
	for r, n := range votes {
		// Of folders with as many votes the outer one, so that it is always the same.
		if n > most || n == most && (len(r) < len(root) || len(r) == len(root) && r < root) {
			root, most = r, n
		}
	}
	return root, most > 0 && root != mod.Dir
}

// longestEnd finds the longest end of a path that exists below dir and returns
// what comes before it.
func (m *Mapper) longestEnd(s, dir string) (string, bool) {
	for i := 0; i >= 0 && i < len(s); {
		end := s[i+1:]
		if m.space.Files.Exists(path.Join(dir, end)) {
			if i == 0 {
				return "/", true
			}
			return s[:i], true
		}
		next := strings.IndexByte(end, '/')
		if next < 0 {
			break
		}
		i += next + 1
	}
	return "", false
}

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

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
