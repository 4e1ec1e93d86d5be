//go:build linux

package apply

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/file"
)

// Commit puts everything in place and returns what is there now, in the order
// of the transaction's files, and how many of the deletes existed. After an
// error everything is as it was before.
func (s *Stage) Commit() ([]wire.Entry, int, error) {
	if err := s.ready(); err != nil {
		return nil, 0, err
	}
	applied, deleted, err := s.commit()
	if err != nil {
		s.drop() // first: taking back may need the room
		if uerr := s.undo.play(); uerr != nil {
			err = errors.Join(err, uerr)
		}
		return applied, deleted, err
	}
	s.a.managed.change(s.t, s.skip)
	return applied, deleted, err
}

func (s *Stage) commit() ([]wire.Entry, int, error) {
	deleted := 0
	// Before the first is removed: a link that goes leads to nothing any longer.
	deletes := slices.DeleteFunc(slices.Clone(s.t.Deletes), func(d wire.Path) bool { return s.skip[d] || s.behindLink(d) })
	for _, d := range deletes {
		root, err := s.roots.open(d.Root, false)
		if file.IsMissing(err) {
			continue
		}
		existed := false
		if err == nil {
			existed, err = s.remove(root, d.Path)
		}
		if err != nil {
			return nil, 0, explain(d, err)
		}
		if existed {
			deleted++
		}
	}
	for i, f := range s.t.Files {
		if s.skip[f.Path] {
			continue
		}
		if err := s.place(i, f); err != nil {
			return nil, 0, explain(f.Path, err)
		}
	}
	applied, err := s.readBack()
	return applied, deleted, err
}

// behindLink reports whether the way to a path leads through a link that
// transactions put in place, or that this one replaces by a folder or deletes:
// behind it lies somebody else's file. An image's own links lead to what is
// synced there.
func (s *Stage) behindLink(p wire.Path) bool {
	for dir := path.Dir(p.String()); dir != "/"; dir = path.Dir(dir) {
		info, err := os.Lstat(dir)
		if err == nil && !info.IsDir() && (s.folders[dir] || s.gone(dir) || s.a.managed.holds(dir)) {
			return true
		}
	}
	return false
}

// gone reports whether the transaction deletes a path.
func (s *Stage) gone(name string) bool {
	return slices.ContainsFunc(s.t.Deletes, func(d wire.Path) bool { return d.String() == name })
}

// readBack reads what is there now under the names of the transaction's files.
func (s *Stage) readBack() ([]wire.Entry, error) {
	applied := make([]wire.Entry, len(s.t.Files))
	for i, f := range s.t.Files {
		applied[i] = entryOf(s.roots, f)
		if s.skip[f.Path] {
			continue
		}
		if got := applied[i]; got.Error != "" || got.Kind != f.Kind || got.Hash != f.Hash && f.Kind == wire.KindRegular || got.Target != f.Target {
			e := wire.Errorf(wire.CodeHashMismatch, "%s: another process changed it while it was put in place", f.Path)
			e.Path, e.Hint = f.Path.String(), "let nothing else in the container write below what is synced"
			return nil, e
		}
	}
	return applied, nil
}

// place puts one file in its place.
func (s *Stage) place(i int, f wire.File) error {
	root := s.roots[f.Root]
	if err := s.parents(root, path.Dir(f.Path.Path)); err != nil {
		return err
	}
	switch f.Kind {
	case wire.KindDir:
		return s.placeDir(root, f)
	case wire.KindSymlink:
		return s.placeLink(root, f)
	}
	if err := s.makeWay(root, f.Path.Path); err != nil {
		return err
	}
	if err := root.Rename(s.staged[i], f.Path.Path); err != nil {
		return err
	}
	s.staged[i] = ""
	return nil
}

func (s *Stage) placeDir(root *os.Root, f wire.File) error {
	info, err := root.Lstat(f.Path.Path)
	if err == nil && info.IsDir() {
		if f.Mode != 0 && info.Mode().Perm() != modeOf(f) && root.Chmod(f.Path.Path, modeOf(f)) == nil {
			s.undo.add(undoChmod{root, f.Path.Path, info.Mode().Perm()})
		}
		return nil // a directory of somebody else's keeps its mode
	}
	if err == nil {
		if _, err := s.remove(root, f.Path.Path); err != nil {
			return err
		}
	}
	return s.mkdir(root, f.Path.Path, modeOf(f))
}

func (s *Stage) placeLink(root *os.Root, f wire.File) error {
	name, err := s.temp(f.Root, path.Dir(f.Path.Path))
	if err != nil {
		return err
	}
	if err := root.Symlink(f.Target, name); err != nil {
		return err
	}
	if err = s.makeWay(root, f.Path.Path); err == nil {
		err = root.Rename(name, f.Path.Path)
	}
	if err != nil {
		root.Remove(name)
	}
	return err
}

// makeWay notes how to undo the replacement of name, and removes what a
// rename could not replace.
func (s *Stage) makeWay(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	switch {
	case file.IsMissing(err):
		s.undo.add(undoRemove{root, name})
		return nil
	case err != nil:
		return err
	case info.IsDir():
		_, err := s.remove(root, name)
		s.undo.add(undoRemove{root, name})
		return err
	}
	return s.undo.keep(root, name, info)
}

// parents makes the directories on the way to dir. A file in the way is
// replaced.
func (s *Stage) parents(root *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	info, err := root.Stat(dir)
	if err == nil && info.IsDir() {
		return nil
	}
	if err != nil && !file.IsMissing(err) {
		return err
	}
	if err := s.parents(root, path.Dir(dir)); err != nil {
		return err
	}
	if _, err := root.Lstat(dir); err == nil {
		if _, err := s.remove(root, dir); err != nil {
			return err
		}
	}
	return s.mkdir(root, dir, 0o755)
}

func (s *Stage) mkdir(root *os.Root, name string, mode fs.FileMode) error {
	if err := root.Mkdir(name, 0o777&mode); err != nil {
		return err
	}
	s.undo.add(undoRemove{root, name})
	return root.Chmod(name, mode)
}

// remove removes a file or a whole directory, entry by entry so that each can
// be undone, and reports whether there was anything. Mount points stay, and the
// directories on the way to them.
func (s *Stage) remove(root *os.Root, name string) (bool, error) {
	info, err := root.Lstat(name)
	if file.IsMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	real := s.mounts.real(path.Join(root.Name(), name))
	point := s.mounts.over(real)
	if !info.IsDir() {
		if point == real {
			return true, nil
		}
		if err := s.undo.keep(root, name, info); err != nil {
			return false, err
		}
		return true, root.Remove(name)
	}
	if point == real && !s.mounts.writes(real) {
		return true, nil
	}
	names, err := namesIn(root, name)
	if err != nil {
		return false, err
	}
	for _, n := range names {
		if _, err := s.remove(root, path.Join(name, n)); err != nil {
			return false, err
		}
	}
	if point == real || s.mounts.below(real) != "" {
		return true, nil
	}
	if err := root.Remove(name); err != nil {
		return false, err
	}
	s.undo.add(undoMkdir{root, name, info.Mode().Perm()})
	return true, nil
}

// namesIn are the names in a directory, sorted. An fs.FS would refuse those that
// are not UTF-8, which an image may hold.
func namesIn(root *os.Root, dir string) ([]string, error) {
	f, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}
