//go:build linux

package apply

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/wire"
)

// container makes a folder as containers have it: below app lie a file that is
// mounted over (settings), a folder that is and cannot be written (config), one
// that can (data), and one that holds a mount (deep/dir/data).
func container(t *testing.T) (app string) {
	t.Helper()
	base := t.TempDir()
	app = base + "/app"
	for name, text := range map[string]string{
		"volume/settings": "mounted", "volume/config/a": "mounted a", "volume/data/old": "old",
		"app/settings": "image", "app/config/x": "image", "app/data/x": "image", "app/deep/dir/data/x": "image", "app/deep/dir/y": "image y",
	} {
		if err := os.MkdirAll(filepath.Dir(base+"/"+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(base+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bind := func(from, to string, flags uintptr) {
		t.Helper()
		if err := syscall.Mount(base+"/volume/"+from, app+"/"+to, "", syscall.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(app+"/"+to, syscall.MNT_DETACH) })
		if flags != 0 {
			if err := syscall.Mount("", app+"/"+to, "", syscall.MS_REMOUNT|syscall.MS_BIND|flags, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	bind("settings", "settings", 0)
	bind("config", "config", syscall.MS_RDONLY)
	bind("data", "data", 0)
	bind("data", "deep/dir/data", 0)
	if err := os.Symlink("app", base+"/link"); err != nil {
		t.Fatal(err)
	}
	return app
}

// perform performs a transaction of files by "path" or "path=content", of
// deletes by "-path", and says what was covered, by path and mount point, and
// what is below root afterwards.
func perform(t *testing.T, root string, changes ...string) (covered, files []string) {
	t.Helper()
	var tr wire.Transaction
	var contents []string
	for _, c := range changes {
		name, text, isFile := strings.Cut(c, "=")
		if gone, isDelete := strings.CutPrefix(c, "-"); isDelete {
			tr.Deletes = append(tr.Deletes, wire.Path{Root: root, Path: gone})
			continue
		}
		f := wire.File{Path: wire.Path{Root: root, Path: name}, Kind: wire.KindDir}
		if isFile {
			f.Kind, f.Size, f.Hash = wire.KindRegular, int64(len(text)), blake3.Sum256([]byte(text))
		}
		tr.Files, contents = append(tr.Files, f), append(contents, text)
	}
	s, err := New("test", "", MountTable).Begin(&tr)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, f := range tr.Files {
		if f.Kind == wire.KindRegular {
			if err := s.Put(wire.Content{Index: i, Encoding: wire.EncodingRaw}, strings.NewReader(contents[i])); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, _, err := s.Commit(); err != nil {
		t.Fatalf("%v: %v", changes, err)
	}
	s.Close()
	for _, c := range s.Covered() {
		covered = append(covered, strings.TrimPrefix(c.Path, root+"/")+" by "+filepath.Base(c.Mount))
	}
	entries, err := Manifest(wire.ManifestQuery{Roots: []string{root}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == wire.KindRegular {
			data, err := os.ReadFile(e.Path.String())
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, fmt.Sprintf("%s=%s", e.Path.Path, data))
		}
	}
	return covered, files
}

// TestMountedOver: what a mount is over is left out and named, and all else is
// done.
func TestMountedOver(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			changes, covered, changed, gone []string
		}{
			"a file, and one beside it":   {[]string{"settings=new", "b=new"}, []string{"settings by settings"}, []string{"b=new"}, nil},
			"a file with that content":    {[]string{"settings=mounted"}, nil, nil, nil},
			"a folder that is read-only":  {[]string{"config/a=new", "config/b=new", "b=new"}, []string{"config/a by config", "config/b by config"}, []string{"b=new"}, nil},
			"its folder itself":           {[]string{"config", "config/a=mounted a"}, nil, nil, nil},
			"a folder that is written":    {[]string{"data/old=new", "data/sub/b=new"}, nil, []string{"data/old=new", "deep/dir/data/old=new", "data/sub/b=new", "deep/dir/data/sub/b=new"}, []string{"data/old=old", "deep/dir/data/old=old"}},
			"below what is a file there":  {[]string{"settings/a=new"}, []string{"settings/a by settings"}, nil, nil},
			"a file for a folder":         {[]string{"data=new"}, []string{"data by data"}, nil, nil},
			"a file for one with a mount": {[]string{"deep=new", "b=new"}, []string{"deep by data"}, []string{"b=new"}, nil},
			"a folder for a file":         {[]string{"settings", "settings/a=new"}, []string{"settings by settings", "settings/a by settings"}, nil, nil},
			"a deleted file":              {[]string{"-settings", "-config/a", "-config/none"}, []string{"settings by settings", "config/a by config"}, nil, nil},
			"a deleted folder":            {[]string{"-deep"}, []string{"deep by data"}, nil, []string{"data/old=old", "deep/dir/data/old=old", "deep/dir/y=image y"}},
			"a deleted volume":            {[]string{"-data"}, []string{"data by data"}, nil, []string{"data/old=old", "deep/dir/data/old=old"}},
		} {
			t.Run(name, func(t *testing.T) {
				for _, through := range []string{"app", "link"} {
					app := container(t)
					_, before := perform(t, app)
					covered, after := perform(t, filepath.Join(filepath.Dir(app), through), test.changes...)
					if diff := cmp.Diff(test.covered, covered); diff != "" {
						t.Errorf("%s: covered (-want +got):\n%s", through, diff)
					}
					want := slices.DeleteFunc(append(before, test.changed...), func(s string) bool { return slices.Contains(test.gone, s) })
					slices.Sort(want)
					slices.Sort(after)
					if diff := cmp.Diff(want, after); diff != "" {
						t.Errorf("%s: files (-want +got):\n%s", through, diff)
					}
				}
			})
		}
	})
}

// TestVolumeInAFolderThatCannotBeWritten: what replaces a file of a volume keeps
// its second name there, and not at the top of the root.
func TestVolumeInAFolderThatCannotBeWritten(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		app := container(t)
		if err := syscall.Mount(app, app, "", syscall.MS_BIND|syscall.MS_REC, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(app, syscall.MNT_DETACH) })
		if err := syscall.Mount("", app, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		covered, files := perform(t, app, "data/old=new", "b=new")
		if !slices.Equal(covered, []string{"b by app"}) || !slices.Contains(files, "data/old=new") {
			t.Errorf("covered %q, files %q", covered, files)
		}
	})
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{`/a\040b`: "/a b", `/a\134`: `/a\`, `/plain`: "/plain", `/odd\`: `/odd\`, `/odd\9`: `/odd\9`} {
		if got := unescape(in); got != want {
			t.Errorf("%s is read as %s, want %s", in, got, want)
		}
	}
}

// TestWhatIsInTheWayInAVolume: a link that leads in a circle is no reason to
// take a volume for one that cannot be written, nor is a name that is no text one
// not to remove its folder.
func TestWhatIsInTheWayInAVolume(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting takes root")
	}
	app := container(t)
	for _, err := range []error{
		os.Symlink("loop", app+"/data/loop"), os.Mkdir(app+"/data/bytes", 0o755), os.Mkdir(app+"/data/bytes/\xff", 0o755),
		os.WriteFile(app+"/data/bytes/\xff/\xfe", nil, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	covered, files := perform(t, app, "data/loop", "data/loop/a=1", "-data/bytes")
	if len(covered) > 0 || !slices.Contains(files, "data/loop/a=1") {
		t.Errorf("covered is %q, and there is %q", covered, files)
	}
	if _, err := os.Lstat(app + "/data/bytes"); !os.IsNotExist(err) {
		t.Errorf("the folder was not removed: %v", err)
	}
}
