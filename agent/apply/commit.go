//go:build linux

package apply

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/towline-dev/towline/agent/wire"
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
		if uerr := s.undo.play(); uerr != nil {
			err = errors.Join(err, uerr)
		}
	}
	return applied, deleted, err
}

func (s *Stage) commit() ([]wire.Entry, int, error) {
	deleted := 0
	for _, d := range s.t.Deletes {
		root, err := s.roots.open(d.Root, false)
		if errors.Is(err, fs.ErrNotExist) {
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
	applied := make([]wire.Entry, 0, len(s.t.Files))
	for i, f := range s.t.Files {
		if err := s.place(i, f); err != nil {
			return nil, 0, explain(f.Path, err)
		}
		e := wire.Entry{Path: f.Path, Kind: f.Kind, Mode: uint32(modeOf(f)), ModTime: f.ModTime, Target: f.Target}
		if f.Kind == wire.KindRegular {
			e.Size, e.Hash = f.Size, f.Hash
		}
		applied = append(applied, e)
	}
	return applied, deleted, nil
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
	case errors.Is(err, fs.ErrNotExist):
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
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
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
// be undone, and reports whether there was anything.
func (s *Stage) remove(root *os.Root, name string) (bool, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.IsDir() {
		if err := s.undo.keep(root, name, info); err != nil {
			return false, err
		}
		return true, root.Remove(name)
	}
	entries, err := fs.ReadDir(root.FS(), name)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if _, err := s.remove(root, path.Join(name, e.Name())); err != nil {
			return false, err
		}
	}
	if err := root.Remove(name); err != nil {
		return false, err
	}
	s.undo.add(undoMkdir{root, name, info.Mode().Perm()})
	return true, nil
}
