package tree

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLinks has a repository with the synced folder app/src, and one link in
// it. want are the paths in app/src that count, with what they hold; a link
// has an arrow.
func TestLinks(t *testing.T) {
	for _, test := range []struct{ name, link, to, want string }{
		{"to a file outside", "l", "../../shared/f", "l=shared f"},
		{"to a folder outside", "l", "../../shared", "l/back=>../app/src l/deep/g=shared g l/f=shared f l/near=>f"},
		{"to the folder above", "l", "..", "l=>.."},
		{"within the folder", "l", "own", "l=>own"},
		{"within the folder, to a folder", "l", "sub", "l=>sub"},
		{"in a folder, within the synced one", "sub/l", "../own", "sub/l=>../own"},
		{"by its full name into its own folder", "l", "ROOT/app/src/own", "l=own"},
		{"by its full name to a folder that it lies in", "sub/l", "ROOT/app/src", "sub/l=>ROOT/app/src"},
		{"a chain that ends outside", "l", "../hop", "l=shared f"},
		{"a chain that ends where it began", "l", "../round", "l=>../round"},
		{"to itself", "l", "l", "l=>l"},
		{"to nothing", "l", "../../shared/later", "l=>../../shared/later"},
		{"behind another link", "l", "../via/f", "l=shared f"},
		{"out of the repository", "l", "../../../secret", "l=>../../../secret"},
		{"out of the repository by a link on the way", "l", "../away/secret", "l=>../away/secret"},
		{"to a device", "l", "/dev/null", "l=>/dev/null"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFolder(t)
			var err error
			f.root, err = filepath.EvalSymlinks(f.root)
			f.must(err)
			repo := f.path("repo")
			f.write("secret", "secret")
			f.write("repo/app/src/own", "own")
			f.write("repo/app/src/sub/x", "x")
			f.write("repo/shared/f", "shared f")
			f.write("repo/shared/deep/g", "shared g")
			for link, to := range map[string]string{
				"shared/near": "f", "shared/back": "../app/src", "app/hop": "../shared/hop2", "shared/hop2": "f",
				"app/round": "src/l", "app/via": "../shared", "app/away": "../..",
				"app/src/" + test.link: strings.ReplaceAll(test.to, "ROOT", repo),
			} {
				if strings.HasPrefix(link, "shared/hop2") && test.name == "to a folder outside" {
					continue
				}
				f.must(os.Symlink(to, filepath.Join(repo, link)))
			}
			links := NewLinks(f, filepath.EvalSymlinks)
			src := filepath.Join(repo, "app", "src")
			links.Set(repo, []string{filepath.Join(repo, "app"), src})
			tr := New(links)
			got, err := tr.Scan(src, all)
			f.must(err)
			var is []string
			for _, name := range got {
				rel, _ := filepath.Rel(src, name)
				if rel == "own" || rel == "sub/x" {
					continue
				}
				entry, _ := tr.Entry(name)
				if entry.Stamp.Mode&os.ModeSymlink != 0 {
					to, _ := os.Readlink(name)
					is = append(is, rel+"=>"+strings.ReplaceAll(to, repo, "ROOT"))
					continue
				}
				text, err := os.ReadFile(name)
				f.must(err)
				is = append(is, rel+"="+string(text))
			}
			if got := strings.Join(is, " "); got != test.want {
				t.Errorf("shown is %q, want %q", got, test.want)
			}
			if strings.HasPrefix(test.name, "out of") != links.Outside()[filepath.Join(src, test.link)] && test.name != "to a device" {
				t.Errorf("out of the repository: %v", links.Outside())
			}
			again, err := tr.Scan(src, all)
			f.must(err)
			f.check("a second scan", again, "")
		})
	}
}

// TestLinkedFileChanges hints at a link whose target changes, comes and goes.
func TestLinkedFileChanges(t *testing.T) {
	f := newFolder(t)
	f.write("src/own", "own")
	f.must(os.Symlink("../shared/f", f.path("src/l")))
	links := NewLinks(f, filepath.EvalSymlinks)
	links.Set(f.root, []string{f.path("src")})
	tr := New(links)
	got, err := tr.Scan(f.path("src"), all)
	f.must(err)
	f.check("scan", got, "src/l src/own")
	for _, step := range []struct {
		what, want string
		do         func()
	}{
		{"it appears", "src/l", func() { f.write("shared/f", "one") }},
		{"it changes", "src/l", func() { f.write("shared/f", "two") }},
		{"it goes", "src/l", func() { f.must(os.Remove(f.path("shared/f"))) }},
		{"it is a folder", "src/l src/l/x", func() { f.write("shared/f/x", "x") }},
		{"one below changes", "src/l/x", func() { f.write("shared/f/x", "y") }},
		{"the link goes", "src/l/x", func() { f.must(os.Remove(f.path("src/l"))) }},
	} {
		step.do()
		got := tr.Hint(f.path("src/l"), all)
		slices.Sort(got)
		f.check(step.what, got, step.want)
	}
	if len(links.Targets()) != 0 {
		t.Errorf("links that are gone: %v", links.Targets())
	}
}
