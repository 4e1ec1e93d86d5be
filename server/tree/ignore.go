package tree

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/ignore"
	"github.com/towline-dev/towline/starlark/config"
)

// Filter decides which files count. The zero value accepts all but version
// control and the temporary files of editors.
type Filter struct {
	rules []ignore.Rules
}

// NewFilter compiles ignore patterns in dockerignore syntax. Patterns that do
// not compile are left out and returned as problems.
func NewFilter(ignores ...[]config.Ignore) (Filter, []config.Problem) {
	var f Filter
	var problems []config.Problem
	for _, ig := range slices.Concat(ignores...) {
		rules, problem := ignore.New(ig)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		f.rules = append(f.rules, rules)
	}
	return f, problems
}

// Keep reports whether a file counts, or whether a folder has to be entered.
func (f Filter) Keep(path string, dir bool) bool {
	if ephemeral(path, dir) {
		return false
	}
	return !slices.ContainsFunc(f.rules, func(r ignore.Rules) bool {
		if dir {
			return r.Prunes(path)
		}
		ignored, err := r.Ignores(path)
		return err == nil && ignored
	})
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
