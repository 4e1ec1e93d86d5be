package agents

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

func TestPolicyOf(t *testing.T) {
	def := wire.DefaultPolicy()
	def.StopSignal = ""
	with := func(change func(*wire.Policy)) wire.Policy { p := def; change(&p); return p }
	for _, test := range []struct {
		set  config.RestartSetting
		want wire.Policy
	}{
		{config.RestartSetting{}, def},
		{config.RestartSetting{Policy: "step"}, with(func(p *wire.Policy) { p.Restart = wire.RestartOnFailure })},
		{config.RestartSetting{Policy: "on_change", Signal: "int"}, with(func(p *wire.Policy) { p.Restart, p.StopSignal = wire.RestartOnFailure, "SIGINT" })},
		{config.RestartSetting{Policy: "on_exit", Signal: "SIGHUP"}, with(func(p *wire.Policy) { p.Restart, p.StopSignal = wire.RestartAlways, "SIGHUP" })},
		{config.RestartSetting{Policy: "never", Grace: 5 * time.Second}, with(func(p *wire.Policy) { p.Restart, p.GraceMS = wire.RestartNever, 5000 })},
	} {
		if diff := cmp.Diff(test.want, policyOf(test.set)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.set, diff)
		}
	}
}

// TestDeletedFilesStayWhereTheTiltfileSaysSo is towline.sync(delete=False).
func TestDeletedFilesStayWhereTheTiltfileSaysSo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "here"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	e := engine.Live{Files: []engine.File{{Local: filepath.Join(dir, "here"), Remote: "/srv/here"}, {Local: filepath.Join(dir, "gone"), Remote: "/srv/gone"}}}
	for del, want := range map[bool]int{true: 1, false: 0} {
		r := changeOf(e, []string{"/srv"}, config.SyncSetting{Delete: del})
		change, err := r.change, r.unread
		if err != nil || len(change.Files) != 1 || len(change.Deletes) != want {
			t.Errorf("delete=%v: %d files, deletes %v, %v", del, len(change.Files), change.Deletes, err)
		}
	}
}

