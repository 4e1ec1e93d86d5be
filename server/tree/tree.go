// Package tree knows what the developer's files are: which of them a build or
// a live update depends on, what they contained when last looked at, and what
// has changed since.
//
// Everything that says "this file may have changed" (an editor's save, the
// operating system's notification, the end of a local command) is a hint. A
// Tree answers a hint with the difference of content hashes, so that a hint
// twice, late or wrong does no harm. The package reads files only through the
// Reader that it is handed.
package tree

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/internal/file"
)

// Reader reads the developer's files. Names are absolute. Its methods may be
// called concurrently. An error for which file.IsMissing is false
// says nothing about what is there. Now is the clock that files' times come from.
type Reader interface {
	Lstat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	Open(name string) (io.ReadCloser, error)
	Readlink(name string) (string, error)
	Now() time.Time
}

// Hash is the BLAKE3 sum of a file's content, of a link's target, or zero for
// a file that is not there.
type Hash [32]byte

// Entry is what a Tree remembers of one file.
type Entry struct {
	Hash    Hash
	Stamp   file.Stamp // when it was read
	Settled bool       // the Stamp tells whether the file was written since
	Unread  bool       // it could not be read last: Hash is what it held before, or zero
}

// Tree is the last known state of the files below some roots. It is not safe
// for concurrent use.
type Tree struct {
	reader  Reader
	entries map[string]Entry
	roots   map[string]bool // that were scanned
	left    map[string]bool // names that are no text, which are left out
	closed  map[string]bool // folders and files that could not be looked at last
	opened  []string        // those that can be again, until Opened tells
	sorted  []string        // keys of entries in order; nil when stale
}

// New returns an empty tree.
func New(r Reader) *Tree {
	return &Tree{reader: r, entries: map[string]Entry{}, roots: map[string]bool{}, left: map[string]bool{}, closed: map[string]bool{}}
}

// Adopt takes from another tree what it knows of files that are not known here
// and that accept accepts. So a large folder can be read beside whoever owns t:
// a Scan afterwards reads only what has changed since.
func (t *Tree) Adopt(o *Tree, accept func(path string) bool) {
	for path, e := range o.entries {
		if _, known := t.entries[path]; !known && accept(path) {
			t.entries[path] = e
			t.sorted = nil
		}
	}
}

// Copy returns a tree that knows the same, for another goroutine to Scan with.
func (t *Tree) Copy() *Tree {
	return &Tree{reader: t.reader, entries: maps.Clone(t.entries), roots: maps.Clone(t.roots), left: maps.Clone(t.left), closed: maps.Clone(t.closed)}
}

// Renew takes the stamps of files from a tree that found in them what is known
// here, so that they need not be read again, and what it could not look at.
func (t *Tree) Renew(from *Tree) {
	maps.Copy(t.left, from.left)
	t.close(slices.Collect(maps.Keys(from.closed)), func(path string) bool { return !from.closed[path] })
	for path, e := range from.entries {
		if old, known := t.entries[path]; known && old != e && old.equals(e) {
			t.entries[path] = e
		}
	}
}

// Invalidate forgets what a file held if that is still what was seen, whenever it
// was read, so that it counts as changed when it is looked at next: somebody read
// something else. A file that was changed and changed back since would not.
func (t *Tree) Invalidate(path string, seen Entry) {
	if now, known := t.entries[path]; known && now.equals(seen) {
		t.entries[path] = Entry{}
	}
}

// Entry returns what is known of a file; ok is false when it does not exist.
func (t *Tree) Entry(path string) (e Entry, ok bool) {
	e, ok = t.entries[path]
	return e, ok
}

// Opened returns once what could not be looked at and can be again: its files may
// be as they were, and who failed for want of them is to try again.
func (t *Tree) Opened() []string {
	opened := t.opened
	t.opened = nil
	return opened
}

// Close notes what somebody else could not look at. Opened tells when a Scan can.
func (t *Tree) Close(path string) { t.closed[path] = true }

// close notes what could not be looked at, and which of the rest can be again.
func (t *Tree) close(closed []string, again func(path string) bool) {
	for path := range t.closed {
		if again(path) {
			delete(t.closed, path)
			t.opened = append(t.opened, path)
		}
	}
	for _, path := range closed {
		t.closed[path] = true
	}
}

