package tree

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// folder is a folder on disk, read through a Reader that counts and can fail.
type folder struct {
	t      *testing.T
	root   string
	opened []string        // files whose content was read
	broken map[string]bool // folders that cannot be listed
	hidden map[string]bool // files that cannot be looked at
	sealed map[string]bool // files that cannot be read
	later  time.Duration   // by how much the clock is ahead of the files'
}

func newFolder(t *testing.T) *folder {
	return &folder{t: t, root: t.TempDir(), broken: map[string]bool{}, hidden: map[string]bool{}, sealed: map[string]bool{}, later: time.Hour}
}

func (f *folder) Lstat(name string) (fs.FileInfo, error) {
	if f.hidden[f.rel(name)] {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: syscall.EACCES}
	}
	info, err := os.Lstat(name)
	return info, err
}

func (f *folder) Now() time.Time { return time.Now().Add(f.later) }

func (f *folder) ReadDir(name string) ([]fs.DirEntry, error) {
	if f.broken[f.rel(name)] {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EMFILE}
	}
	return os.ReadDir(name)
}

func (f *folder) Open(name string) (io.ReadCloser, error) {
	if f.sealed[f.rel(name)] {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
	}
	f.opened = append(f.opened, f.rel(name))
	return os.Open(name)
}

func (f *folder) Readlink(name string) (string, error) { return os.Readlink(name) }

func (f *folder) rel(path string) string {
	rel, err := filepath.Rel(f.root, path)
	if err != nil {
		f.t.Fatal(err)
	}
	return rel
}

func (f *folder) path(name string) string { return filepath.Join(f.root, name) }

func (f *folder) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) write(name, text string) {
	f.t.Helper()
	f.must(os.MkdirAll(filepath.Dir(f.path(name)), 0o755))
	f.must(os.WriteFile(f.path(name), []byte(text), 0o644))
}

// keepTime does something and then gives a file the time that it had.
func (f *folder) keepTime(name string, do func()) {
	f.t.Helper()
	info, err := os.Lstat(f.path(name))
	f.must(err)
	do()
	f.must(os.Chtimes(f.path(name), time.Time{}, info.ModTime()))
}

// swap has two files or folders change places.
func (f *folder) swap(a, b string) {
	f.t.Helper()
	f.must(os.Rename(f.path(a), f.path("spare")))
	f.must(os.Rename(f.path(b), f.path(a)))
	f.must(os.Rename(f.path("spare"), f.path(b)))
}

func all(string, bool) bool { return true }

