//go:build linux

// Package apply puts a change set in place below its roots, whole or not at
// all.
//
// A transaction has three steps. Staging writes each content to a temporary
// file in the directory where it shall be, or the nearest one that exists, and
// checks its hash; nothing that anybody looks at changes. Commit removes what
// is to be deleted and renames the staged files into place, and keeps a log of
// how to undo each step; if one fails, the log is played backwards. Close
// removes what is left over.
//
// A rename replaces a file at once, so a reader sees the old or the new
// content and never a part, and a program that runs can be replaced
// (ETXTBSY). For the undo log, what is replaced or removed keeps a second name,
// or is kept open beside the room that it needs: taking back works on a full
// disk, and costs no copy, not even on an overlay file system whose lower layer
// holds the file.
//
// All access goes through os.Root: a path or symbolic link that leads out of
// its root is refused. Files are written as the container's own user; the
// package knows no other.
//
// When the agent is killed between two renames, the files are a mixture. That
// is noticed, since a new agent has a new boot id, upon which the daemon
// verifies all files before the application starts. Staged files that a
// killed agent left are removed by Sweep.
package apply

import (
	"fmt"
	"os"
	"path"
	"strings"
	"sync/atomic"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/file"
)

// Prefix begins the names of our temporary files.
const Prefix = ".towline-"

// Applier applies transactions. It may be used by one transaction at a time.
type Applier struct {
	journal *journal
	id      string
	table   string // of what is mounted
	managed *managed
	seq     atomic.Int64
}

// New returns an Applier whose temporary files carry the id, and which notes
// in the file journalPath where they are, and beside it which files were put in
// place; "" notes nothing. What is mounted is
// read from table, as MountTable has it.
func New(id, journalPath, table string) *Applier {
	a := &Applier{id: id, journal: &journal{path: journalPath}, table: table}
	if journalPath != "" {
		journalPath += ".managed"
	}
	a.managed = readManaged(journalPath)
	return a
}

// Stage is one transaction on its way. It is for one goroutine.
type Stage struct {
	a       *Applier
	t       *wire.Transaction
	roots   roots
	staged  []string // by index of Files: the temporary name below the root, "" when none
	deletes map[wire.Path]bool
	folders map[string]bool // that the transaction names, by their whole path
	mounts  *mounts
	skip    map[wire.Path]bool // files and deletes that a mount is over
	covered []wire.Covered     // those of them that are not as they shall be
	undo    undo
}

// Begin checks the paths of a transaction and opens its roots; missing roots
// are made. The caller must call Close.
func (a *Applier) Begin(t *wire.Transaction) (*Stage, error) {
	if err := checkTransaction(t); err != nil {
		return nil, err
	}
	mounts, err := readMounts(a.table)
	if err != nil {
		return nil, err
	}
	s := &Stage{a: a, t: t, roots: roots{}, staged: make([]string, len(t.Files)), deletes: map[wire.Path]bool{}, folders: map[string]bool{}, mounts: mounts, skip: map[wire.Path]bool{}}
	s.undo.second = func(root *os.Root, name string) (string, error) {
		return s.temp(root.Name(), mounts.within(root.Name(), name))
	}
	s.leaveOut()
	for _, d := range t.Deletes {
		s.deletes[d] = true
	}
	for _, f := range t.Files {
		if f.Kind == wire.KindDir {
			s.folders[f.Path.String()] = true
		}
		if s.skip[f.Path] {
			continue
		}
		if _, err := s.roots.open(f.Root, true); err != nil {
			s.Close()
			return nil, explain(f.Path, err)
		}
	}
	return s, nil
}

// leaveOut finds what mounts are over.
func (s *Stage) leaveOut() {
	for _, f := range s.t.Files {
		if point := s.mounts.covers(f.Path, f.Kind); point != "" {
			s.skip[f.Path] = true
			if !matches(f, entryOf(s.roots, f)) {
				s.cover(f.Path, point)
			}
		}
	}
	for _, d := range s.t.Deletes {
		point := s.mounts.covers(d, wire.KindRegular)
		if point == "" || entryOf(s.roots, wire.File{Path: d}).Kind == wire.KindMissing {
			continue
		}
		// A folder is emptied as far as that can be, and stays.
		s.skip[d] = !strings.HasPrefix(point+"/", s.mounts.real(d.String())+"/") || !isDir(d.String())
		s.cover(d, point)
	}
}

func (s *Stage) cover(p wire.Path, point string) {
	s.covered = append(s.covered, wire.Covered{Path: p.String(), Mount: point, Type: s.mounts.kinds[point]})
}

