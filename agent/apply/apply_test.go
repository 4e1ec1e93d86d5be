//go:build linux

package apply_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/apply"
	"github.com/towline-dev/towline/agent/wire"
)

// file describes a regular file with the content.
func file(root, name, content string) wire.File {
	return wire.File{Path: wire.Path{Root: root, Path: name}, Size: int64(len(content)), Hash: blake3.Sum256([]byte(content))}
}

// put performs a transaction; contents are in the order of its regular files.
func put(t *wire.Transaction, contents ...string) ([]wire.Entry, error) {
	s, err := apply.New("test", "", apply.MountTable).Begin(t)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for i, f := range t.Files {
		if f.Kind != wire.KindRegular {
			continue
		}
		if err := s.Put(wire.Content{Index: i, Encoding: wire.EncodingRaw}, strings.NewReader(contents[0])); err != nil {
			return nil, err
		}
		contents = contents[1:]
	}
	entries, _, err := s.Commit()
	return entries, err
}

// snapshot reads a tree: path to mode, and content or target.
func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			what += " " + string(content)
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(name)
			what += " " + target
		}
		rel, _ := filepath.Rel(root, name)
		got[rel] = what
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// tree makes files from pairs of path and content; a path that ends in / is a
// directory, a content that begins with -> a link.
func tree(t *testing.T, pairs ...string) string {
	t.Helper()
	root := t.TempDir()
	for pair := range slices.Chunk(pairs, 2) {
		name := filepath.Join(root, pair[0])
		os.MkdirAll(filepath.Dir(name), 0o755)
		var err error
		if target, ok := strings.CutPrefix(pair[1], "->"); ok {
			err = os.Symlink(target, name)
		} else if strings.HasSuffix(pair[0], "/") {
			err = os.Mkdir(name, 0o750)
		} else {
			err = os.WriteFile(name, []byte(pair[1]), 0o640)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestModesAndTimes(t *testing.T) {
	root := t.TempDir()
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	f := file(root, "run.sh", "#!/bin/sh\n")
	f.Mode, f.ModTime = 0o755, time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC).UnixNano()
	if _, err := put(&wire.Transaction{Files: []wire.File{f}}, "#!/bin/sh\n"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(root + "/run.sh")
	if err != nil || info.Mode() != 0o755 || info.ModTime().UnixNano() != f.ModTime {
		t.Errorf("mode %v, time %v, error %v", info.Mode(), info.ModTime(), err)
	}
}

// Whatever step of a commit fails, the tree is as it was before.
func TestFailureChangesNothing(t *testing.T) {
	root := tree(t,
		"replaced", "old", "deleted", "old", "dir/sub/file", "old", "dir/link", "->sub/file", "dir/empty/", "",
		"was-file", "old", "was-dir/file", "old", "link", "->replaced")
	if err := syscall.Mkfifo(root+"/was-dir/zz-pipe", 0o600); err != nil { // cannot be undone, so cannot be removed
		t.Fatal(err)
	}
	before := snapshot(t, root)
	tr := &wire.Transaction{
		Deletes: []wire.Path{{Root: root, Path: "deleted"}, {Root: root, Path: "dir"}},
		Files: []wire.File{
			file(root, "replaced", "new"), file(root, "brand/new/deep", "new"), file(root, "was-file/below", "new"),
			{Path: wire.Path{Root: root, Path: "link"}, Kind: wire.KindSymlink, Target: "elsewhere"},
			{Path: wire.Path{Root: root, Path: "newdir"}, Kind: wire.KindDir, Mode: 0o700},
			file(root, "was-dir", "new"),
		},
	}
	if _, err := put(tr, "new", "new", "new", "new"); err == nil {
		t.Fatal("a pipe was removed")
	}
	if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
		t.Errorf("after a failed transaction (-before +after):\n%s", diff)
	}
	// Without the pipe it succeeds, and nothing temporary stays.
	os.Remove(root + "/was-dir/zz-pipe")
	if _, err := put(tr, "new", "new", "new", "new"); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"replaced": "-rw-r--r-- new", "brand": "drwxr-xr-x", "brand/new": "drwxr-xr-x", "brand/new/deep": "-rw-r--r-- new",
		"was-file": "drwxr-xr-x", "was-file/below": "-rw-r--r-- new", "link": "Lrwxrwxrwx elsewhere",
		"newdir": "drwx------", "was-dir": "-rw-r--r-- new",
	}
	if diff := cmp.Diff(want, snapshot(t, root)); diff != "" {
		t.Errorf("after the transaction (-want +got):\n%s", diff)
	}
}

// So it is with more files than are kept open.
func TestFailureOfManyChangesNothing(t *testing.T) {
	var pairs []string
	for i := range 400 {
		pairs = append(pairs, fmt.Sprintf("dir/%d", i), fmt.Sprintf("old %d", i))
	}
	root := tree(t, pairs...)
	if err := syscall.Mkfifo(root+"/zz-pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, root)
	tr := &wire.Transaction{Deletes: []wire.Path{{Root: root, Path: "dir"}, {Root: root, Path: "zz-pipe"}}}
	if _, err := put(tr); err == nil {
		t.Fatal("a pipe was removed")
	}
	if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
		t.Errorf("after a failed transaction (-before +after):\n%s", diff)
	}
	tr.Deletes = tr.Deletes[:1]
	if _, err := put(tr); err != nil {
		t.Fatal(err)
	}
	if got := snapshot(t, root); len(got) != 1 {
		t.Errorf("after the transaction: %v", got)
	}
}

// Links that lead out of the root are refused, and what they point to is not
// touched; a link as the last part is replaced, not followed.
func TestEscape(t *testing.T) {
	outside := tree(t, "secret", "old")
	root := tree(t, "abs", "->"+outside, "rel", "->../"+filepath.Base(outside), "last", "->"+outside+"/secret", "in", "->sub", "sub/x", "old")
	for _, name := range []string{"abs/secret", "rel/secret", "abs/new/deep"} {
		_, err := put(&wire.Transaction{Files: []wire.File{file(root, name, "new")}}, "new")
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != wire.CodeEscape {
			t.Errorf("%s: got %v, want code %s", name, err, wire.CodeEscape)
		}
		_, err = put(&wire.Transaction{Deletes: []wire.Path{{Root: root, Path: name}}})
		if _, serr := os.Stat(outside + "/secret"); serr != nil {
			t.Fatalf("%s: the delete led out (%v)", name, err)
		}
	}
	tr := &wire.Transaction{Files: []wire.File{file(root, "last", "new"), file(root, "in/x", "new")}, Deletes: []wire.Path{{Root: root, Path: "abs"}}}
	if _, err := put(tr, "new", "new"); err != nil {
		t.Fatal(err)
	}
	if got := snapshot(t, outside); got["secret"] != "-rw-r----- old" {
		t.Errorf("outside of the root: %v", got)
	}
	got := snapshot(t, root)
	if got["last"] != "-rw-r--r-- new" || got["sub/x"] != "-rw-r--r-- new" || got["abs"] != "" {
		t.Errorf("inside of the root: %v", got)
	}
}

func TestBadTransactions(t *testing.T) {
	root := t.TempDir()
	ok := file(root, "a", "x")
	paths := []wire.Path{
		{Root: root, Path: "../x"}, {Root: root, Path: "a/../../x"}, {Root: root, Path: "/etc/passwd"}, {Root: root, Path: ""},
		{Root: root, Path: "."}, {Root: root, Path: "a//b"}, {Root: root, Path: "a/"}, {Root: "relative", Path: "a"}, {Root: root + "/", Path: "a"},
		{Root: root + "/..", Path: "a"}, {Root: "", Path: "a"}, {Root: root, Path: "a\x00b"}, {Root: root, Path: strings.Repeat("a", 5000)},
		{Root: root, Path: apply.Prefix + "x"}, {Root: "/.towline/run", Path: "x"}, {Root: "/", Path: ".towline/bin/towline-agent"},
	}
	for _, p := range paths {
		bad := ok
		bad.Path = p
		for _, tr := range []*wire.Transaction{{Files: []wire.File{bad}}, {Deletes: []wire.Path{p}}} {
			if _, err := apply.New("test", "", apply.MountTable).Begin(tr); err == nil {
				t.Errorf("%q below %q was allowed", p.Path, p.Root)
			}
		}
	}
	below := file(root, "a/b", "x")
	setuid := ok
	setuid.Mode = 0o4755
	for name, files := range map[string][]wire.File{"twice": {ok, ok}, "file and folder": {ok, below}, "setuid": {setuid}} {
		if _, err := apply.New("test", "", apply.MountTable).Begin(&wire.Transaction{Files: files}); err == nil {
			t.Errorf("%s was allowed", name)
		}
	}
}

// A program that runs can be replaced, at once and over and over.
func TestReplaceRunningProgram(t *testing.T) {
	root := t.TempDir()
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Skip("no /bin/sleep here")
	}
	f := file(root, "prog", string(sleep))
	f.Mode = 0o755
	for range 5 {
		if _, err := put(&wire.Transaction{Files: []wire.File{f}}, string(sleep)); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(root+"/prog", "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { cmd.Process.Kill(); cmd.Wait() }()
	}
}

// What a killed agent left behind is found by the next one, and only that.
func TestSweep(t *testing.T) {
	root := tree(t, "deep/er/a", "old", ".towline-yaml", "not ours, not noted")
	journal := filepath.Join(t.TempDir(), "staged")
	tr := &wire.Transaction{Files: []wire.File{file(root, "deep/er/a", "new"), file(root, "deep/b", "new")}}
	s, err := apply.New("killed", journal, apply.MountTable).Begin(tr)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tr.Files {
		if err := s.Put(wire.Content{Index: i, Encoding: wire.EncodingRaw}, strings.NewReader("new")); err != nil {
			t.Fatal(err)
		}
	}
	// Killed here: neither Commit nor Close.
	if n, err := apply.Sweep(journal); n != 2 || err != nil {
		t.Errorf("swept %d, %v, want 2", n, err)
	}
	want := map[string]string{"deep": "drwxr-xr-x", "deep/er": "drwxr-xr-x", "deep/er/a": "-rw-r----- old", ".towline-yaml": "-rw-r----- not ours, not noted"}
	if diff := cmp.Diff(want, snapshot(t, root)); diff != "" {
		t.Errorf("after the sweep (-want +got):\n%s", diff)
	}
	if n, err := apply.Sweep(journal); n != 0 || err != nil {
		t.Errorf("a second sweep: %d, %v", n, err)
	}
}

func TestWrongBase(t *testing.T) {
	root := tree(t, "a", "old")
	tr := &wire.Transaction{Files: []wire.File{file(root, "a", "new"), file(root, "missing", "new")}}
	s, err := apply.New("test", "", apply.MountTable).Begin(tr)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range tr.Files {
		c := wire.Content{Index: i, Encoding: wire.EncodingDelta, Base: blake3.Sum256([]byte("something else"))}
		if err := s.Put(c, bytes.NewReader([]byte("patch"))); !errors.Is(err, apply.ErrWrongBase) {
			t.Errorf("file %d: got %v, want ErrWrongBase", i, err)
		}
		if err := s.Put(wire.Content{Index: i, Encoding: wire.EncodingRaw}, strings.NewReader("new")); err != nil {
			t.Errorf("file %d whole after the refusal: %v", i, err)
		}
	}
	if _, _, err := s.Commit(); err != nil {
		t.Error(err)
	}
}

func TestMissingContent(t *testing.T) {
	root := t.TempDir()
	s, err := apply.New("test", "", apply.MountTable).Begin(&wire.Transaction{Files: []wire.File{file(root, "a", "x")}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.Commit(); err == nil {
		t.Error("a transaction without its content was committed")
	}
}

// FuzzCheckPath: a path that is allowed stays below its root, also when
// somebody joins it without care.
func FuzzCheckPath(f *testing.F) {
	f.Add("/app", "x/y")
	f.Add("/app", "../x")
	f.Add("/", ".towline/x")
	f.Fuzz(func(t *testing.T, root, name string) {
		p := wire.Path{Root: root, Path: name}
		if apply.CheckPath(p) != nil {
			return
		}
		if joined := path.Join(root, name); joined != p.String() || !strings.HasPrefix(joined, strings.TrimSuffix(root, "/")+"/") {
			t.Errorf("%q below %q becomes %q", name, root, joined)
		}
		if strings.HasPrefix(p.String(), "/.towline/") {
			t.Errorf("%q below %q is the agent's own", name, root)
		}
	})
}

// A folder takes the place of a link: what lies behind the link is nobody's to
// delete, nor to write.
func TestFolderInPlaceOfALink(t *testing.T) {
	root := tree(t, "other/x", "other", "other/y", "other", "in", "->other")
	tr := &wire.Transaction{
		Deletes: []wire.Path{{Root: root, Path: "in/x"}},
		Files:   []wire.File{{Path: wire.Path{Root: root, Path: "in"}, Kind: wire.KindDir}, file(root, "in/y", "mine")},
	}
	if _, err := put(tr, "mine"); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"other": "drwxr-xr-x", "other/x": "-rw-r----- other", "other/y": "-rw-r----- other",
		"in": "drwxr-xr-x", "in/y": "-rw-r--r-- mine",
	}
	if diff := cmp.Diff(want, snapshot(t, root)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDeleteBehindALink: a delete through a link that transactions put in place,
// or that goes or becomes a folder, does not reach what the link leads to; one
// through an image's own link does.
func TestDeleteBehindALink(t *testing.T) {
	const kept, lost = true, false
	for name, test := range map[string]struct {
		brought bool // the link is by a transaction
		deletes string
		folder  string
		want    bool // of what it leads to
	}{
		"the link goes after":            {false, "in/dir in", "", kept},
		"the link goes before":           {false, "in in/dir", "", kept},
		"a file, the link goes after":    {false, "in/dir/x in", "", kept},
		"it becomes a folder":            {false, "in/dir", "in", kept},
		"it was brought":                 {true, "in/dir", "", kept},
		"it was brought, a file":         {true, "in/dir/x", "", kept},
		"it was brought, and goes after": {true, "in/dir in", "", kept},
		"an image's own":                 {false, "in/dir/x", "", lost},
		"an image's own, other goes":     {false, "other/y in/dir/x", "", lost},
		"another's was brought":          {true, "own/dir/x", "", lost},
	} {
		for _, nested := range []bool{false, true} { // what is in the link has a root of its own
			t.Run(fmt.Sprint(name, ", roots nested ", nested), func(t *testing.T) {
				root := tree(t, "other/dir/x", "other", "other/y", "other", "own", "->other")
				path := func(name string) wire.Path {
					if dir, rest, below := strings.Cut(name, "/"); nested && below {
						return wire.Path{Root: root + "/" + dir, Path: rest}
					}
					return wire.Path{Root: root, Path: name}
				}
				a := apply.New("test", "", apply.MountTable)
				perform := func(tr *wire.Transaction) {
					t.Helper()
					s, err := a.Begin(tr)
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					if _, _, err := s.Commit(); err != nil {
						t.Fatal(err)
					}
				}
				if test.brought {
					perform(&wire.Transaction{Files: []wire.File{{Path: path("in"), Kind: wire.KindSymlink, Target: "other"}}})
				} else if err := os.Symlink("other", root+"/in"); err != nil {
					t.Fatal(err)
				}
				tr := &wire.Transaction{}
				for _, d := range strings.Fields(test.deletes) {
					tr.Deletes = append(tr.Deletes, path(d))
				}
				if test.folder != "" {
					tr.Files = append(tr.Files, wire.File{Path: path(test.folder), Kind: wire.KindDir})
				}
				perform(tr)
				if _, is := snapshot(t, root)["other/dir/x"]; is != test.want {
					t.Errorf("what the link leads to is there: %v, want %v", is, test.want)
				}
			})
		}
	}
}