// check compares absolute paths with relative ones, which one text holds.
func (f *folder) check(what string, got []string, want string) {
	f.t.Helper()
	rel := []string{}
	for _, p := range got {
		rel = append(rel, f.rel(p))
	}
	if diff := cmp.Diff(want, strings.Join(rel, " ")); diff != "" {
		f.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// scanned returns a folder of a few files and a tree that knows them.
func scanned(t *testing.T) (*folder, *Tree) {
	t.Helper()
	f := newFolder(t)
	for _, name := range []string{"a.txt", "a-b/x", "a/x", "a/y", "z"} {
		f.write(name, "content of "+name)
	}
	for _, name := range []string{"r/v", "s/v"} { // as package managers write them
		f.write(name, name)
		f.must(os.Chtimes(f.path(name), time.Time{}, time.Date(1985, 10, 26, 8, 15, 0, 0, time.UTC)))
	}
	tr := New(f)
	got, err := tr.Scan(f.root, all)
	f.must(err)
	f.check("first scan", got, "a-b/x a.txt a/x a/y r/v s/v z")
	f.opened = nil
	return f, tr
}

// TestHintAndScan changes the files in one way and says what a hint for one
// path and a scan of all, each on a tree of its own, make of it.
func TestHintAndScan(t *testing.T) {
	tests := []struct {
		name       string
		do         func(*folder)
		hint       string // path
		hint1      string // what the hint finds
		scan       string // what a scan finds
		afterwards string // what a scan finds after the hint
	}{
		{"nothing", func(*folder) {}, "a.txt", "", "", ""},
		{"edit", func(f *folder) { f.write("a.txt", "longer content than before") }, "a.txt", "a.txt", "a.txt", ""},
		{
			"same size and time",
			func(f *folder) { f.keepTime("a.txt", func() { f.write("a.txt", "CONTENT OF a.txt") }) },
			"a.txt", "a.txt", "a.txt", "",
		},
		{
			"folders of files of one size and time change places",
			func(f *folder) { f.swap("r", "s") },
			"r", "r/v", "r/v s/v", "s/v",
		},
		{
			"a file of the same size and time is moved over",
			func(f *folder) { f.must(os.Rename(f.path("r/v"), f.path("s/v"))) },
			"s", "s/v", "r/v s/v", "r/v",
		},
		{
			"file becomes a link that holds the same text",
			func(f *folder) {
				f.must(os.Remove(f.path("a-b/x")))
				f.must(os.Symlink("content of a-b/x", f.path("a-b/x")))
			},
			"a-b/x", "a-b/x", "a-b/x", "",
		},
		{
			"other size, same time",
			func(f *folder) { f.keepTime("z", func() { f.write("z", "longer content than before") }) },
			"z", "z", "z", "",
		},
		{
			"other time, same content",
			func(f *folder) { f.must(os.Chtimes(f.path("z"), time.Time{}, time.Unix(1, 0))) },
			"z", "", "", "",
		},
		{"new file", func(f *folder) { f.write("a/new", "") }, "a/new", "a/new", "a/new", ""},
		{"new folder", func(f *folder) { f.write("n/1/2", "") }, "n", "n/1/2", "n/1/2", ""},
		{"delete", func(f *folder) { f.must(os.Remove(f.path("a/x"))) }, "a/x", "a/x", "a/x", ""},
		{"delete folder", func(f *folder) { f.must(os.RemoveAll(f.path("a"))) }, "a", "a/x a/y", "a/x a/y", ""},
		{"rename, old name", func(f *folder) { f.must(os.Rename(f.path("a/x"), f.path("a/w"))) }, "a/x", "a/x", "a/w a/x", "a/w"},
		{"rename, folder", func(f *folder) { f.must(os.Rename(f.path("a/x"), f.path("a/w"))) }, "a", "a/w a/x", "a/w a/x", ""},
		{
			"rename over", // as editors save
			func(f *folder) { f.write("t", "saved"); f.must(os.Rename(f.path("t"), f.path("z"))) },
			"z", "z", "z", "",
		},
		{"executable", func(f *folder) { f.must(os.Chmod(f.path("z"), 0o755)) }, "z", "z", "z", ""},
		{"group may read", func(f *folder) { f.must(os.Chmod(f.path("z"), 0o600)) }, "z", "", "", ""},
		{"link", func(f *folder) { f.must(os.Symlink("a.txt", f.path("l"))) }, "l", "l", "l", ""},
		{"link to nowhere", func(f *folder) { f.must(os.Symlink("gone", f.path("l"))) }, "l", "l", "l", ""},
		{"link to a folder is not entered", func(f *folder) { f.must(os.Symlink("a", f.path("l"))) }, "l", "l", "l", ""},
		{
			"file becomes link",
			func(f *folder) { f.must(os.Remove(f.path("z"))); f.must(os.Symlink("a.txt", f.path("z"))) },
			"z", "z", "z", "",
		},
		{
			"file becomes folder",
			func(f *folder) { f.must(os.Remove(f.path("z"))); f.write("z/1", "") },
			"z", "z z/1", "z z/1", "",
		},
		{
			"folder becomes file",
			func(f *folder) { f.must(os.RemoveAll(f.path("a"))); f.write("a", "") },
			"a", "a a/x a/y", "a a/x a/y", "",
		},
		{
			"folder becomes link",
			func(f *folder) { f.must(os.Rename(f.path("a"), f.path("b"))); f.must(os.Symlink("b", f.path("a"))) },
			"a", "a a/x a/y", "a a/x a/y b/x b/y", "b/x b/y",
		},
		{
			"below what became a link to a folder of such files",
			func(f *folder) { f.must(os.Rename(f.path("a"), f.path("b"))); f.must(os.Symlink("b", f.path("a"))) },
			"b", "b/x b/y", "a a/x a/y b/x b/y", "a a/x a/y",
		},
		{
			"below what became a file",
			func(f *folder) { f.must(os.RemoveAll(f.path("a"))); f.write("a", "") },
			"a/x", "a/x", "a a/x a/y", "a a/y",
		},
		{"pipe", func(f *folder) { f.must(syscall.Mkfifo(f.path("p"), 0o600)) }, "p", "", "", ""},
		{
			"file becomes pipe",
			func(f *folder) { f.must(os.Remove(f.path("z"))); f.must(syscall.Mkfifo(f.path("z"), 0o600)) },
			"z", "z", "z", "",
		},
		{"file that cannot be read", func(f *folder) { f.sealed["z"] = true; f.write("z", "new") }, "z", "z", "z", ""},
		{"new file that cannot be read", func(f *folder) { f.sealed["new"] = true; f.write("new", "new") }, "new", "new", "new", ""},
		{"name that is no text", func(f *folder) { f.write("a/\xff", "") }, "a/\xff", "", "", ""},
		{"folder whose name is no text", func(f *folder) { f.write("\xffa/b/\xfec", "") }, "\xffa", "", "", ""},
		{"link to what is no text", func(f *folder) { f.must(os.Symlink("\xff", f.path("l"))) }, "l", "", "", ""},
		{
			"file becomes a link to what is no text",
			func(f *folder) { f.must(os.Remove(f.path("z"))); f.must(os.Symlink("\xff", f.path("z"))) },
			"z", "z", "z", "",
		},
		{"folder that cannot be listed", func(f *folder) { f.broken["a"] = true }, "a", "", "", ""},
		{"file that cannot be looked at", func(f *folder) { f.hidden["a/x"] = true }, "a/x", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, tr := scanned(t)
			test.do(f)
			f.check("hint", tr.Hint(f.path(test.hint), all), test.hint1)
			f.check("the same hint again", tr.Hint(f.path(test.hint), all), "")
			got, _ := tr.Scan(f.root, all)
			f.check("scan afterwards", got, test.afterwards)

			f, tr = scanned(t)
			test.do(f)
			got, _ = tr.Scan(f.root, all)
			f.check("scan", got, test.scan)
			got, _ = tr.Scan(f.root, all)
			f.check("the same scan again", got, "")
		})
	}
}

// TestHintBehindALink names a file by a way that leads through a link.
func TestHintBehindALink(t *testing.T) {
	f, tr := scanned(t)
	f.must(os.Rename(f.path("a"), f.path("b")))
	f.must(os.Symlink("b", f.path("a")))
	f.check("hint of the link", tr.Hint(f.path("a"), all), "a a/x a/y")
	f.check("hint behind it", tr.Hint(f.path("a/x"), all), "")
	f.must(os.Remove(f.path("a")))
	f.must(os.Rename(f.path("b"), f.path("a")))
	f.check("hint when it is a folder again", tr.Hint(f.path("a/x"), all), "a/x")
	got, err := tr.Scan(f.root, all)
	f.must(err)
	f.check("scan", got, "a a/y")
}

func TestScanReadsOnlyWhatMayHaveChanged(t *testing.T) {
	f, tr := scanned(t)
	f.write("z", "longer content than before")
	_, err := tr.Scan(f.root, all)
	f.must(err)
	if diff := cmp.Diff([]string{"z"}, f.opened); diff != "" {
		t.Errorf("files that were read (-want +got):\n%s", diff)
	}
}

// TestWrittenTwiceWithinTheClocksGrain has a file written after it was read,
// with the clock of the file system where it was.
func TestWrittenTwiceWithinTheClocksGrain(t *testing.T) {
	f := newFolder(t)
	f.write("a", "one")
	tr := New(coarse{f, time.Now()})
	f.later = 0
	got, err := tr.Scan(f.root, all)
	f.must(err)
	f.check("first scan", got, "a")
	f.write("a", "two")
	f.later = time.Hour
	for _, want := range []string{"a", ""} {
		got, err = tr.Scan(f.root, all)
		f.must(err)
		f.check("scan", got, want)
	}
	if len(f.opened) != 2 {
		t.Errorf("read %q: what is settled is not read again", f.opened)
	}
}

// coarse is a file system whose clock has not moved since the first file.
type coarse struct {
	*folder
	began time.Time
}

func (c coarse) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := c.folder.ReadDir(name)
	for i, e := range entries {
		info, err := e.Info()
		c.must(err)
		entries[i] = fs.FileInfoToDirEntry(stopped{info, c.began})
	}
	return entries, err
}

