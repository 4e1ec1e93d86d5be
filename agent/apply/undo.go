//go:build linux

package apply

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// maxOpen is how many files the log keeps open. Beyond that it gives them a
// second name, which may cost a copy each.
const maxOpen = 256

// undo is the log of how to take back the steps of a commit.
type undo struct {
	steps []step
	open  int
	// second returns a name at the top of the root, for a file that goes.
	second func(root *os.Root) (string, error)
}

// step takes back one step. forget lets go of what it holds.
type step interface {
	undo() error
	forget()
}

func (u *undo) add(s step) { u.steps = append(u.steps, s) }

// play takes everything back, last step first, and goes on after errors.
func (u *undo) play() error {
	var errs []error
	for i := len(u.steps) - 1; i >= 0; i-- {
		if err := u.steps[i].undo(); err != nil {
			errs = append(errs, fmt.Errorf("taking back: %w", err))
		}
	}
	u.forget()
	return errors.Join(errs...)
}

func (u *undo) forget() {
	for _, s := range u.steps {
		s.forget()
	}
	u.steps = nil
}

// keep notes how to restore the file name, which is about to go.
func (u *undo) keep(root *os.Root, name string, info fs.FileInfo) error {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := root.Readlink(name)
		if err != nil {
			return err
		}
		u.add(undoLink{root, name, target})
	case info.Mode().IsRegular():
		return u.keepFile(root, name, info)
	default:
		return fmt.Errorf("%s is a device, socket or pipe (%s): %w", name, info.Mode(), fs.ErrInvalid)
	}
	return nil
}

// keepFile keeps a regular file open. One that cannot be opened, or is one too
// many, gets a second name instead.
func (u *undo) keepFile(root *os.Root, name string, info fs.FileInfo) error {
	if u.open < maxOpen {
		if f, err := root.Open(name); err == nil {
			u.open++
			u.add(undoWrite{root, name, f, info})
			return nil
		}
	}
	second, err := u.second(root)
	if err != nil {
		return err
	}
	if err := root.Link(name, second); err != nil {
		return err
	}
	u.add(undoRename{root, name, second})
	return nil
}

// undoRemove removes what was made.
type undoRemove struct {
	root *os.Root
	name string
}

func (s undoRemove) forget() {}
func (s undoRemove) undo() error {
	if err := s.root.Remove(s.name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// undoMkdir makes a directory again.
type undoMkdir struct {
	root *os.Root
	name string
	mode fs.FileMode
}

func (s undoMkdir) forget() {}
func (s undoMkdir) undo() error {
	if err := s.root.Mkdir(s.name, 0o700); err != nil {
		return err
	}
	return s.root.Chmod(s.name, s.mode)
}

// undoChmod gives a directory its old mode.
type undoChmod struct {
	root *os.Root
	name string
	mode fs.FileMode
}

func (s undoChmod) forget()     {}
func (s undoChmod) undo() error { return s.root.Chmod(s.name, s.mode) }

// undoLink makes a symbolic link again.
type undoLink struct {
	root         *os.Root
	name, target string
}

func (s undoLink) forget() {}
func (s undoLink) undo() error {
	if err := s.root.Remove(s.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.root.Symlink(s.target, s.name)
}

// undoRename gives a file its name back.
type undoRename struct {
	root      *os.Root
	name, old string
}

func (s undoRename) forget()     { s.root.Remove(s.old) }
func (s undoRename) undo() error { return s.root.Rename(s.old, s.name) }

// undoWrite writes a file again from its open old self.
type undoWrite struct {
	root *os.Root
	name string
	old  *os.File
	info fs.FileInfo
}

func (s undoWrite) forget() { s.old.Close() }
func (s undoWrite) undo() error {
	temp := path.Join(path.Dir(s.name), Prefix+"undo-"+path.Base(s.name))
	out, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, s.old)
	err = errors.Join(err, out.Chmod(s.info.Mode().Perm()), out.Close())
	if err == nil {
		err = s.root.Chtimes(temp, time.Now(), s.info.ModTime())
	}
	if err == nil {
		err = s.root.Rename(temp, s.name)
	}
	return err
}
