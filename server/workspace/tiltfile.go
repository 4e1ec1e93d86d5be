package workspace

import (
	"path/filepath"
	"strings"

	"github.com/towline-dev/towline/starlark/ide"
)

// IsTiltfile reports whether a path is named as Tiltfiles are.
func IsTiltfile(path string) bool {
	name := filepath.Base(path)
	return name == "Tiltfile" || strings.HasPrefix(name, "Tiltfile.") || strings.HasSuffix(strings.ToLower(name), ".tiltfile")
}

// IsTiltfile reports whether a document is one of Tilt's language. Where an
// editor calls all that is Starlark by one name, Bazel's and Buck's files too,
// it is one if it is named so, or a Tiltfile beside it or above takes it in.
func (s *Snapshot) IsTiltfile(doc *Document) bool {
	switch {
	case doc.Language == "tiltfile", IsTiltfile(doc.Path):
		return true
	case doc.Language != "starlark":
		return false
	case doc.Path == "":
		return true // a draft
	}
	s.mu.Lock()
	taken, known := s.taken[doc.Path]
	s.mu.Unlock()
	if !known {
		taken = s.takenIn(doc.Path)
		s.mu.Lock()
		if s.taken == nil {
			s.taken = map[string]bool{}
		}
		s.taken[doc.Path] = taken
		s.mu.Unlock()
	}
	return taken
}

// takenIn reports whether a Tiltfile of the file's folder or one above takes a
// file in, directly or through others.
func (s *Snapshot) takenIn(path string) bool {
	l := loadGraph{world: World{Snapshot: s}, target: path, seen: map[string]bool{}}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		entries, _ := s.ReadDir(dir)
		for _, e := range entries {
			if IsTiltfile(e.Name()) && !e.IsDir() && l.reaches(filepath.Join(dir, e.Name())) {
				return true
			}
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// maxGraph is how many files are looked through for one that takes another in.
const maxGraph = 500

// loadGraph looks for a file among those that others take in.
type loadGraph struct {
	world  World
	target string
	seen   map[string]bool
}

func (l *loadGraph) reaches(from string) bool {
	if l.seen[from] || len(l.seen) >= maxGraph {
		return false
	}
	l.seen[from] = true
	file := l.world.File(from)
	if file == nil {
		return false
	}
	for _, load := range file.Loads {
		if strings.Contains(load.Module.Value, "://") {
			continue // an extension takes in none of the project's files
		}
		m := l.world.Module(from, load.Module.Value)
		if m.State == ide.Found && (m.Path == l.target || l.reaches(m.Path)) {
			return true
		}
	}
	return false
}
