package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/server/tree"
)

// quiet is how long a file must have been left alone before the operating
// system's notification of it counts: whoever writes it may not have finished.
// An editor's save says that it has, and comes without this wait.
const quiet = 15 * time.Millisecond

// notifier tells of changes in the folders that were added, not in those below
// them. After Close both channels are closed.
type notifier interface {
	Add(dir string) error
	Remove(dir string) error
	Events() <-chan fsnotify.Event
	Errors() <-chan error
	Close() error
}

// system is the operating system's notifier.
type system struct {
	*fsnotify.Watcher
	errors <-chan error
}

func (s system) Events() <-chan fsnotify.Event { return s.Watcher.Events }
func (s system) Errors() <-chan error          { return s.errors }

func newSystem() (notifier, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return system{w, unblocked(w.Errors)}, nil
}

// unblocked takes errors as they come and passes on that there was one: fsnotify
// sends them while it holds the lock that Remove, called by who reads them, waits for.
// Its goroutine ends with the errors.
func unblocked(errors <-chan error) <-chan error {
	out := make(chan error, 1)
	go func() {
		defer close(out)
		for err := range errors {
			select {
			case out <- err:
			default: // one that nobody has taken yet says the same
			}
		}
	}()
	return out
}

// watcherOptions are what a watcher works with. The functions are called from
// other goroutines and must not block.
type watcherOptions struct {
	make      func() (notifier, error) // nil: the operating system's
	hint      func(paths []string)     // they may have changed
	attribute func(paths []string)     // only their attributes may have changed
	overflow  func()                   // anything may have changed; renew is called for
}

// watcher turns the operating system's notifications into hints. Each notifier
// has a goroutine that ends with it; close waits for all.
type watcher struct {
	watcherOptions
	work sync.WaitGroup

	mu      sync.Mutex
	n       notifier // nil when the system has none to give, and once closed
	closed  bool
	keep    func(path string, dir bool) bool
	roots   []string
	folders []string
	watched map[string]bool
	gap     *unwatched // nil when all folders are watched
}

func newWatcher(o watcherOptions) *watcher {
	if o.make == nil {
		o.make = newSystem
	}
	w := &watcher{watcherOptions: o, keep: func(string, bool) bool { return false }}
	w.renew()
	return w
}

// set replaces what is watched: what lies at or below roots, and the names in
// folders. keep is called under the watcher's lock.
func (w *watcher) set(roots, folders []string, keep func(string, bool) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keep, w.roots, w.folders = keep, roots, folders
	old := w.watched
	w.watched = map[string]bool{}
	w.watchAll()
	for dir := range old {
		if !w.watched[dir] && w.n != nil {
			_ = w.n.Remove(dir) // it may be gone already
		}
	}
}

// retry watches what of the roots and folders is not watched yet.
func (w *watcher) retry() {
	w.mu.Lock()
	ready := w.n != nil
	if ready {
		w.watchAll()
	}
	w.mu.Unlock()
	if !ready {
		w.renew()
	}
}

// renew begins anew with a notifier that has missed nothing yet.
func (w *watcher) renew() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	w.drop() // first: the system may have no two to give
	n, err := w.make()
	w.watched = map[string]bool{}
	if err != nil {
		w.gap = nil
		for _, dir := range append(slices.Clone(w.roots), w.folders...) {
			w.noteUnwatched(unwatched{folder: dir, err: err})
		}
		return
	}
	w.n = n
	w.work.Go(func() { w.loop(n) })
	w.watchAll()
}

// drop closes the notifier. The caller holds w.mu.
func (w *watcher) drop() {
	if w.n != nil {
		_ = w.n.Close() // nothing is done with it any more
		w.n = nil
	}
}

// incomplete returns which folders are not watched, nil when all are.
func (w *watcher) incomplete() *unwatched {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gap == nil {
		return nil
	}
	gap := *w.gap
	return &gap
}

// noteUnwatched notes that a folder is not watched as it should be: one that is not at
// all counts more. The caller holds w.mu.
func (w *watcher) noteUnwatched(u unwatched) {
	switch {
	case w.gap == nil || w.gap.silent != "" && u.silent == "":
		w.gap = &u
	case w.gap.silent == u.silent:
		w.gap.more++
	}
}

