//go:build linux

package apply

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxOpen is how many files the log keeps open for choice. Beyond that it gives
// them a second name, which may cost a copy each.
const maxOpen = 256

// cheapCopy is the size up to which a copy costs no more than keeping a file
// open does, in bytes.
const cheapCopy = 64 << 10

// undo is the log of how to take back the steps of a commit.
type undo struct {
	steps    []step
	open     int
	overlays map[*os.Root]bool // whether a root is on an overlay file system, once that was asked
	// second returns a short name at the top of the root, or of the mount that it
	// lies in, for a file that goes.
	second func(root *os.Root, name string) (string, error)
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

// keepFile keeps a regular file, by a second name or by keeping it open beside
// the room that it needs: a disk that is full by then must not hinder the
// undo. A second name costs nothing, except on an overlay, where it copies what
// lies in a lower layer, once; and it is not given for another user's file.
func (u *undo) keepFile(root *os.Root, name string, info fs.FileInfo) error {
	ways := []func(*os.Root, string, fs.FileInfo) error{u.keepName, u.keepOpen}
	if info.Size() > cheapCopy && u.open < maxOpen && u.overlaid(root) {
		slices.Reverse(ways)
	}
	err := ways[0](root, name, info)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		err = ways[1](root, name, info)
	}
	return err
}

// keepName gives a file a second name.
func (u *undo) keepName(root *os.Root, name string, _ fs.FileInfo) error {
	second, err := u.second(root, name)
	if err != nil {
		return err
	}
	if err := root.Link(name, second); err != nil {
		return err
	}
	u.add(undoRename{root, name, second})
	return nil
}

// keepOpen keeps a file open, and room for what it holds.
func (u *undo) keepOpen(root *os.Root, name string, info fs.FileInfo) error {
	second, err := u.second(root, name)
	if err != nil {
		return err
	}
	old, err := root.Open(name)
	if err != nil {
		return err
	}
	step := undoWrite{root, name, second, old, info}
	if err := step.reserve(); err != nil {
		step.forget()
		return err
	}
	u.open++
	u.add(step)
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

// undoWrite writes a file again from its open old self, where room is reserved.
type undoWrite struct {
	root       *os.Root
	name, room string
	old        *os.File
	info       fs.FileInfo
}

// reserve makes the file that undo fills, with all the room that it needs. A
// file system that cannot reserve room gets the content at once.
func (s undoWrite) reserve() error {
	out, err := s.root.OpenFile(s.room, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if s.info.Size() > 0 {
		err = unix.Fallocate(int(out.Fd()), 0, 0, s.info.Size())
	}
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		_, err = io.Copy(out, io.NewSectionReader(s.old, 0, s.info.Size()))
	}
	return errors.Join(err, out.Close())
}

func (s undoWrite) forget() {
	s.old.Close()
	s.root.Remove(s.room) // renamed, if it was needed
}

func (s undoWrite) undo() error {
	out, err := s.root.OpenFile(s.room, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.NewSectionReader(s.old, 0, 1<<62))
	err = errors.Join(err, out.Truncate(n), out.Chmod(s.info.Mode().Perm()), closeWritten(out))
	if err == nil {
		err = s.root.Chtimes(s.room, time.Now(), s.info.ModTime())
	}
	if err == nil {
		err = s.root.Rename(s.room, s.name)
	}
	return err
}

// overlaid reports whether a root is on an overlay file system.
func (u *undo) overlaid(root *os.Root) bool {
	is, known := u.overlays[root]
	if !known {
		is = overlay(root)
		if u.overlays == nil {
			u.overlays = map[*os.Root]bool{}
		}
		u.overlays[root] = is
	}
	return is
}

func overlay(root *os.Root) bool {
	dir, err := root.Open(".")
	if err != nil {
		return false
	}
	defer dir.Close()
	var fs unix.Statfs_t
	return unix.Fstatfs(int(dir.Fd()), &fs) == nil && int64(fs.Type) == unix.OVERLAYFS_SUPER_MAGIC
}
