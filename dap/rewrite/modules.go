package rewrite

import (
	"path"
	"slices"
	"strings"
	"unicode"
)

// locate finds where the modules of the workspace were when the program was
// built.
func (m *Mapper) locate(program Program) {
	for _, mod := range m.workspaceModules(program) {
		if root, ok := m.built(mod, program.Sources); ok {
			m.moved = append(m.moved, Pair{mod.Dir, root})
		}
	}
	// The innermost module first: it is the one that a file belongs to.
	slices.SortStableFunc(m.moved, func(a, b Pair) int { return len(b.Local) - len(a.Local) })
}

// module is a folder of the workspace that may be part of the program.
type module struct {
	Module
	version string // that the program was built with; "" for none or not known
}

// workspaceModules returns the modules of the workspace that the program was
// built from, by their path or because a replace directive names their folder.
func (m *Mapper) workspaceModules(program Program) []module {
	var found []module
	for _, mod := range m.space.Modules {
		i := slices.IndexFunc(program.Modules, func(b Built) bool { return b.Path == mod.Path })
		switch {
		case i >= 0:
			found = append(found, module{mod, program.Modules[i].Version})
		case len(program.Modules) == 0:
			found = append(found, module{mod, ""})
		}
	}
	if len(program.Modules) == 0 {
		return found
	}
	base := ""
	for _, mod := range m.space.Modules {
		if mod.Path == program.Modules[0].Path {
			base = mod.Dir
		}
	}
	for _, b := range program.Modules[1:] {
		dir := b.Replaced
		if !isFolder(dir) || !path.IsAbs(dir) && base == "" {
			continue
		}
		if !path.IsAbs(dir) {
			dir = path.Join(base, dir)
		}
		if !slices.ContainsFunc(found, func(f module) bool { return f.Dir == dir }) {
			found = append(found, module{Module{Dir: dir, Path: b.Path}, b.Version})
		}
	}
	return found
}

// isFolder reports whether a replacement is a folder, as go.mod tells it from
// a module.
func isFolder(replaced string) bool {
	return strings.HasPrefix(replaced, "./") || strings.HasPrefix(replaced, "../") ||
		replaced == "." || replaced == ".." || path.IsAbs(replaced)
}

// built returns the folder that a module was in when the program was built:
// the one that the most of the program's sources agree on.
func (m *Mapper) built(mod module, sources []string) (root string, ok bool) {
	trimmed := []string{mod.Path}
	if mod.version != "" {
		trimmed = append(trimmed, mod.Path+"@"+mod.version)
	}
	votes := map[string]int{}
	for _, s := range sources {
		if !path.IsAbs(s) { // -trimpath
			for _, prefix := range trimmed {
				if to, ok := move(s, prefix, mod.Dir); ok && m.space.Files.Exists(to) {
					votes[prefix]++
				}
			}
			continue
		}
		if strings.Contains(s, "/pkg/mod/") || strings.Contains(s, "/go/src/") {
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

// inRoots finds a file of the standard library or of a downloaded module on
// the developer's machine.
func (m *Mapper) inRoots(remote string) (string, bool) {
	end := remote // -trimpath
	if _, after, ok := strings.Cut(remote, "/pkg/mod/"); ok {
		end = after
	} else if _, after, ok := strings.Cut(remote, "/go/src/"); ok {
		end = after
	} else if _, after, ok := strings.Cut(remote, "/vendor/"); ok {
		end = after
	}
	if path.IsAbs(end) {
		return "", false
	}
	candidates := []string{}
	if m.space.GOROOT != "" {
		candidates = append(candidates, path.Join(m.space.GOROOT, "src", end))
	}
	if m.space.ModCache != "" {
		candidates = append(candidates, path.Join(m.space.ModCache, end)) // escaped already, if need be
		if dir, rest, ok := m.downloaded(end); ok {
			candidates = append(candidates, path.Join(m.space.ModCache, dir, rest))
		}
	}
	for _, to := range candidates {
		if m.space.Files.Exists(to) {
			return to, true
		}
	}
	return "", false
}

// downloaded returns the folder in the module cache of the module that a file
// belongs to, and the rest: what replaces it, if something does. The file is
// named by its module, with a version or, when it is vendored, without.
func (m *Mapper) downloaded(file string) (dir, rest string, ok bool) {
	longest := -1
	for _, b := range m.modules {
		for _, name := range []string{b.Path + "@" + b.Version, b.Path} {
			end, fits := move(file, name, "")
			if !fits || b.Version == "" || len(name) <= longest {
				continue
			}
			from := b.Path + "@" + b.Version
			if b.Replaced != "" {
				from = b.Replaced
			}
			dir, rest, ok, longest = escape(from), end, !isFolder(from), len(name)
		}
	}
	return dir, rest, ok
}

// escape spells a module as the module cache does, for file systems that do not
// tell cases apart: an exclamation mark and the small letter for a capital one.
func escape(module string) string {
	var b strings.Builder
	for _, r := range module {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
