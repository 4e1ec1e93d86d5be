// Package ignore says which files patterns in the syntax of .dockerignore leave
// out, for all who ask: what a build gets and what is watched and synced must
// not differ.
package ignore

import (
	"fmt"
	"path/filepath"

	"github.com/moby/patternmatcher"

	"github.com/towline-dev/towline/starlark/config"
)

// Rules are one set of patterns. A pattern that begins with "!" makes an
// exception within its own set. Not for two goroutines at once.
type Rules struct {
	Base     string   // the folder that the patterns are relative to
	Patterns []string // as they were written

	matcher *patternmatcher.PatternMatcher
}

// New compiles patterns. The problem names the file that they come from.
func New(i config.Ignore) (Rules, *config.Problem) {
	m, err := patternmatcher.New(i.Relative())
	if err != nil {
		return Rules{}, &config.Problem{
			Message: fmt.Sprintf("ignore pattern: %v", err),
			Hint:    "patterns follow the syntax of .dockerignore",
			Pos:     config.Position{File: i.Source},
		}
	}
	return Rules{Base: i.Base, Patterns: i.Patterns, matcher: m}, nil
}

// Ignores reports whether a file or folder, by its absolute path, is left out.
func (r Rules) Ignores(path string) (bool, error) {
	rel, below := r.relative(path)
	if !below {
		return false, nil
	}
	return r.matcher.MatchesOrParentMatches(filepath.ToSlash(rel))
}

// Prunes reports whether a folder is left out with all that it holds: no
// exception can bring a file of it back.
func (r Rules) Prunes(dir string) bool {
	if r.HasExceptions() {
		return false
	}
	ignored, err := r.Ignores(dir)
	return err == nil && ignored
}

// HasExceptions reports whether what a folder's pattern leaves out may hold
// files that are not.
func (r Rules) HasExceptions() bool { return r.matcher.Exclusions() }

// relative returns a path as the patterns see it. They say nothing of their own
// folder, nor of what lies outside of it; "..data", as Kubernetes names
// folders, lies inside.
func (r Rules) relative(path string) (rel string, below bool) {
	rel, err := filepath.Rel(r.Base, path)
	return rel, err == nil && rel != "." && filepath.IsLocal(rel)
}
