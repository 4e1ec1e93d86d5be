package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fsnotify/fsnotify"

	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/server/tree"
)

// hand is the random hand that changes the files below src and lib, in all ways
// that were ever missed. Of the ground it uses the folder.
type hand struct {
	*ground
	joint   bool // the targets of its two sync steps overlap
	rand    *rand.Rand
	outside string                         // a file of its own on the same disk
	tells   func(op fsnotify.Op, p string) // has the system tell of a path
	locks   locks
}

func (h *hand) at(name string) string { return filepath.Join(h.root, name) }

// second is where the second sync step leads, below the first's target.
func (h *hand) second() string {
	if h.joint {
		return "lib"
	}
	return "other"
}

// begin makes the folders. One that is emptied is held back, so each keeps a
// file.
func (h *hand) begin() {
	for _, dir := range []string{"src", "lib"} {
		h.must(os.MkdirAll(h.at(dir), 0o755))
		h.must(putFile(h.at(dir+"/kept"), "-kept"))
	}
}

// changes is how many kinds of change there are; other kinds of step follow.
const changes = 27

// change makes the n-th kind of change.
func (h *hand) change(n int) {
	p, q := h.path(), h.path()
	h.unlock(p)
	h.unlock(q)
	h.unlockBehind(p)
	h.unlockBehind(q)
	switch n {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		h.put(p, fmt.Sprint("-", "content ", h.rand.IntN(10)))
	case 8:
		h.put(p, fmt.Sprint("x", "content ", h.rand.IntN(10)))
	case 9, 10:
		h.put(p, "l"+[]string{"a", "b/c", "nowhere", "\xff"}[h.rand.IntN(4)])
	case 11, 12, 13:
		h.rename(p, q)
	case 14, 15, 16:
		h.swap(p, q)
	case 17, 18:
		h.remove(p)
	case 19:
		if info, err := os.Lstat(h.at(p)); err == nil && info.Mode().IsRegular() {
			h.must(os.Chmod(h.at(p), info.Mode().Perm()^0o111))
			h.tells(fsnotify.Chmod, p)
		}
	case 20, 21:
		h.other(p)
	case 22: // nothing but the time
		if info, err := os.Lstat(h.at(p)); err == nil && info.Mode().IsRegular() {
			h.must(os.Chtimes(h.at(p), time.Time{}, time.Unix(499162500+h.rand.Int64N(3), 0)))
			h.tells(fsnotify.Chmod, p)
		}
	case 23:
		h.instead(p)
	case 24, 25:
		h.lock(p)
	case 26:
		h.unlock("")
	}
}

// other writes a file through another name, of which nothing tells but, where it
// gets the time that all have, a notification of its attributes.
func (h *hand) other(p string) {
	info, err := os.Lstat(h.at(p))
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	h.must(os.Link(h.at(p), h.outside))
	h.must(os.WriteFile(h.outside, []byte(fmt.Sprint("content ", h.rand.IntN(10))), 0o644))
	if h.rand.IntN(2) == 0 {
		h.must(os.Chtimes(h.outside, time.Time{}, time.Unix(499162500, 0)))
		h.tells(fsnotify.Chmod, p)
	}
	h.must(os.Remove(h.outside))
}

// instead puts a file in the place of a folder, and takes it away again before
// long, or the other way.
func (h *hand) instead(p string) {
	info, err := os.Lstat(h.at(p))
	if err != nil || h.aliased(p) {
		return
	}
	h.must(os.Rename(h.at(p), h.outside))
	h.tells(fsnotify.Rename, p)
	if info.IsDir() {
		h.put(p, "-instead")
	} else {
		h.put(path.Join(p, "a"), "-instead")
	}
	if h.rand.IntN(2) == 0 {
		h.must(os.RemoveAll(h.outside))
		return
	}
	h.remove(p)
	h.must(os.Rename(h.outside, h.at(p)))
	h.tells(fsnotify.Create, p)
}

// path returns a random place.
func (h *hand) path() string {
	long := strings.Repeat("l", []int{242, 249, 254, 255}[h.rand.IntN(4)])
	names := []string{"a", "b", "lib", "a", "b", "c", "two\nlines", long, "\xff", "b\xfe"}
	p := []string{"src", "lib", "src/lib"}[h.rand.IntN(3)]
	for range 1 + h.rand.IntN(3) {
		p = filepath.Join(p, names[h.rand.IntN(len(names))])
	}
	return p
}

// make makes a folder, in the place of files if need be.
func (h *hand) make(dir string) {
	if info, err := os.Lstat(h.at(dir)); err == nil && info.IsDir() {
		return
	}
	h.make(filepath.Dir(dir))
	h.remove(dir)
	h.must(os.Mkdir(h.at(dir), 0o755))
	h.tells(fsnotify.Create, dir)
}