// TestRootsAtFolders: with roots in each other, what goes into a folder of the
// change lies below that one's root, in whatever order they come; all keep their
// places and their files, and others their roots.
func TestRootsAtFolders(t *testing.T) {
	roots := []string{"/app", "/app/a", "/app/a/b", "/app/ab"}
	at := func(remote string) wire.Path { return remotePath(remote, roots) }
	dir := func(remote string) wire.File { return wire.File{Path: at(remote), Kind: wire.KindDir} }
	for _, folders := range [][]wire.File{{dir("/app/a"), dir("/app/a/b")}, {dir("/app/a/b"), dir("/app/a")}} {
		source := disk{at("/app/a/b/file"): "local", at("/app/ab/file"): "other"}
		change := client.Change{Source: source}
		change.Files = append(folders, wire.File{Path: at("/app/a/b/file")}, wire.File{Path: at("/app/ab/file")})
		change.Deletes = []wire.Path{at("/app/a/gone")}
		rootAtFolders(&change)
		var got []string
		for _, f := range change.Files {
			got = append(got, f.Root+" "+f.Path.Path+" "+source[f.Path])
		}
		got = append(got, change.Deletes[0].Root+" "+change.Deletes[0].Path)
		slices.Sort(got)
		want := []string{"/app a ", "/app a/b ", "/app a/b/file local", "/app a/gone", "/app/ab file other"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestSeenFilesAreNotReadAgain: the hash that the tree made is taken while the
// file looks the same, and made anew when it does not.
func TestSeenFilesAreNotReadAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	seen := tree.Entry{Hash: tree.Hash{1}, Stamp: file.StampOf(info)}
	real := wire.Digest(blake3.Sum256([]byte("content")))
	for what, change := range map[string]func(*tree.Entry){
		"as it was": func(*tree.Entry) {}, "another time": func(e *tree.Entry) { e.Stamp.MTime++ }, "another size": func(e *tree.Entry) { e.Stamp.Size++ },
		"another mode": func(e *tree.Entry) { e.Stamp.Mode |= 0o111 }, "another file": func(e *tree.Entry) { e.Stamp.Inode++ },
		"its inode changed": func(e *tree.Entry) { e.Stamp.CTime++ }, "not seen": func(e *tree.Entry) { *e = tree.Entry{} },
	} {
		known, want := seen, real
		change(&known)
		if known == seen {
			want = wire.Digest{1}
		}
		f, exists, err := describe(engine.File{Local: name, Seen: known}, wire.Path{Root: "/srv", Path: "file"})
		if err != nil || !exists || f.Hash != want || f.Size != 7 {
			t.Errorf("%s: %+v, %v, want hash %v", what, f, err, want)
		}
	}
}

// TestALinkThatIsFollowed is sent as the file that the tree saw behind it, and
// as a link when it leads nowhere by now, or was seen as one.
func TestALinkThatIsFollowed(t *testing.T) {
	dir := t.TempDir()
	name, target := filepath.Join(dir, "link"), filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", name); err != nil {
		t.Fatal(err)
	}
	kind := func(look func(string) (os.FileInfo, error)) wire.FileKind {
		t.Helper()
		var seen tree.Entry
		if look != nil {
			info, err := look(name)
			if err != nil {
				t.Fatal(err)
			}
			seen.Stamp = file.StampOf(info)
			defer func() { _ = os.Remove(target) }()
		}
		f, exists, err := describe(engine.File{Local: name, Seen: seen}, wire.Path{Root: "/srv", Path: "link"})
		if err != nil || !exists {
			t.Fatal(exists, err)
		}
		return f.Kind
	}
	if got := kind(nil); got != wire.KindSymlink {
		t.Errorf("a link that nobody saw is sent as %q", got)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	followed := func(string) (os.FileInfo, error) { return info, nil }
	if got := kind(followed); got != wire.KindRegular {
		t.Errorf("a followed link is sent as %q", got)
	}
	if got := kind(followed); got != wire.KindSymlink {
		t.Errorf("a link that leads nowhere by now is sent as %q", got)
	}
	if got := kind(os.Lstat); got != wire.KindSymlink {
		t.Errorf("a link that was seen as one is sent as %q", got)
	}
}

// TestOneFileThatCannotBeRead holds up no other, and is named. What is no file
// any longer is deleted, and not read: reading a pipe never ends.
func TestOneFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	local := func(name string) engine.File {
		return engine.File{Local: filepath.Join(dir, name), Remote: "/app/" + name}
	}
	bad := strings.Repeat("n", 300) // no file system looks at so long a name
	e := engine.Live{Restart: true, Files: []engine.File{local(bad), local("a"), local("pipe"), local("a/below"), local("b")}}
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := changeOf(e, []string{"/app"}, config.SyncSetting{Delete: true})
	change, unread := r.change, r.unread
	var got []string
	for _, f := range change.Files {
		got = append(got, f.Path.Path)
	}
	for _, d := range change.Deletes {
		got = append(got, "-"+d.Path)
	}
	if diff := cmp.Diff([]string{"a", "b", "-pipe"}, got); diff != "" {
		t.Errorf("what is sent (-want +got):\n%s", diff)
	}
	if unread == nil || unread.Pos.File != filepath.Join(dir, bad) || !change.Restart {
		t.Errorf("the problem is %v, restart %v", unread, change.Restart)
	}
}

// TestUnlike sends what was seen as one thing and is another by now. That is
// told, since it may soon be again what it was.
func TestUnlike(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "place")
	make := map[string]func() error{
		"file":       func() error { return os.WriteFile(place, []byte("content"), 0o644) },
		"other file": func() error { return os.WriteFile(place, []byte("Content"), 0o644) },
		"program":    func() error { return os.WriteFile(place, []byte("content"), 0o755) },
		"link":       func() error { return os.Symlink("content", place) },
		"other link": func() error { return os.Symlink("Content", place) },
		"folder":     func() error { return os.Mkdir(place, 0o755) },
		"pipe":       func() error { return syscall.Mkfifo(place, 0o600) },
		"nothing":    func() error { return nil },
	}
	begin := func(what string) tree.Entry {
		t.Helper()
		if err := errors.Join(os.RemoveAll(place), make[what]()); err != nil {
			t.Fatal(err)
		}
		known := tree.New(reader{})
		if _, err := known.Scan(dir, func(string, bool) bool { return true }); err != nil {
			t.Fatal(err)
		}
		seen, _ := known.Entry(place)
		return seen
	}
	for _, was := range []string{"file", "program", "link"} {
		for is := range make {
			seen := begin(was)
			begin(is)
			f := engine.File{Local: place, Remote: "/app/place", Seen: seen}
			if got, want := len(changeOf(engine.Live{Files: []engine.File{f}}, []string{"/app"}, config.SyncSetting{}).unlike) > 0, is != was; got != want {
				t.Errorf("%s seen as %s: unlike is %v", is, was, got)
			}
			for _, f := range []engine.File{{Local: place, Seen: seen, Gone: true}, {Local: place, Seen: seen, Folder: true}} {
				f.Remote = "/app/place"
				if r := changeOf(engine.Live{Files: []engine.File{f}}, []string{"/app"}, config.SyncSetting{}); len(r.unlike) > 0 {
					t.Errorf("%+v was not looked at, and is unlike", f)
				}
			}
		}
	}
	long := engine.File{Local: place + strings.Repeat("n", 300), Remote: "/app/long"}
	for unread, want := range map[bool]int{false: 1, true: 0} {
		long.Seen.Unread = unread // then the sweep tells when it can be read
		if r := changeOf(engine.Live{Files: []engine.File{long}}, []string{"/app"}, config.SyncSetting{}); len(r.unlike) != want || r.unread == nil {
			t.Errorf("seen unread %v: %+v", unread, r)
		}
	}
}

// reader is the real file system.
type reader struct{}

func (reader) Lstat(name string) (os.FileInfo, error)     { return os.Lstat(name) }
func (reader) ReadDir(name string) ([]os.DirEntry, error) { return os.ReadDir(name) }
func (reader) Open(name string) (io.ReadCloser, error)    { return os.Open(name) }
func (reader) Readlink(name string) (string, error)       { return os.Readlink(name) }
func (reader) Now() time.Time                             { return time.Now() }

// TestHowFilesTravelIsSet by towline.sync(mode=…): for this image alone.
func TestHowFilesTravelIsSet(t *testing.T) {
	for mode, want := range map[string]struct{ delta, patched bool }{"auto": {false, true}, "delta": {true, true}, "whole": {false, false}} {
		inBubble(t, func(t *testing.T, b *bench) {
			p := b.project()
			p.Settings.Towline["sync"] = []any{
				map[string]any{"ref": "img", "mode": mode, "delete": true}, map[string]any{"ref": "other", "mode": "delta", "delete": true},
			}
			b.Configure(p)
			b.Attach(engine.Attach{Target: web, Resource: "web", Image: "img", Instance: "1"})
			b.told(engine.Attached{Target: web, Instance: "1"})
			b.live(engine.Live{}, "a", "one")
			if done := b.done(); done.Problem != nil {
				t.Fatal(done.Problem)
			}
			_, patched := b.agent.changes[0].Source.(*patched)
			if delta := b.agent.changes[0].Delta; delta != want.delta || patched != want.patched {
				t.Errorf("%s: as differences always: %v, where they are smaller: %v", mode, delta, patched)
			}
		})
	}
}
