package tree

import (
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/towline-dev/towline/starlark/config"
)

// Filter decides which files count. The zero value accepts all but version
// control and the temporary files of editors.
type Filter struct {
	rules []rule
}

type rule struct {
	base    string
	matcher *patternmatcher.PatternMatcher
	negates bool // a folder that matches may hold files that do not
}

// NewFilter compiles ignore patterns in dockerignore syntax. Patterns that do
// not compile are left out and returned as problems.
func NewFilter(ignores ...[]config.Ignore) (Filter, []config.Problem) {
	var f Filter
	var problems []config.Problem
	for _, list := range ignores {
		for _, ig := range list {
			m, err := patternmatcher.New(ig.Relative())
			if err != nil {
				problems = append(problems, config.Problem{
					Message: "ignore pattern: " + err.Error(),
					Hint:    "patterns follow the syntax of .dockerignore",
					Pos:     config.Position{File: ig.Source},
				})
				continue
			}
			f.rules = append(f.rules, rule{base: ig.Base, matcher: m, negates: m.Exclusions()})
		}
	}
	return f, problems
}

// Keep reports whether a file counts, or whether a folder has to be entered.
func (f Filter) Keep(path string, dir bool) bool {
	if ephemeral(path, dir) {
		return false
	}
	for _, r := range f.rules {
		rel, err := filepath.Rel(r.base, path)
		if err != nil || rel == "." || rel == ".." || strings.HasPrefix(rel, "../") {
			continue
		}
		if dir && r.negates {
			continue
		}
		if match, err := r.matcher.MatchesOrParentMatches(rel); err == nil && match {
			return false
		}
	}
	return true
}

// ephemeral knows what no build depends on: version control, and the files
// that editors and compilers write for a moment beside the real ones.
func ephemeral(path string, dir bool) bool {
	name := filepath.Base(path)
	if dir {
		return name == ".git" || name == ".idea"
	}
	switch {
	case name == ".git": // of a worktree or a submodule
		return true
	case strings.Contains(path, "/.git/"), strings.Contains(path, "/.idea/"):
		return true
	case strings.HasPrefix(name, "___jb_"), strings.HasPrefix(name, ".#"), strings.HasSuffix(name, "~"), name == "4913":
		return true
	case strings.HasSuffix(name, "-go-tmp-umask"), strings.HasPrefix(name, "flymake_"):
		return true
	case strings.HasSuffix(name, ".kate-swp"), strings.HasPrefix(name, ".towline-"):
		return true
	}
	if strings.HasPrefix(name, ".") {
		switch filepath.Ext(name) {
		case ".swp", ".swx", ".swo", ".swn":
			return true
		}
	}
	return false
}
