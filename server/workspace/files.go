package workspace

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	fileLimit  = 16 << 20 // of one file, in bytes
	cacheLimit = 32 << 20 // of all cached files, in bytes
	dirLimit   = 64       // cached folders
)

// files reads files and folders, and keeps what it read for as long as their
// size and time of modification say that it still holds.
type files struct {
	mu    sync.Mutex
	texts map[string]cachedText
	size  int64 // of all texts
	dirs  map[string]cachedDir
}

type cachedText struct {
	stamp stamp
	text  *Text
}

type cachedDir struct {
	stamp   stamp
	entries []fs.DirEntry
}

// stamp tells versions of a file apart.
type stamp struct {
	size     int64
	modified time.Time
}

func stampOf(info fs.FileInfo) stamp { return stamp{info.Size(), info.ModTime()} }

func newFiles() *files {
	return &files{texts: map[string]cachedText{}, dirs: map[string]cachedDir{}}
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
	if ok && cached.stamp == stampOf(info) {
		return cached.text, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := NewText(string(data))
	f.keep(path, cachedText{stampOf(info), text})
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

func (f *files) list(path string) ([]fs.DirEntry, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	cached, ok := f.dirs[path]
	f.mu.Unlock()
	if ok && cached.stamp == stampOf(info) {
		return cached.entries, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.dirs) >= dirLimit {
		clear(f.dirs)
	}
	f.dirs[path] = cachedDir{stampOf(info), entries}
	return entries, nil
}