// watchAll watches all that is to be watched. The caller holds w.mu.
func (w *watcher) watchAll() {
	if w.n == nil {
		return
	}
	w.gap = nil
	for _, root := range w.roots {
		if info, err := os.Stat(root); err == nil && info.IsDir() {
			w.add(root)
			if kind := silent(root); kind != "" {
				w.noteUnwatched(unwatched{folder: root, silent: kind})
			}
		}
		w.watchNearestParent(filepath.Dir(root)) // a file that is replaced is seen in its folder, and so is a root that comes back
	}
	for _, folder := range w.folders {
		w.watchNearestParent(folder)
	}
}

// watchNearestParent watches a folder or, until it is there, the nearest one above it. The
// caller holds w.mu.
func (w *watcher) watchNearestParent(dir string) {
	for !w.watchDir(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
}

// add watches a folder and those below it that anybody depends on. The caller
// holds w.mu.
func (w *watcher) add(dir string) {
	if !w.keep(dir, true) {
		return
	}
	w.watchDir(dir)
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

// watchDir watches a folder and reports whether it is there. The caller holds w.mu.
func (w *watcher) watchDir(dir string) bool {
	if w.watched[dir] {
		return true
	}
	err := w.n.Add(dir)
	switch {
	case err == nil:
		w.watched[dir] = true
	case file.IsMissing(err):
		return false
	default:
		w.noteUnwatched(unwatched{folder: dir, err: err})
	}
	return true
}

// dirRemoved forgets a folder that was removed or renamed, and those below it: when
// it comes back it is watched again.
func (w *watcher) dirRemoved(n notifier, path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n != n {
		return
	}
	for dir := range w.watched {
		if tree.Within(path, dir) {
			delete(w.watched, dir)
			_ = n.Remove(dir) // the system has done so already, unless it was renamed
		}
	}
}

// dirCreated watches a folder that is new.
func (w *watcher) dirCreated(n notifier, path string) {
	if info, err := os.Lstat(path); err != nil || !info.IsDir() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n == n {
		w.add(path)
	}
}

// concerns reports whether anybody depends on a file, or on files below it.
func (w *watcher) concerns(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.keep(path, false) || w.keep(path, true)
}

// loop collects what a notifier tells until it is quiet.
func (w *watcher) loop(n notifier) {
	waiting := notices{}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case e, ok := <-n.Events():
			if !ok {
				return
			}
			if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
				w.dirRemoved(n, e.Name)
			}
			if e.Has(fsnotify.Create) {
				w.dirCreated(n, e.Name)
			}
			if e.Name == "" || !w.concerns(e.Name) {
				continue
			}
			if len(waiting) == 0 {
				timer.Reset(quiet)
			}
			waiting.add(e)
		case _, ok := <-n.Errors():
			if !ok {
				return
			}
			w.overflow()
		case <-timer.C:
			for _, path := range waiting.take(w) {
				w.dirCreated(n, path) // it may have been lost to a late notification of what it was before
			}
			if len(waiting) > 0 {
				timer.Reset(quiet / 3)
			}
		}
	}
}

func (w *watcher) close() {
	w.mu.Lock()
	w.closed = true
	w.drop()
	w.mu.Unlock()
	w.work.Wait()
}

// notices are the paths that a notifier told of lately.
type notices map[string]notice

type notice struct {
	until     time.Time // when the path has been quiet for long enough
	attribute bool      // nothing else changed
}

func (n notices) add(e fsnotify.Event) {
	old, known := n[e.Name]
	n[e.Name] = notice{
		until:     time.Now().Add(quiet),
		attribute: e.Op == fsnotify.Chmod && (!known || old.attribute),
	}
}

// take hands the paths that are quiet to w, and returns those that may be new.
func (n notices) take(w *watcher) []string {
	now := time.Now()
	var due, attributes []string
	for path, notice := range n {
		switch {
		case notice.until.After(now):
			continue
		case notice.attribute:
			attributes = append(attributes, path)
		default:
			due = append(due, path)
		}
		delete(n, path)
	}
	if len(due) > 0 {
		w.hint(due)
	}
	if len(attributes) > 0 {
		w.attribute(attributes)
	}
	return due
}