// LeftOut returns the files and folders that do not count because their names,
// or where they link to, are not UTF-8: neither the daemon's state nor its
// protocols, which are JSON, can say them.
func (t *Tree) LeftOut() []string { return slices.Sorted(maps.Keys(t.left)) }

// invalidName reports whether a path is left out, and notes it: the topmost
// folder that is to blame.
func (t *Tree) invalidName(path string) bool {
	if utf8.ValidString(path) {
		return false
	}
	for dir := filepath.Dir(path); !utf8.ValidString(dir); dir = filepath.Dir(path) {
		path = dir
	}
	t.left[path] = true
	return true
}

// Under returns the known files at or below a path that keep accepts, sorted.
func (t *Tree) Under(root string, keep func(string) bool) []string {
	if t.sorted == nil {
		t.sorted = make([]string, 0, len(t.entries))
		for p := range t.entries {
			t.sorted = append(t.sorted, p)
		}
		sort.Strings(t.sorted)
	}
	var found []string
	for i := sort.SearchStrings(t.sorted, root); i < len(t.sorted); i++ {
		p := t.sorted[i]
		if !Within(root, p) {
			// "/a-b" sorts between "/a" and "/a/b".
			if len(p) > len(root) && p[:len(root)] == root {
				continue
			}
			break
		}
		if keep == nil || keep(p) {
			found = append(found, p)
		}
	}
	return found
}

// Scan looks at every file at or below root that keep accepts (folders that
// it rejects are not entered) and returns the paths whose content differs from
// what was known, sorted. What has the stamp that it had is not read.
func (t *Tree) Scan(root string, keep func(path string, dir bool) bool) ([]string, error) {
	t.roots[root] = true
	return t.scan(root, keep)
}

func (t *Tree) scan(root string, keep func(path string, dir bool) bool) ([]string, error) {
	seen := map[string]bool{}
	var changed, unread []string
	err := t.walk(root, keep, visitor{
		file: func(path string, info fs.FileInfo) {
			seen[path] = true
			if t.look(path, info, false) {
				changed = append(changed, path)
			}
		},
		unread: func(path string) { unread = append(unread, path) },
	})
	hidden := func(path string) bool {
		return slices.ContainsFunc(unread, func(dir string) bool { return Within(dir, path) })
	}
	t.close(unread, func(path string) bool { return Within(root, path) && !hidden(path) })
	for _, path := range t.Under(root, nil) {
		if !seen[path] && !hidden(path) && keep(path, false) {
			t.forget(path)
			changed = append(changed, path)
		}
	}
	sort.Strings(changed)
	return changed, err
}

// Hint looks again at one path, a file or a folder, and returns what has
// changed. Content is read even of a file with the stamp that it had.
func (t *Tree) Hint(path string, keep func(path string, dir bool) bool) []string {
	if t.invalidName(path) {
		return nil
	}
	if t.Linked(path) {
		return t.gone(path)
	}
	info, err := t.reader.Lstat(path)
	if err == nil && info.IsDir() {
		if !keep(path, true) {
			return nil
		}
		changed, _ := t.scan(path, keep)
		return changed
	}
	if err != nil {
		if file.IsMissing(err) {
			return t.gone(path)
		}
		return nil // what cannot be looked at is not taken for deleted
	}
	if !isContent(info.Mode()) {
		return t.gone(path) // a pipe or a socket, which nobody must read
	}
	if !keep(path, false) {
		return nil
	}
	var changed []string
	if t.look(path, info, true) {
		changed = append(changed, path)
	}
	return append(changed, t.gone(path+"/")...) // it may have been a folder
}

// Linked reports whether the way from a root to a path leads through a link:
// what is found behind it is another file, of another name.
func (t *Tree) Linked(path string) bool {
	for dir := filepath.Dir(path); t.inside(dir); dir = filepath.Dir(dir) {
		if info, err := t.reader.Lstat(dir); err == nil && !info.IsDir() {
			return true
		}
	}
	return false
}

// inside reports whether a path lies below a root.
func (t *Tree) inside(path string) bool {
	for root := range t.roots {
		if path != root && Within(root, path) {
			return true
		}
	}
	return false
}