type stopped struct {
	fs.FileInfo
	at time.Time
}

func (s stopped) ModTime() time.Time { return s.at }
func (s stopped) Sys() any           { return nil }

// TestReadAgain has a file that could not be read become readable: what waited
// for it is to be told, though its content is the one that it had.
func TestReadAgain(t *testing.T) {
	f, tr := scanned(t)
	f.write("new", "new")
	f.write("z", "content of z")
	f.sealed["z"], f.sealed["new"] = true, true
	for _, want := range []string{"new z", ""} {
		got, err := tr.Scan(f.root, all)
		f.must(err)
		f.check("scan", got, want)
	}
	if e, known := tr.Entry(f.path("z")); !known || !e.Unread || e.Hash == (Hash{}) {
		t.Errorf("z is known as %+v", e)
	}
	clear(f.sealed)
	found, err := tr.Copy().Scan(f.root, all)
	f.must(err)
	f.check("scan of a copy", found, "new z")
	f.check("hint", tr.Hint(f.path("z"), all), "z")
	got, err := tr.Scan(f.root, all)
	f.must(err)
	f.check("scan", got, "new")
}

// TestLeftOut tells of each folder and file once, by the topmost name.
func TestLeftOut(t *testing.T) {
	f, tr := scanned(t)
	f.write("\xffa/b/\xfec", "")
	f.write("\xffa/d", "")
	f.write("a/\xfe", "")
	f.write("rejected/\xfe", "")
	f.must(os.Symlink("\xff", f.path("l")))
	got, err := tr.Scan(f.root, func(path string, _ bool) bool { return !strings.Contains(path, "rejected") })
	f.must(err)
	f.check("scan", got, "")
	f.check("hint", tr.Hint(f.path("\xffa/b/\xfec"), all), "")
	f.check("left out", tr.LeftOut(), "a/\xfe l \xffa")
	other := New(f)
	other.Renew(tr)
	f.check("left out, by a copy", other.LeftOut(), "a/\xfe l \xffa")
}

