package eval

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

// osFS is the operating system's file system.
type osFS struct{}

// ReadFile reads a regular file of at most MaxFileSize bytes.
func (osFS) ReadFile(path string) ([]byte, error) {
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
	if info.Size() > MaxFileSize {
		return nil, fmt.Errorf("open %s: %d MB are more than the %d MB that are read", path, info.Size()>>20, MaxFileSize>>20)
	}
	return readSized(path, info.Size())
}

// Stat follows symbolic links.
func (osFS) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// ReadDir returns the entries in order of their names.
func (osFS) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }

// EvalSymlinks resolves all symbolic links of a path.
func (osFS) EvalSymlinks(path string) (string, error) { return filepath.EvalSymlinks(path) }

func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// recorder notes which files a run depends on.
type recorder struct {
	fs    FS
	cache *cache.Cache
	seen  map[string]bool

	contents map[string]config.Content // of the files that were read
	listed   map[string][]string       // names in folders that were listed alone
}

func newRecorder(files FS, kept *cache.Cache) *recorder {
	return &recorder{fs: files, cache: kept, seen: map[string]bool{}, contents: map[string]config.Content{}, listed: map[string][]string{}}
}

// readFile is a file as it was read. It is taken again while its size, time
// and identity are the same, if its time was old enough when it was read: a
// change within the clock's grain would not show.
type readFile struct {
	stamp   file.Stamp
	settled bool // see file.Stamp
	text    string
	sum     [32]byte
}

// watch notes a path without reading it.
func (f *recorder) watch(path string) { f.seen[path] = true }

// read reads a file and notes it, whether it exists or not.
func (f *recorder) read(path string) ([]byte, error) {
	f.watch(path)
	return f.content(path)
}

// readText is read for those who want a string: the one that is kept.
func (f *recorder) readText(path string) (string, error) {
	f.watch(path)
	return f.contentText(path)
}

// content reads a file of a folder that is noted as a whole.
func (f *recorder) content(path string) ([]byte, error) {
	text, err := f.contentText(path)
	if err != nil {
		return nil, err
	}
	return []byte(text), nil
}

func (f *recorder) contentText(path string) (string, error) {
	if _, ok := f.fs.(osFS); !ok {
		data, err := f.fs.ReadFile(path)
		return string(data), err
	}
	key := cache.Key{Kind: "file", Content: path}
	began := time.Now()
	info, err := os.Stat(path)
	if err != nil {
		f.noteMissing(path, err)
		return "", &fs.PathError{Op: "open", Path: path, Err: cause(err)}
	}
	if old, ok := cache.Get[*readFile](f.cache, key); ok && old.settled && old.stamp == file.StampOf(info) {
		f.contents[path] = config.Content{Exists: true, Sum: old.sum}
		return old.text, nil
	}
	data, err := readKnown(path, info)
	if err != nil {
		f.noteMissing(path, err)
		return "", err
	}
	read := &readFile{stamp: file.StampOf(info), text: string(data), sum: blake3.Sum256(data)}
	read.settled = read.stamp.Settled(began)
	f.contents[path] = config.Content{Exists: true, Sum: read.sum}
	f.cache.Put(key, read)
	return read.text, nil
}

// noteMissing notes that a file is not there, when that is why it was not read.
func (f *recorder) noteMissing(path string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		f.contents[path] = config.Content{}
	}
}

// sorted returns all paths that were noted.
func (f *recorder) sorted() []string { return value.SortedKeys(f.seen) }

// listing notes the names in a folder.
func (f *recorder) listing(dir string) {
	entries, err := f.fs.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	f.listed[dir] = names
}

// isDir reports whether the path is a folder.
func (f *recorder) isDir(path string) bool {
	info, err := f.fs.Stat(path)
	return err == nil && info.IsDir()
}

// list returns the files below a folder in lexical order, like a walk; without
// recursive only those directly in it. Symbolic links are listed, not
// followed.
func (f *recorder) list(dir string, recursive bool) ([]string, error) {
	entries, err := f.fs.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		if a.Name() < b.Name() {
			return -1
		}
		return 1
	})
	var paths []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() {
			paths = append(paths, path)
			continue
		}
		if !recursive {
			continue
		}
		below, err := f.list(path, true)
		if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		paths = append(paths, below...)
	}
	return paths, nil
}
