package inputs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxSize is the size, in bytes, of the largest file that is read.
const MaxSize = 64 << 20

// FS is how files are read. Paths are absolute. It is called from one
// goroutine at a time.
type FS interface {
	ReadFile(path string) ([]byte, error)
	Stat(path string) (fs.FileInfo, error)
	ReadDir(path string) ([]fs.DirEntry, error)
	EvalSymlinks(path string) (string, error)
}

// OS is the operating system's file system.
type OS struct{}

// ReadFile reads a regular file of at most MaxSize bytes.
func (OS) ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: cause(err)}
	}
	return readKnown(path, info)
}

// readKnown reads a file that was just looked at.
func readKnown(path string, info fs.FileInfo) ([]byte, error) {
	if info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice) != 0 && path != os.DevNull {
		return nil, fmt.Errorf("open %s: not a regular file", path)
	}
	if info.Size() > MaxSize {
		return nil, fmt.Errorf("open %s: %d MB are more than the %d MB that are read", path, info.Size()>>20, MaxSize>>20)
	}
	return readSized(path, info.Size())
}

// Stat follows symbolic links.
func (OS) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// ReadDir returns the entries in order of their names.
func (OS) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }

// EvalSymlinks resolves all symbolic links of a path.
func (OS) EvalSymlinks(path string) (string, error) { return filepath.EvalSymlinks(path) }

func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