// TestScanTellsOfWhatItCouldNotList keeps what is known of a folder that
// cannot be listed: taken for deleted, it would be deleted in the pods.
func TestScanTellsOfWhatItCouldNotList(t *testing.T) {
	f, tr := scanned(t)
	f.broken["a"] = true
	f.must(os.Remove(f.path("z")))
	got, err := tr.Scan(f.root, all)
	if err == nil {
		t.Error("no error for a folder that cannot be listed")
	}
	f.check("scan", got, "z")
	if _, known := tr.Entry(f.path("a/x")); !known {
		t.Error("a/x is forgotten")
	}
	seen := tr.Copy()
	f.check("opened while it cannot be listed", tr.Opened(), "")
	delete(f.broken, "a")
	if got, err := seen.Scan(f.root, all); len(got) > 0 || err != nil {
		t.Errorf("changed: %q, %v", got, err)
	}
	tr.Renew(seen)
	for _, tr := range []*Tree{tr, seen} {
		f.check("opened", tr.Opened(), "a")
		f.check("opened twice", tr.Opened(), "")
	}
}

func TestRejectedFoldersAreNotEntered(t *testing.T) {
	f, _ := scanned(t)
	f.broken["a"] = true // entering it would be an error
	tr := New(f)
	got, err := tr.Scan(f.root, func(path string, _ bool) bool { return f.rel(path) != "a" && f.rel(path) != "z" })
	f.must(err)
	f.check("scan", got, "a-b/x a.txt r/v s/v")
	f.check("hint of a rejected file", tr.Hint(f.path("z"), func(string, bool) bool { return false }), "")
	f.check("hint of a rejected folder", tr.Hint(f.path("a"), func(string, bool) bool { return false }), "")
}

func TestMissingRootIsEmpty(t *testing.T) {
	f := newFolder(t)
	got, err := New(f).Scan(f.path("none"), all)
	f.must(err)
	f.check("scan", got, "")
}

func TestUnder(t *testing.T) {
	f, tr := scanned(t)
	f.check("a folder", tr.Under(f.path("a"), nil), "a/x a/y")
	f.check("a file", tr.Under(f.path("a.txt"), nil), "a.txt")
	f.check("some", tr.Under(f.root, func(p string) bool { return filepath.Base(p) == "x" }), "a-b/x a/x")
	f.check("none", tr.Under(f.path("none"), nil), "")
}

func TestWithin(t *testing.T) {
	tests := []struct {
		root, path string
		want       bool
	}{
		{"/a", "/a", true}, {"/a", "/a/b", true}, {"/", "/a", true}, {"/", "/", true},
		{"/a", "/ab", false}, {"/a", "/a-b/c", false}, {"/a/b", "/a", false}, {"/a", "/b/a", false},
	}
	for _, test := range tests {
		if got := Within(test.root, test.path); got != test.want {
			t.Errorf("Within(%s, %s) = %v, want %v", test.root, test.path, got, test.want)
		}
	}
}