func (h *hand) remove(p string) {
	if _, err := file.Lstat(h.at(p)); err != nil {
		return
	}
	h.must(os.RemoveAll(h.at(p)))
	h.tells(fsnotify.Remove, p)
}

// put writes a file, or a link, mostly with the time that all have.
func (h *hand) put(p, what string) {
	h.make(filepath.Dir(p))
	op := fsnotify.Write
	if info, err := os.Lstat(h.at(p)); err != nil || !info.Mode().IsRegular() || what[0] == 'l' || h.rand.IntN(2) == 0 {
		h.remove(p)
		op = fsnotify.Create
	}
	h.must(putFile(h.at(p), what))
	if what[0] != 'l' && h.rand.IntN(4) > 0 {
		h.must(os.Chtimes(h.at(p), time.Time{}, time.Unix(499162500, 0)))
	}
	h.tells(op, p)
}

// putFile makes a file of its description.
func putFile(name, what string) error {
	if what[0] == 'l' {
		return os.Symlink(what[1:], name)
	}
	mode := fs.FileMode(0o644)
	if what[0] == 'x' {
		mode = 0o755
	}
	return errors.Join(os.WriteFile(name, []byte(what[1:]), mode), os.Chmod(name, mode))
}

func (h *hand) rename(p, q string) {
	if _, err := file.Lstat(h.at(p)); err != nil || within(p, q) || within(q, p) {
		return
	}
	h.make(filepath.Dir(q))
	if _, err := file.Lstat(h.at(p)); err != nil { // it stood in the way
		return
	}
	h.remove(q)
	if os.Rename(h.at(p), h.at(q)) != nil {
		return // the way to one led over the other, by a link
	}
	h.tells(fsnotify.Rename, p)
	h.tells(fsnotify.Create, q)
}

// swap has two files or folders change places.
func (h *hand) swap(p, q string) {
	_, perr := file.Lstat(h.at(p))
	_, qerr := file.Lstat(h.at(q))
	if perr != nil || qerr != nil || within(p, q) || within(q, p) || h.aliased(p) || h.aliased(q) {
		return
	}
	h.must(os.Rename(h.at(p), h.outside))
	h.must(os.Rename(h.at(q), h.at(p)))
	h.must(os.Rename(h.outside, h.at(q)))
	h.tells(fsnotify.Rename, p)
	h.tells(fsnotify.Rename, q)
	h.tells(fsnotify.Create, p)
	h.tells(fsnotify.Create, q)
}

// aliased reports whether the way to a path leads through a link.
func (h *hand) aliased(p string) bool {
	dir, err := filepath.EvalSymlinks(filepath.Dir(h.at(p)))
	return err != nil || dir != filepath.Dir(h.at(p))
}

func within(p, q string) bool { return tree.Within(p, q) }

// files describes the files below a folder that count.
func (h *hand) files(root string) map[string]string {
	found := map[string]string{}
	h.must(filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if l, locked := h.locks.held[name]; locked {
			return l.into(found, root, name)
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			what = "l" + target
		} else {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			content, err := io.ReadAll(f)
			if err != nil {
				return err
			}
			what = "-" + string(content)
			if info.Mode()&0o111 != 0 {
				what = "x" + string(content)
			}
		}
		if rel, err := filepath.Rel(root, name); err != nil {
			return err
		} else if utf8.ValidString(rel) && utf8.ValidString(what) {
			found[rel] = what
		}
		return nil
	}))
	return found
}

// want is what a container is to hold where src is synced to a folder and lib to
// second below it: the last step wins.
func (h *hand) want() map[string]string {
	all := h.files(h.at("src"))
	for name, what := range h.files(h.at("lib")) {
		name = path.Join(h.second(), name)
		for other := range all {
			if within(other, name) || within(name, other) {
				delete(all, other)
			}
		}
		all[name] = what
	}
	return all
}

// compare says what is wrong with what a container holds, but for what cannot
// be read.
func (h *hand) compare(got map[string]string) []string {
	var wrong []string
	want := h.want()
	for _, all := range []map[string]string{want, got} {
		maps.DeleteFunc(all, func(name, _ string) bool { return h.hidden(name) })
	}
	for name := range want {
		if got[name] != want[name] {
			wrong = append(wrong, fmt.Sprintf("%q: want %q, got %q", name, want[name], got[name]))
		}
	}
	for name := range got {
		if _, is := want[name]; !is {
			wrong = append(wrong, fmt.Sprintf("%q: should not be there", name))
		}
	}
	slices.Sort(wrong)
	return wrong
}
