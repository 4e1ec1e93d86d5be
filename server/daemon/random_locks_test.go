package daemon

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/unix"
)

// locks are the files and folders of a hand that nobody may read just now.
type locks struct {
	held map[string]locked // by their absolute names; nil: who plays this may read everything
}

// locked is a file or a folder, and what is hidden by it.
type locked struct {
	mode fs.FileMode
	what map[string]string // of the files, by their paths below it; "." is itself
	dir  bool
}

// into adds what is hidden to the files found below a root.
func (l locked) into(found map[string]string, root, name string) error {
	rel, err := filepath.Rel(root, name)
	for below, what := range l.what {
		found[path.Join(rel, below)] = what
	}
	if l.dir && err == nil {
		return fs.SkipDir
	}
	return err
}

// mayLock has the hand lock files from now on, until the test ends. Who may read
// everything gives that up, with -all: all tests of this process are played
// without it, and Go ends a process whose threads do not all give it up alike.
func (h *hand) mayLock(t *testing.T) {
	if os.Geteuid() == 0 && (!*randomAll || !dropReadingAll(t)) {
		t.Log("no file is unreadable: this program cannot give up reading all")
		return
	}
	h.locks.held = map[string]locked{}
	t.Cleanup(func() {
		for name, l := range h.locks.held {
			_ = os.Chmod(name, l.mode) // for who removes it
		}
	})
}

// lock makes a file or a folder unreadable.
func (h *hand) lock(p string) {
	name := h.at(p)
	info, err := os.Lstat(name)
	if h.locks.held == nil || !utf8.ValidString(p) || err != nil || !info.Mode().IsRegular() && !info.IsDir() || h.aliased(p) || len(h.locks.held) > 2 {
		return
	}
	l := locked{mode: info.Mode().Perm(), what: h.files(name), dir: info.IsDir()}
	h.must(os.Chmod(name, 0))
	h.locks.held[name] = l
	h.tells(fsnotify.Chmod, p)
}

// unlock makes all readable that lies on the way to a path, or below it; "" is
// all.
func (h *hand) unlock(p string) {
	for _, name := range slices.Sorted(maps.Keys(h.locks.held)) {
		if rel, err := filepath.Rel(h.root, name); err == nil && (p == "" || within(p, rel) || within(rel, p)) {
			h.must(os.Chmod(name, h.locks.held[name].mode))
			delete(h.locks.held, name)
			h.tells(fsnotify.Chmod, rel)
		}
	}
}

// unlockBehind makes readable what a path is where links lead on the way to it.
func (h *hand) unlockBehind(p string) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(h.at(p)))
	if errors.Is(err, fs.ErrPermission) {
		h.unlock("") // by a link to somewhere below it
		return
	}
	if rel, err2 := filepath.Rel(h.root, filepath.Join(dir, filepath.Base(p))); err == nil && err2 == nil && filepath.IsLocal(rel) {
		h.unlock(rel)
	}
}

// hidden reports whether a place in the container is that of what cannot be read.
func (h *hand) hidden(remote string) bool {
	for name := range h.locks.held {
		for _, at := range h.remotes(name) {
			if within(at, remote) {
				return true
			}
		}
	}
	return false
}

// remotes are where a file or a folder is in the container.
func (h *hand) remotes(name string) (places []string) {
	for local, remote := range map[string]string{"src": ".", "lib": h.second()} {
		if rel, err := filepath.Rel(h.at(local), name); err == nil && filepath.IsLocal(rel) {
			places = append(places, path.Join(remote, rel))
		}
	}
	return places
}

// pretended are the locked files that a container does not hold as they are: it
// may not be said to be in sync.
func (h *hand) pretended(got map[string]string) (names []string) {
	want := h.want()
	for name, l := range h.locks.held {
		for _, at := range h.remotes(name) {
			if what := l.what["."]; !l.dir && want[at] == what && got[at] != what {
				names = append(names, name)
			}
		}
	}
	return names
}

// dropReadingAll gives up root's right to read everything until the test ends,
// and reports whether that can be done: a program that was linked to C cannot.
func dropReadingAll(t *testing.T) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var before [2]unix.CapUserData
	if err := unix.Capget(&header, &before[0]); err != nil {
		return false
	}
	now := before
	now[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	if setCaps(&header, &now) != 0 {
		return false
	}
	t.Cleanup(func() {
		if errno := setCaps(&header, &before); errno != 0 {
			t.Errorf("taking the right to read all again: %v", errno)
		}
	})
	return true
}

func setCaps(header *unix.CapUserHeader, data *[2]unix.CapUserData) syscall.Errno {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(header)), uintptr(unsafe.Pointer(data)), 0)
	return errno
}
