package tree

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

func TestKeep(t *testing.T) {
	tests := []struct {
		patterns string // of /w, one a word
		path     string // ending in / when it is a folder
		want     bool
	}{
		// Dockerignore syntax, relative to its folder.
		{"", "/w/main.go", true},
		{"*.md", "/w/README.md", false},
		{"*.md", "/w/docs/README.md", true},
		{"**/*.md", "/w/docs/README.md", false},
		{"node_modules", "/w/node_modules/", false},
		{"node_modules", "/w/node_modules/x/y.js", false},
		{"node_modules", "/w/web/node_modules/", true},
		{"node_modules/", "/w/node_modules/", false},
		{"/build", "/w/build/api", false},
		{"* !/build", "/w/build/api", true},
		{"a?c", "/w/abc", false},
		{"a?c", "/w/abbc", true},
		{"*", "/w/anything", false},
		{"*", "/w/", true}, // the folder itself is never ignored by its own rules
		{"# comment", "/w/comment", true},
		// A later exception wins, and its folder has to be entered.
		{"* !keep.txt", "/w/keep.txt", true},
		{"* !keep.txt", "/w/other.txt", false},
		{"dir !dir/keep", "/w/dir/", true},
		{"dir !dir/keep", "/w/dir/keep", true},
		{"dir !dir/keep", "/w/dir/lose", false},
		{"!keep *", "/w/keep", false},
		// They hold below their folder only.
		{"*", "/other/file", true},
		{"**", "/wider/file", true},
		{"../other", "/other/file", true},
		// A .gitignore has no say, nor is it special.
		{"", "/w/.gitignore", true},
		// Version control and an IDE's own folder are always left out.
		{"", "/w/.git/", false},
		{"", "/w/.git", false}, // the file of a worktree or a submodule
		{"", "/w/.git/index", false},
		{"", "/w/sub/.git/HEAD", false},
		{"", "/w/.github/workflows/ci.yml", true},
		{"", "/w/.idea/", false},
		{"", "/w/.idea/workspace.xml", false},
		{"!.git", "/w/.git/index", false},
		// What editors and compilers write for a moment.
		{"", "/w/main.go___jb_tmp___", true}, // only as a prefix, as Tilt has it
		{"", "/w/___jb_tmp___", false},
		{"", "/w/.#main.go", false},
		{"", "/w/main.go~", false},
		{"", "/w/4913", false},
		{"", "/w/14913", true},
		{"", "/w/.main.go.swp", false},
		{"", "/w/.main.go.swx", false},
		{"", "/w/.main.go.swo", false},
		{"", "/w/.main.go.swn", false},
		{"", "/w/main.swp", true},
		{"", "/w/.main.go.swift", true},
		{"", "/w/.main.go.kate-swp", false},
		{"", "/w/flymake_main.go", false},
		{"", "/w/main.go-go-tmp-umask", false},
		{"", "/w/.towline-1234", false},
		{"", "/w/~main.go", true},
		{"", "/w/backup~/", true}, // a folder is no editor's file
	}
	for _, test := range tests {
		var ignores []config.Ignore
		if test.patterns != "" {
			patterns := strings.Fields(test.patterns)
			if strings.HasPrefix(test.patterns, "#") {
				patterns = []string{test.patterns}
			}
			ignores = []config.Ignore{{Base: "/w", Patterns: patterns}}
		}
		f, problems := NewFilter(ignores)
		if len(problems) > 0 {
			t.Errorf("%q: %v", test.patterns, problems)
			continue
		}
		path, dir := strings.CutSuffix(test.path, "/")
		if got := f.Keep(path, dir); got != test.want {
			t.Errorf("Keep(%s) with %q = %v, want %v", test.path, test.patterns, got, test.want)
		}
	}
}

// TestFilterOfSeveral has rules of two folders: each speaks for its own.
func TestFilterOfSeveral(t *testing.T) {
	f, _ := NewFilter([]config.Ignore{{Base: "/w/a", Patterns: []string{"x"}}}, []config.Ignore{{Base: "/w", Patterns: []string{"y", "!y"}}, {Base: "/w", Patterns: []string{"b/y"}}})
	for path, want := range map[string]bool{"/w/a/x": false, "/w/b/x": true, "/w/y": true, "/w/b/y": false} {
		if got := f.Keep(path, false); got != want {
			t.Errorf("Keep(%s) = %v, want %v", path, got, want)
		}
	}
}

func TestBadPatternIsAProblem(t *testing.T) {
	f, problems := NewFilter([]config.Ignore{
		{Base: "/w", Patterns: []string{"a[", "b"}, Source: "/w/.dockerignore"},
		{Base: "/w", Patterns: []string{"c"}},
	})
	if len(problems) != 1 || problems[0].Hint == "" || problems[0].Pos.File != "/w/.dockerignore" {
		t.Errorf("problems = %+v, want one in /w/.dockerignore with a hint", problems)
	}
	if f.Keep("/w/c", false) || !f.Keep("/w/d", false) {
		t.Error("the other rules do not hold")
	}
}
