//go:build linux

package apply

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/wire"
)

// inNamespace runs a test in a process that may mount what it likes.
func inNamespace(t *testing.T, test func(t *testing.T)) {
	if os.Getenv("TOWLINE_TEST_MOUNTS") == t.Name() {
		test(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "TOWLINE_TEST_MOUNTS="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}}
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &failed):
		t.Errorf("%s", out)
	default:
		t.Skipf("no namespace to mount in: %v", err)
	}
}

// disks mounts small file systems: a plain one and an overlay.
func disks(t *testing.T) map[string]string {
	base := t.TempDir()
	mount := func(source, target, kind, data string) {
		t.Helper()
		if err := syscall.Mount(source, target, kind, 0, data); err != nil {
			t.Fatalf("mounting %s: %v", kind, err)
		}
		t.Cleanup(func() { syscall.Unmount(target, syscall.MNT_DETACH) })
	}
	mkdir := func(names ...string) {
		for _, name := range names {
			if err := os.Mkdir(filepath.Join(base, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	mkdir("plain", "layers", "merged")
	mount("none", base+"/plain", "tmpfs", "size=512k")
	mount("none", base+"/layers", "tmpfs", "size=512k")
	mkdir("layers/lower", "layers/upper", "layers/work")
	mount("none", base+"/merged", "overlay", fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", base+"/layers"))
	return map[string]string{"plain": base + "/plain", "overlay": base + "/merged"}
}

// fill fills a disk to the last byte.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// TestUndoOnAFullDisk has the disk run full between the steps of a commit and
// their undoing, with names as long as they may be.
func TestUndoOnAFullDisk(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		for kind, dir := range disks(t) {
			for length, size := range map[int]int{1: cheapCopy, 242: cheapCopy + 4, 255: cheapCopy + 4} {
				t.Run(fmt.Sprintf("%s, %d bytes, names of %d", kind, size, length), func(t *testing.T) {
					old := strings.Repeat("old ", size/4)
					names := []string{strings.Repeat("r", length), strings.Repeat("d", length)}
					for _, name := range names {
						if err := os.WriteFile(filepath.Join(dir, name), []byte(old), 0o640); err != nil {
							t.Fatal(err)
						}
					}
					defer os.RemoveAll(filepath.Join(dir, names[0]))
					defer os.RemoveAll(filepath.Join(dir, names[1]))
					content := strings.Repeat("new ", 10<<10)
					at := func(name string) wire.Path { return wire.Path{Root: dir, Path: name} }
					s, err := New("test", "", MountTable).Begin(&wire.Transaction{
						Deletes: []wire.Path{at(names[1])},
						Files:   []wire.File{{Path: at(names[0]), Size: int64(len(content)), Hash: blake3.Sum256([]byte(content))}},
					})
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					if err := s.Put(wire.Content{Encoding: wire.EncodingRaw}, strings.NewReader(content)); err != nil {
						t.Fatal(err)
					}
					if _, _, err := s.commit(); err != nil {
						t.Fatal(err)
					}
					fill(t, dir)
					defer os.Remove(filepath.Join(dir, "filler"))
					if err := s.undo.play(); err != nil {
						t.Error(err)
					}
					s.Close()
					for _, name := range names {
						if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != old {
							t.Errorf("%.3s… holds %d bytes, %v", name, len(got), err)
						}
					}
					if left, _ := filepath.Glob(filepath.Join(dir, Prefix+"*")); len(left) > 0 {
						t.Errorf("left behind: %v", left)
					}
				})
			}
		}
	})
}

// TestWhatIsAcknowledgedWasReadBack has another process change a file in the
// moment in which it is put in place.
func TestWhatIsAcknowledgedWasReadBack(t *testing.T) {
	for what, spoil := range map[string]func(name string) error{
		"other content": func(name string) error { return os.WriteFile(name, []byte("oth"), 0o644) },
		"longer":        func(name string) error { return os.WriteFile(name, []byte("longer"), 0o644) },
		"removed":       os.Remove,
		"a link":        func(name string) error { return errors.Join(os.Remove(name), os.Symlink("x", name)) },
		"a folder":      func(name string) error { return errors.Join(os.Remove(name), os.Mkdir(name, 0o755)) },
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			s, err := New("test", "", MountTable).Begin(&wire.Transaction{
				Files: []wire.File{{Path: wire.Path{Root: dir, Path: "f"}, Size: 3, Hash: blake3.Sum256([]byte("new"))}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Put(wire.Content{Encoding: wire.EncodingRaw}, strings.NewReader("new")); err != nil {
				t.Fatal(err)
			}
			if applied, _, err := s.commit(); err != nil || applied[0].ModTime == 0 {
				t.Fatalf("%+v, %v", applied, err)
			}
			if err := spoil(filepath.Join(dir, "f")); err != nil {
				t.Fatal(err)
			}
			var refused *wire.Error
			if _, err := s.readBack(); !errors.As(err, &refused) || refused.Code != wire.CodeHashMismatch || refused.Path != dir+"/f" {
				t.Errorf("got %v", err)
			}
		})
	}
}

// slow is a content that starts a process while it is read.
type slow struct {
	io.Reader
	start func() error
}

func (s *slow) Read(p []byte) (int, error) {
	if s.start != nil {
		if err := s.start(); err != nil {
			return 0, err
		}
		s.start = nil
	}
	return s.Reader.Read(p)
}

// TestProcessesStartWhileAProgramArrives: a large executable that is on its way
// hinders nobody, and can be run at once when it is there.
func TestProcessesStartWhileAProgramArrives(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\nexit 0\n" + strings.Repeat("#", 2*inMemory)
	f := wire.File{Path: wire.Path{Root: dir, Path: "run"}, Mode: 0o755, Size: int64(len(script)), Hash: blake3.Sum256([]byte(script))}
	s, err := New("test", "", MountTable).Begin(&wire.Transaction{Files: []wire.File{f}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	started := func() error {
		done := make(chan error, 1)
		go func() { done <- exec.Command("/bin/true").Run() }()
		select {
		case err := <-done:
			return err
		case <-time.After(time.Minute):
			return errors.New("no process could be started")
		}
	}
	if err := s.Put(wire.Content{Encoding: wire.EncodingRaw}, &slow{strings.NewReader(script), started}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command(filepath.Join(dir, "run")).Run(); err != nil {
		t.Error(err)
	}
}

func TestSweepOfFoldersWithOddNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "two\nlines \xff")
	journal := filepath.Join(t.TempDir(), "staged")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	a := New("test", journal, MountTable)
	if err := a.journal.note(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, Prefix+"x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if n, err := Sweep(journal); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
}
