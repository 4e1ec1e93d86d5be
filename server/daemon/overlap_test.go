package daemon

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// TestOverlappingSyncSteps has steps whose targets overlap, and a change of one
// file: what of it is sent, as "remote<local", or "-remote" for a deletion.
func TestOverlappingSyncSteps(t *testing.T) {
	for name, test := range map[string]struct {
		files, steps, changed, want string
	}{
		"one step":                        {"a/x", "a:/app", "a/x a/gone", "-/app/gone /app/x<a/x"},
		"the last step wins":              {"a/x b/x", "a:/app b:/app", "a/x b/x", "/app/x<b/x"},
		"what the other still has":        {"a/x", "a:/app b:/app", "b/x", "/app/x<a/x"},
		"nobody has it":                   {"a/y", "a:/app b:/app", "b/x", "-/app/x"},
		"a folder in a folder":            {"a/lib/x b/y", "a:/app b:/app/lib", "a/lib/x b/x", "/app/lib/x<a/lib/x"},
		"from the inner one":              {"b/x", "a:/app b:/app/lib", "a/lib/x", "/app/lib/x<b/x"},
		"order counts, not depth":         {"a/lib/x b/x", "b:/app/lib a:/app", "b/x", "/app/lib/x<a/lib/x"},
		"a folder where a file was":       {"b/x", "a:/app b:/app/lib", "a/lib", "/app/lib/ /app/lib/x<b/x"},
		"a file where a folder was":       {"b", "a:/app b:/app/lib", "a/lib/x", "-/app/lib/x /app/lib<b"},
		"a file below a later file":       {"a/lib/x b", "a:/app b:/app/lib", "a/lib/x b", "-/app/lib/x /app/lib<b"},
		"a folder over an earlier file":   {"a/lib b/x", "a:/app b:/app/lib", "a/lib b/x", "/app/lib/ /app/lib/x<b/x"},
		"a later file goes from a folder": {"a/lib/x a/lib/y", "a:/app b:/app/lib", "b", "/app/lib/ /app/lib/x<a/lib/x /app/lib/y<a/lib/y"},
		"a later folder goes from a file": {"a/lib", "a:/app b:/app/lib", "b/x b/y", "-/app/lib/x -/app/lib/y /app/lib<a/lib"},
		"a file where a later folder is":  {"a/lib b/x", "a:/app b:/app/lib", "a/lib/y", "-/app/lib/y"},
		"a later file becomes a folder":   {"a/lib/x b/y", "a:/app b:/app/lib", "b b/y", "/app/lib/ /app/lib/x<a/lib/x /app/lib/y<b/y"},
		"below what an earlier step has":  {"a/lib b/x b/y", "a:/app b:/app/lib", "b/x", "/app/lib/ /app/lib/x<b/x"},
		"a file into a folder":            {"a/f f", "a:/app f:/app/", "a/f f", "/app/f<f"},
		"its name is another's":           {"a/a/x b/y", "b:/app a:/app/", "a/a/x", "/app/a/x<a/a/x"},
		"one file to two places":          {"a/x", "a:/app a:/copy", "a/x", "/app/x<a/x /copy/x<a/x"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			g := &ground{t: t, root: root}
			img := &config.Image{Ref: "web", Deps: []string{root}}
			for _, pair := range strings.Fields(test.steps) {
				local, remote, _ := strings.Cut(pair, ":")
				img.LiveUpdate = append(img.LiveUpdate, config.Step{Kind: config.StepSync, Local: g.path(local), Remote: remote})
			}
			for _, f := range strings.Fields(test.files) {
				g.write(f, f)
			}
			all, _ := interestsOf(&config.Project{Images: []config.Image{*img}})
			s := &sources{tree: tree.New(disk{}), interests: all}
			if _, err := s.tree.Scan(root, all.keep); err != nil {
				t.Fatal(err)
			}
			var files []engine.File
			for _, f := range strings.Fields(test.changed) {
				files = append(files, engine.SyncFiles(img, g.path(f))...)
			}
			var got []string
			for _, f := range s.resolveOverlaps(img, files) {
				local, err := filepath.Rel(root, f.Local)
				if err != nil {
					t.Fatal(err)
				}
				if f.Gone {
					got = append(got, "-"+f.Remote)
				} else if f.Folder {
					got = append(got, f.Remote+"/")
				} else if _, is := s.tree.Entry(f.Local); is {
					got = append(got, fmt.Sprintf("%s<%s", f.Remote, local))
				} else {
					got = append(got, "-"+f.Remote)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("what is sent (-want +got):\n%s", diff)
			}
		})
	}
}
