// Package inputs reads the files of an evaluation and notes which: by them a
// caller knows when to evaluate again.
package inputs

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/patternmatcher/ignorefile"
	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
)

// Recorder reads files and notes on which of them an evaluation depends.
type Recorder struct {
	fs    FS
	cache *cache.Cache
	seen  map[string]bool

	Contents map[string]config.Content // of the files that were read
	Listed   map[string][]string       // names in folders that were listed alone

	visible map[string]bool     // files that were not only read apart
	others  map[question]string // see Answers
	missing map[string]error    // of files that were not there to be read
	unsure  bool                // there was an answer that is not kept
	fresh   *Recorder           // whose answers are of this very moment; nil: none are
}

// NewRecorder returns a recorder of what is read from files; what it read is
// kept.
func NewRecorder(files FS, kept *cache.Cache) *Recorder {
	return &Recorder{fs: files, cache: kept, seen: map[string]bool{}, Contents: map[string]config.Content{}, Listed: map[string][]string{}, visible: map[string]bool{}, others: map[question]string{}, missing: map[string]error{}}
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

// Watch notes a path without reading it.
func (r *Recorder) Watch(path string) { r.seen[path] = true }

// Read reads a file and notes it, whether it exists or not.
func (r *Recorder) Read(path string) ([]byte, error) {
	r.Watch(path)
	return r.Content(path)
}

// ReadText is Read for those who want a string: the one that is kept.
func (r *Recorder) ReadText(path string) (string, error) {
	r.Watch(path)
	return r.contentText(path)
}

// ReadApart is ReadText for a file of which nothing reaches the Tiltfile: what the
// caller makes of it is all that depends on its content.
func (r *Recorder) ReadApart(path string) (string, error) {
	r.Watch(path)
	return r.textOf(path)
}

// Content reads a file of a folder that is noted as a whole.
func (r *Recorder) Content(path string) ([]byte, error) {
	text, err := r.contentText(path)
	if err != nil {
		return nil, err
	}
	return []byte(text), nil
}

func (r *Recorder) contentText(path string) (string, error) {
	r.visible[path] = true
	return r.textOf(path)
}

func (r *Recorder) textOf(path string) (string, error) {
	if _, ok := r.fs.(OS); !ok {
		data, err := r.fs.ReadFile(path)
		return string(data), err
	}
	if r.fresh != nil {
		if err := r.fresh.missing[path]; err != nil {
			r.noteMissing(path, err)
			return "", &fs.PathError{Op: "open", Path: path, Err: cause(err)}
		}
		c, ok := r.fresh.Contents[path]
		if old, kept := cache.Get[*readFile](r.cache, cache.Key{Kind: "file", Content: path}); ok && kept && old.sum == c.Sum {
			r.noteContent(path, c)
			return old.text, nil
		}
	}
	key := cache.Key{Kind: "file", Content: path}
	began := time.Now()
	info, err := os.Stat(path)
	if err != nil {
		r.noteMissing(path, err)
		return "", &fs.PathError{Op: "open", Path: path, Err: cause(err)}
	}
	if old, ok := cache.Get[*readFile](r.cache, key); ok && old.settled && old.stamp == file.StampOf(info) {
		r.noteContent(path, config.Content{Exists: true, Sum: old.sum})
		return old.text, nil
	}
	data, err := readKnown(path, info)
	if err != nil {
		r.noteMissing(path, err)
		return "", err
	}
	read := &readFile{stamp: file.StampOf(info), text: string(data), sum: blake3.Sum256(data)}
	read.settled = read.stamp.Settled(began)
	r.noteContent(path, config.Content{Exists: true, Sum: read.sum})
	r.cache.Put(key, read)
	return read.text, nil
}

// noteMissing notes that a file is not there, when that is why it was not read.
func (r *Recorder) noteMissing(path string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		r.noteContent(path, config.Content{})
		r.missing[path] = err
	} else {
		r.unsure = true
	}
}

// Paths returns all paths that were noted.
func (r *Recorder) Paths() []string { return slices.Sorted(maps.Keys(r.seen)) }

// Listing notes the names in a folder.
func (r *Recorder) Listing(dir string) {
	entries, err := r.entries(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	r.Listed[dir] = names
}

// Exists reports whether there is such a file; it does not watch it.
func (r *Recorder) Exists(path string) bool {
	answer := r.it(path)
	return answer == itIsThere || answer == itIsFolder
}

// IsDir reports whether the path is a folder.
func (r *Recorder) IsDir(path string) bool {
	return r.it(path) == itIsFolder
}

// List returns the files below a folder in lexical order, like a walk; without
// recursive only those directly in it. Symbolic links are listed, not
// followed.
func (r *Recorder) List(dir string, recursive bool) ([]string, error) {
	entries, err := r.entries(dir)
	if err != nil {
		return nil, err
	}
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
		below, err := r.List(path, true)
		if err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		paths = append(paths, below...)
	}
	return paths, nil
}

// IgnoreFile returns the patterns of an ignore file, relative to its folder and
// as docker reads them; none when there is no such file.
func (r *Recorder) IgnoreFile(path string) ([]string, error) {
	text, err := r.ReadText(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ignorefile.ReadAll(strings.NewReader(text))
}
