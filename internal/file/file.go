// Package file answers in one place what all who follow a developer's files
// ask of one: is it there, and is it still what it was when it was read.
package file

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Grain is longer than the grain of any file system's times: two writes within
// it may leave a file with equal times.
const Grain = 2 * time.Second

// Stamp tells versions of a file apart without reading them. Size and time of
// the last write alone do not: package managers, tar and Bazel give all files
// the same time, and many versions have one size. So, as git does, a Stamp has
// which file it is, and when its inode was last changed, which nobody can set.
type Stamp struct {
	Size   int64
	Mode   fs.FileMode
	MTime  int64  // nanoseconds since 1970, of the last write, or what somebody set
	CTime  int64  // nanoseconds since 1970, of the inode's last change; 0 where there is no such thing
	Device uint64 // with Inode: which file; 0 where there is no such thing
	Inode  uint64
}

// StampOf returns the stamp of a file that was looked at.
func StampOf(info fs.FileInfo) Stamp {
	s := Stamp{Size: info.Size(), Mode: info.Mode(), MTime: info.ModTime().UnixNano()}
	s.identify(info.Sys())
	return s
}

// Settled reports whether a file with the stamp, read at a time, would have
// another stamp by now had it been written after it was read.
func (s Stamp) Settled(read time.Time) bool {
	last := s.CTime
	if last == 0 {
		last = s.MTime
	}
	return read.Sub(time.Unix(0, last)).Abs() > Grain
}

// IsMissing reports whether an error says that a file is not there. It is not
// either where a folder on the way to it has become a file, or a link that
// leads nowhere.
func IsMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP)
}

// Lstat is os.Lstat, with an fs.ErrNotExist for whatever IsMissing.
func Lstat(name string) (fs.FileInfo, error) {
	info, err := os.Lstat(name)
	if err != nil && IsMissing(err) {
		err = &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return info, err
}