// gone forgets a path and all below it; with a slash at its end only those.
func (t *Tree) gone(path string) []string {
	below := strings.HasSuffix(path, "/")
	lost := t.Under(strings.TrimSuffix(path, "/"), nil)
	if below && len(lost) > 0 && lost[0]+"/" == path {
		lost = lost[1:]
	}
	for _, p := range lost {
		t.forget(p)
	}
	return lost
}

// look updates one file's entry and reports whether its content or its
// executable bit changed, or whether it can be read.
func (t *Tree) look(path string, info fs.FileInfo, always bool) bool {
	old, known := t.entries[path]
	now := Entry{Stamp: file.StampOf(info)}
	if known && !always && old.Settled && old.Stamp == now.Stamp {
		return false
	}
	now.Settled = now.Stamp.Settled(t.reader.Now())
	hash, err := t.hash(path, info)
	switch {
	case file.IsMissing(err):
		return false // it vanished: the next hint tells
	case errors.Is(err, errNoText):
		t.left[path] = true
		t.forget(path) // what it was before is gone
		return known
	case err != nil:
		now.Hash, now.Settled, now.Unread = old.Hash, false, true
	default:
		now.Hash = hash
	}
	t.entries[path] = now
	if !known {
		t.sorted = nil
	}
	return !known || !old.equals(now)
}

// equals reports whether a file is the same, whenever it was read: to be
// executable or a link, and readable, is part of it.
func (e Entry) equals(o Entry) bool {
	return e.Hash == o.Hash && e.Unread == o.Unread && (e.Stamp.Mode^o.Stamp.Mode)&(0o111|fs.ModeSymlink) == 0
}

func (t *Tree) forget(path string) {
	delete(t.entries, path)
	t.sorted = nil
}

// errNoText says that a link leads to a name that is not UTF-8.
var errNoText = errors.New("no text")

func (t *Tree) hash(path string, info fs.FileInfo) (Hash, error) {
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := t.reader.Readlink(path)
		if err == nil && !utf8.ValidString(target) {
			err = errNoText
		}
		return blake3.Sum256([]byte(target)), err
	}
	f, err := t.reader.Open(path)
	if err != nil {
		return Hash{}, err
	}
	defer f.Close()
	h := blake3.New()
	if _, err := io.Copy(h, f); err != nil {
		return Hash{}, err
	}
	var sum Hash
	h.Sum(sum[:0])
	return sum, nil
}

// visitor is told of what a walk finds: of regular files and links, and of
// what could not be looked at.
type visitor struct {
	file   func(path string, info fs.FileInfo)
	unread func(path string)
}

// walk visits what lies at or below root. A missing root is an empty one.
func (t *Tree) walk(root string, keep func(string, bool) bool, visit visitor) error {
	if t.invalidName(root) {
		return nil
	}
	info, err := t.reader.Lstat(root)
	if err != nil {
		return visit.failed(root, err)
	}
	if !info.IsDir() {
		if keep(root, false) && isContent(info.Mode()) {
			visit.file(root, info)
		}
		return nil
	}
	if !keep(root, true) {
		return nil
	}
	entries, err := t.reader.ReadDir(root)
	if err != nil {
		return visit.failed(root, err)
	}
	var problems error
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		if keep(path, e.IsDir()) && t.invalidName(path) {
			continue
		}
		if e.IsDir() {
			problems = errors.Join(problems, t.walk(path, keep, visit))
			continue
		}
		info, err := e.Info()
		if err != nil {
			problems = errors.Join(problems, visit.failed(path, err))
		} else if isContent(info.Mode()) && keep(path, false) {
			visit.file(path, info)
		}
	}
	return problems
}

// failed sorts what is not there, which is no failure, from what cannot be
// looked at.
func (v visitor) failed(path string, err error) error {
	if file.IsMissing(err) {
		return nil
	}
	v.unread(path)
	return err
}

func isContent(m fs.FileMode) bool { return m.IsRegular() || m&fs.ModeSymlink != 0 }

// Within reports whether path is root or lies below it. Both are clean and
// absolute.
func Within(root, path string) bool {
	if len(path) < len(root) || path[:len(root)] != root {
		return false
	}
	return len(path) == len(root) || path[len(root)] == '/' || root == "/"
}
