package workspace

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/towline-dev/towline/internal/file"
)

const (
	fileLimit  = 16 << 20 // of one file, in bytes
	cacheLimit = 32 << 20 // of all cached files, in bytes
	dirLimit   = 2048     // cached folders
	entryLimit = 1 << 16  // entries of all cached folders

	// lookAgain is for how long what was seen of a folder is taken for true
	// while keys are pressed: a Tiltfile may name hundreds of them.
	lookAgain = time.Second
)

// files reads files and folders, and keeps what it read for as long as their
// stamps say that it still holds.
type files struct {
	mu    sync.Mutex
	texts map[string]cachedText
	size  int64 // of all texts
	dirs  map[string]cachedDir
	names int // entries of all folders
	reals map[string]realPath
}

// realPath is where symbolic links of a path led.
type realPath struct {
	path   string
	looked time.Time
	disk   uint64 // see Snapshot
}

type cachedText struct {
	stamp   file.Stamp
	settled bool // see file.Stamp
	text    *Text
}

type cachedDir struct {
	stamp   file.Stamp
	settled bool
	entries []fs.DirEntry
	err     error // why it cannot be read

	looked time.Time // when it was last looked at
	disk   uint64    // see Snapshot
}

func (c *cachedDir) fresh(disk uint64) bool {
	return c.disk == disk && time.Since(c.looked) < lookAgain
}

func newFiles() *files {
	return &files{texts: map[string]cachedText{}, dirs: map[string]cachedDir{}, reals: map[string]realPath{}}
}

func (f *files) text(path string) (*Text, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return nil, fmt.Errorf("reading %s: it is a folder", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("reading %s: it is no regular file", path)
	case info.Size() > fileLimit:
		return nil, fmt.Errorf("reading %s: it has %d bytes; the limit is %d", path, info.Size(), fileLimit)
	}
	f.mu.Lock()
	cached, ok := f.texts[path]
	f.mu.Unlock()
	stamp := file.StampOf(info)
	if ok && cached.settled && cached.stamp == stamp {
		return cached.text, nil
	}
	settled := stamp.Settled(time.Now())
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := NewText(string(data))
	f.keep(path, cachedText{stamp, settled, text})
	return text, nil
}

// keep caches a text. When the cache is full it starts anew: files are cheap
// to read again, and what is in use is in snapshots.
func (f *files) keep(path string, c cachedText) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.size += int64(c.text.Len())
	if old, ok := f.texts[path]; ok {
		f.size -= int64(old.text.Len())
	}
	if f.size > cacheLimit {
		clear(f.texts)
		f.size = int64(c.text.Len())
	}
	f.texts[path] = c
}

// real returns a path without symbolic links, as a snapshot with that state of the
// disk sees it: what is not there has none.
func (f *files) real(path string, disk uint64) string {
	f.mu.Lock()
	seen, ok := f.reals[path]
	f.mu.Unlock()
	now := time.Now()
	if ok && seen.disk == disk && now.Sub(seen.looked) < lookAgain {
		return seen.path
	}
	to, err := filepath.EvalSymlinks(path)
	if err != nil {
		to = path
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.reals) >= dirLimit {
		clear(f.reals)
	}
	f.reals[path] = realPath{to, now, disk}
	return to
}

// list lists a folder as a snapshot with that state of the disk sees it.
func (f *files) list(path string, disk uint64) ([]fs.DirEntry, error) {
	f.mu.Lock()
	cached, ok := f.dirs[path]
	f.mu.Unlock()
	if ok && cached.fresh(disk) {
		return cached.entries, cached.err
	}
	seen := cachedDir{looked: time.Now(), disk: disk}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		seen.err = err
	case ok && cached.err == nil && cached.settled && cached.stamp == file.StampOf(info):
		seen.stamp, seen.settled, seen.entries = cached.stamp, true, cached.entries
	default:
		seen.stamp = file.StampOf(info)
		seen.settled = seen.stamp.Settled(seen.looked)
		seen.entries, seen.err = os.ReadDir(path)
	}
	f.keepDir(path, seen)
	return seen.entries, seen.err
}

// keepDir caches a folder. When the cache is full it starts anew.
func (f *files) keepDir(path string, seen cachedDir) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names += len(seen.entries) - len(f.dirs[path].entries)
	if len(f.dirs) >= dirLimit || f.names > entryLimit {
		clear(f.dirs)
		f.names = len(seen.entries)
	}
	f.dirs[path] = seen
}