// Covered are the files and deletes that were left out since something is
// mounted over them that is not as they shall be.
func (s *Stage) Covered() []wire.Covered { return s.covered }

// temp returns the path of a new temporary file in the directory dir of root.
func (s *Stage) temp(root, dir string) (string, error) {
	if err := s.a.journal.note(path.Join(root, dir)); err != nil {
		return "", err
	}
	return path.Join(dir, fmt.Sprintf("%s%s-%d", Prefix, s.a.id, s.a.seq.Add(1))), nil
}

// Close removes what was staged and not committed, and lets go of all files.
func (s *Stage) Close() {
	s.drop()
	s.undo.forget()
	s.roots.close()
}

// drop removes what was staged and not committed.
func (s *Stage) drop() {
	for i, name := range s.staged {
		if name != "" {
			s.roots[s.t.Files[i].Root].Remove(name)
			s.staged[i] = ""
		}
	}
}

// roots are opened roots by their path.
type roots map[string]*os.Root

// open opens a root, making it if asked.
func (r roots) open(dir string, make bool) (*os.Root, error) {
	if root := r[dir]; root != nil {
		return root, nil
	}
	root, err := os.OpenRoot(dir)
	if make && file.IsMissing(err) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		root, err = os.OpenRoot(dir)
	}
	if err != nil {
		return nil, err
	}
	r[dir] = root
	return root, nil
}

func (r roots) close() {
	for _, root := range r {
		root.Close()
	}
}

// checkTransaction checks what can be checked without looking at files.
func checkTransaction(t *wire.Transaction) error {
	if len(t.Files)+len(t.Deletes) > wire.MaxEntries {
		return wire.Errorf(wire.CodeBadRequest, "a transaction of %d files is over the limit of %d", len(t.Files)+len(t.Deletes), wire.MaxEntries)
	}
	for _, d := range t.Deletes {
		if err := CheckPath(d); err != nil {
			return err
		}
	}
	kinds := make(map[string]wire.FileKind, len(t.Files))
	for _, f := range t.Files {
		if err := checkFile(f); err != nil {
			return err
		}
		name := f.Path.String()
		if _, twice := kinds[name]; twice {
			return wire.Errorf(wire.CodeBadRequest, "%s occurs twice in one transaction", name)
		}
		kinds[name] = f.Kind
	}
	for name := range kinds {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if kind, ok := kinds[dir]; ok && kind != wire.KindDir {
				return wire.Errorf(wire.CodeBadRequest, "%s is to be a file and, for %s, a directory", dir, name)
			}
		}
	}
	return nil
}

func checkFile(f wire.File) error {
	if err := CheckPath(f.Path); err != nil {
		return err
	}
	bad := ""
	switch {
	case f.Kind != wire.KindRegular && f.Kind != wire.KindDir && f.Kind != wire.KindSymlink:
		bad = fmt.Sprintf("unknown kind %q", f.Kind)
	case f.Size < 0 || f.Size > wire.MaxFile:
		bad = fmt.Sprintf("size of %d bytes", f.Size)
	case f.Mode&^0o777 != 0:
		bad = fmt.Sprintf("mode 0%o", f.Mode)
	case f.Kind == wire.KindSymlink && (f.Target == "" || len(f.Target) > wire.MaxPath || strings.ContainsRune(f.Target, 0)):
		bad = "link target"
	default:
		return nil
	}
	return wire.Errorf(wire.CodeBadRequest, "%s: %s is not allowed", f.Path, bad)
}

// CheckPath reports whether a path that came from outside is well-formed: an
// absolute clean root and a relative clean path that stays below it.
func CheckPath(p wire.Path) error {
	bad := func(why string) error {
		return wire.Errorf(wire.CodeBadRequest, "the path %q below %q is not allowed: %s", p.Path, p.Root, why)
	}
	switch {
	case len(p.Root)+len(p.Path) > wire.MaxPath:
		return bad("too long")
	case strings.ContainsRune(p.Root, 0) || strings.ContainsRune(p.Path, 0):
		return bad("it holds a zero byte")
	case !path.IsAbs(p.Root) || path.Clean(p.Root) != p.Root:
		return bad("the root is not absolute and clean")
	case p.Root == "/.towline" || strings.HasPrefix(p.String(), "/.towline/"):
		return bad("it is the agent's own")
	case p.Path == "" || p.Path == "." || path.IsAbs(p.Path) || path.Clean(p.Path) != p.Path:
		return bad("it is not relative and clean")
	case p.Path == ".." || strings.HasPrefix(p.Path, "../"):
		return bad("it leads out of its root")
	case strings.HasPrefix(path.Base(p.Path), Prefix):
		return bad("it is named as our temporary files are")
	}
	return nil
}
