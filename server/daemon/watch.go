package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/towline-dev/towline/server/tree"
)

// quiet is how long a file must have been left alone before the operating
// system's notification of it counts: whoever writes it may not have finished.
// An editor's save says that it has, and comes without this wait.
const quiet = 15 * time.Millisecond

// watcher turns the operating system's notifications into hints. Its goroutine
// ends with close.
type watcher struct {
	fsn  *fsnotify.Watcher // nil when the system has no more watches to give
	hint func([]string)
	warn func(string)
	done chan struct{}

	mu      sync.Mutex
	keep    func(path string, dir bool) bool
	roots   []string
	watched map[string]bool
	warned  bool
}

func newWatcher(hint func([]string), warn func(string)) *watcher {
	w := &watcher{hint: hint, warn: warn, done: make(chan struct{}), watched: map[string]bool{}}
	w.keep = func(string, bool) bool { return false }
	fsn, err := fsnotify.NewWatcher()
	if err != nil {
		w.complain(err)
		close(w.done)
		return w
	}
	w.fsn = fsn
	go w.loop()
	return w
}

// set replaces what is watched: what lies at or below roots, and the names in
// folders. keep is called from other goroutines.
func (w *watcher) set(roots, folders []string, keep func(string, bool) bool) {
	if w.fsn == nil {
		return
	}
	w.mu.Lock()
	w.keep, w.roots = keep, roots
	old := w.watched
	w.watched = map[string]bool{}
	w.mu.Unlock()
	for _, root := range roots {
		if info, err := os.Stat(root); err == nil && info.IsDir() {
			w.add(root)
		}
		w.near(filepath.Dir(root)) // a file that is replaced is seen in its folder, and so is a root that comes back
	}
	for _, folder := range folders {
		w.near(folder)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for dir := range old {
		if !w.watched[dir] {
			_ = w.fsn.Remove(dir) // it may be gone already
		}
	}
}

// near watches a folder or, until it is there, the nearest one above it.
func (w *watcher) near(dir string) {
	for !w.one(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
}

// lost forgets a folder that was removed or renamed, and those below it: when
// it comes back it is watched again.
func (w *watcher) lost(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for dir := range w.watched {
		if tree.Within(path, dir) {
			delete(w.watched, dir)
			_ = w.fsn.Remove(dir) // the system has done so already, unless it was renamed
		}
	}
}

// add watches a folder and those below it that anybody depends on.
func (w *watcher) add(dir string) {
	w.mu.Lock()
	keep := w.keep(dir, true)
	w.mu.Unlock()
	if !keep {
		return
	}
	w.one(dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			w.add(filepath.Join(dir, e.Name()))
		}
	}
}

// one watches a folder and reports whether it is there.
func (w *watcher) one(dir string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.watched[dir] {
		return true
	}
	err := w.fsn.Add(dir)
	switch {
	case err == nil:
		w.watched[dir] = true
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		return false
	default:
		w.complain(err)
	}
	return true
}

// complain says once that not all files are watched, and what helps.
func (w *watcher) complain(err error) {
	if !w.warned {
		w.warned = true
		w.warn(fmt.Sprintf("not all files can be watched (%v): changes made outside of the editor may go unseen; raise fs.inotify.max_user_watches and max_user_instances", err))
	}
}

// concerns reports whether anybody depends on a file, or on files below it.
func (w *watcher) concerns(path string) bool {
	w.mu.Lock()
	keep := w.keep
	w.mu.Unlock()
	return keep(path, false) || keep(path, true)
}

// loop collects notifications until they are quiet.
func (w *watcher) loop() {
	defer close(w.done)
	waiting := map[string]time.Time{}
	timer := time.NewTimer(time.Hour)
	pending := false
	for {
		select {
		case e, ok := <-w.fsn.Events:
			if !ok {
				return
			}
			if e.Op == fsnotify.Chmod {
				continue
			}
			if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
				w.lost(e.Name)
			}
			if info, err := os.Lstat(e.Name); err == nil && info.IsDir() && e.Op.Has(fsnotify.Create) {
				w.add(e.Name)
			}
			if !w.concerns(e.Name) {
				continue
			}
			waiting[e.Name] = time.Now().Add(quiet)
			if !pending {
				pending = true
				timer.Reset(quiet)
			}
		case _, ok := <-w.fsn.Errors:
			if !ok {
				return
			}
			// The queue overflowed: everything may have changed.
			w.mu.Lock()
			roots := w.roots
			w.mu.Unlock()
			w.hint(roots)
		case <-timer.C:
			now, due := time.Now(), []string(nil)
			for path, at := range waiting {
				if !at.After(now) {
					due = append(due, path)
					delete(waiting, path)
				}
			}
			if len(due) > 0 {
				w.hint(due)
			}
			pending = len(waiting) > 0
			if pending {
				timer.Reset(quiet / 3)
			}
		}
	}
}

func (w *watcher) close() {
	if w.fsn != nil {
		w.fsn.Close()
	}
	<-w.done
}
