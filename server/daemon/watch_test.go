package daemon

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/internal/file"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// bell is a notifier that tells what the test does, as the system would: of
// what lies in the folders that are watched.
type bell struct {
	events  chan fsnotify.Event
	errors  chan error
	quit    chan struct{}
	ringing sync.RWMutex // held by whoever sends

	mu    sync.Mutex
	dirs  map[string]bool
	limit int // of dirs
}

func newBell(limit int) *bell {
	return &bell{events: make(chan fsnotify.Event), errors: make(chan error), quit: make(chan struct{}), dirs: map[string]bool{}, limit: limit}
}

func (b *bell) Events() <-chan fsnotify.Event { return b.events }
func (b *bell) Errors() <-chan error          { return b.errors }

func (b *bell) Close() error {
	close(b.quit)
	b.ringing.Lock()
	defer b.ringing.Unlock()
	close(b.events)
	close(b.errors)
	return nil
}

// send sends unless the bell is closed.
func (b *bell) send(e fsnotify.Event, err error) {
	b.ringing.RLock()
	defer b.ringing.RUnlock()
	select {
	case <-b.quit:
		return
	default:
	}
	events, errors := b.events, b.errors
	if err != nil {
		events = nil
	} else {
		errors = nil
	}
	select {
	case events <- e:
	case errors <- err:
	case <-b.quit:
	}
}

func (b *bell) Add(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.dirs) >= b.limit && !b.dirs[dir] {
		return syscall.ENOSPC
	}
	b.dirs[dir] = true
	return nil
}

func (b *bell) Remove(dir string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.dirs, dir)
	return nil
}

// gone has the system forget folders, as it does when they are removed.
func (b *bell) gone(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for dir := range b.dirs {
		if tree.Within(path, dir) {
			delete(b.dirs, dir)
		}
	}
}

func (b *bell) hears(path string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dirs[filepath.Dir(path)] || b.dirs[path]
}

// ground is a core that follows the files below a folder, in a bubble.
type ground struct {
	t      *testing.T
	root   string
	state  string // folder
	reader tree.Reader
	d      *Daemon
	stop   func()     // ends it
	mu     sync.Mutex // of what follows
	bells  []*bell    // the last one rings
	limit  int
}

// onGround plays a test on a ground with a limit of watched folders.
func onGround(t *testing.T, limit int, play func(*ground)) {
	dir := t.TempDir()
	inBubble(t, &ground{root: filepath.Join(dir, "src"), limit: limit}, nil, func(g *ground) {
		for _, name := range []string{"a", "b", "sub/c", "sub/deep/d", "twin/c"} {
			g.write(name, "old "+filepath.Base(name))
		}
		g.core(func(c *core) {
			c.sources.follow(&config.Project{Images: []config.Image{{Ref: "web", Deps: []string{g.root}}}}, nil, nil)
		})
		time.Sleep(time.Minute + time.Second) // no sweep is due in this moment
		synctest.Wait()
		play(g)
	})
}

// inBubble plays a test with a core that reads files through r, or its own
// reader.
func inBubble(t *testing.T, g *ground, r tree.Reader, play func(*ground)) {
	g.state, g.reader = t.TempDir(), r
	synctest.Test(t, func(t *testing.T) {
		g.t = t
		g.start()
		defer func() { g.stop() }()
		play(g)
	})
}

// start begins a daemon; one before it has been stopped.
func (g *ground) start() {
	ctx, stop := context.WithCancel(g.t.Context())
	d := newDaemon(Options{
		Endpoint: api.Endpoint{Workspace: filepath.Dir(g.root), State: g.state}, Log: slog.New(slog.DiscardHandler), Linger: time.Hour,
		notify: g.bell, reader: g.reader,
	}, func() {})
	c, err := newCore(ctx, d.shared, d.queue)
	g.must(err)
	done := make(chan struct{})
	go func() { defer close(done); c.loop(ctx) }()
	g.d, g.stop = d, func() {
		stop()
		<-done
		d.logs.Close()
		d.faces.close()
	}
}

func (g *ground) bell() (notifier, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.limit < 0 {
		return nil, syscall.EMFILE
	}
	g.bells = append(g.bells, newBell(g.limit))
	return g.bells[len(g.bells)-1], nil
}

// newest is the bell that was hung up last, nil where none could be.
func (g *ground) newest() *bell {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.bells) == 0 {
		return nil
	}
	return g.bells[len(g.bells)-1]
}

// allow sets how many folders new bells take, and those that hang already.
func (g *ground) allow(limit int, old bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = limit
	for _, b := range g.bells {
		if old {
			b.mu.Lock()
			b.limit = limit
			b.mu.Unlock()
		}
	}
}

func (g *ground) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// core does something on the core's goroutine.
func (g *ground) core(f func(*core)) {
	done := make(chan struct{})
	g.d.queue.put(func(c *core) { defer close(done); f(c) })
	<-done
}

func (g *ground) path(name string) string { return filepath.Join(g.root, name) }

// write writes a file as package managers do: with the same time for all.
func (g *ground) write(name, text string) {
	g.t.Helper()
	g.must(os.MkdirAll(filepath.Dir(g.path(name)), 0o755))
	g.must(os.WriteFile(g.path(name), []byte(text), 0o644))
	g.must(os.Chtimes(g.path(name), time.Time{}, time.Unix(499162500, 0)))
}

// ring tells of a path if its folder is watched.
func (g *ground) ring(op fsnotify.Op, name string) {
	b := g.newest()
	if op.Has(fsnotify.Remove) || op.Has(fsnotify.Rename) {
		defer b.gone(g.path(name))
	}
	if b.hears(g.path(name)) {
		b.send(fsnotify.Event{Name: g.path(name), Op: op}, nil)
	}
}

// known describes what the tree knows that is not on disk, and the other way.
func (g *ground) wrong() string {
	var wrong []string
	g.core(func(c *core) {
		now := tree.New(disk{})
		_, err := now.Scan(g.root, c.sources.interests.keep)
		g.must(err)
		for _, path := range append(c.sources.tree.Under(g.root, nil), now.Under(g.root, nil)...) {
			have, _ := c.sources.tree.Entry(path)
			want, _ := now.Entry(path)
			if have.Hash != want.Hash || have.Stamp.Mode != want.Stamp.Mode {
				wrong = append(wrong, path)
			}
		}
	})
	return strings.Join(wrong, " ")
}

// seenWithin fails unless the tree knows all there is after a time, and did
// not before.
func (g *ground) seenWithin(what string, bound time.Duration) {
	g.t.Helper()
	if g.wrong() == "" {
		g.t.Fatalf("%s: was seen before anything told of it: the test proves nothing", what)
	}
	time.Sleep(bound)
	synctest.Wait()
	if wrong := g.wrong(); wrong != "" {
		g.t.Errorf("%s: not seen after %v: %s", what, bound, wrong)
	}
}

// TestWhatNoNotificationTells changes files in ways that the system does not
// tell of.
func TestWhatNoNotificationTells(t *testing.T) {
	for what, do := range map[string]func(*ground){
		"through a hard link elsewhere": func(g *ground) {
			other := filepath.Join(filepath.Dir(g.root), "other")
			g.must(os.Link(g.path("a"), other))
			g.must(os.WriteFile(other, []byte("new a"), 0o644))
		},
		"same size and time": func(g *ground) { g.write("a", "new a") },
		"folders change places": func(g *ground) {
			g.write("twin/c", "new c")
			g.must(os.Rename(g.path("sub"), g.path("spare")))
			g.must(os.Rename(g.path("twin"), g.path("sub")))
			g.must(os.Rename(g.path("spare"), g.path("twin")))
		},
		"removed":             func(g *ground) { g.must(os.RemoveAll(g.path("sub"))) },
		"executable":          func(g *ground) { g.must(os.Chmod(g.path("b"), 0o755)) },
		"folder becomes file": func(g *ground) { g.must(os.RemoveAll(g.path("sub"))); g.write("sub", "file") },
		"new folder":          func(g *ground) { g.write("new/folder/f", "new") },
	} {
		t.Run(what, func(t *testing.T) {
			onGround(t, 100, func(g *ground) {
				do(g)
				g.seenWithin("a sweep", watchedPause)
				time.Sleep(time.Minute)
				do = func(g *ground) { g.write("b", "new b") }
				do(g)
				g.d.queue.put(func(c *core) { c.hint([]string{g.path("elsewhere")}, true) })
				g.seenWithin("another file's save", savedPause)
			})
		})
	}
}

// TestOverflowWatchesAnew has new folders come while notifications are lost:
// they are watched from then on as those that were known.
func TestOverflowWatchesAnew(t *testing.T) {
	onGround(t, 100, func(g *ground) {
		g.write("new/folder/f", "new")
		g.must(os.RemoveAll(g.path("sub")))
		g.write("sub/c", "another folder of that name")
		old := g.newest()
		old.gone(g.path("sub"))
		old.send(fsnotify.Event{}, fsnotify.ErrEventOverflow)
		g.seenWithin("an overflow", time.Millisecond)
		for _, name := range []string{"new/folder/f", "sub/c"} {
			g.write(name, "newer")
			g.ring(fsnotify.Write, name)
			g.seenWithin("a notification of "+name, 2*quiet)
		}
	})
}

// TestNotAllIsWatched runs into the system's limits: changes are seen all the
// same, and it is said, until the limit is raised.
func TestNotAllIsWatched(t *testing.T) {
	for what, limit := range map[string]struct {
		at        int
		why, cure string
	}{
		"of folders":   {2, "no space left on device", "sysctl -w fs.inotify.max_user_watches=524288"},
		"of notifiers": {-1, "too many open files", "sysctl -w fs.inotify.max_user_instances=512"},
	} {
		t.Run(what, func(t *testing.T) {
			onGround(t, limit.at, func(g *ground) {
				for _, name := range []string{"sub/deep/d", "sub/deep/er/e"} {
					g.write(name, "newer")
					if g.newest() != nil {
						g.ring(fsnotify.Write, name)
					}
					g.seenWithin("a sweep for "+name, unwatchedPause)
				}
				said := func() bool { s, _ := g.d.published.now(); return s.Daemon.Unwatched != nil }
				if !said() {
					t.Fatal("it is not said that not all is watched")
				}
				s, _ := g.d.published.now()
				p := s.Daemon.Unwatched
				if !strings.Contains(p.Message, g.root) || !strings.Contains(p.Message, limit.why) || !strings.HasSuffix(p.Message, "is noticed within 2 seconds") || !strings.Contains(p.Hint, limit.cure) {
					t.Errorf("it is said as %q, hint %q", p.Message, p.Hint)
				}
				g.allow(100, true)
				time.Sleep(watchedPause)
				synctest.Wait()
				if said() {
					t.Error("it is said that not all is watched, though it is")
				}
				g.write("sub/deep/er/e", "newest")
				g.ring(fsnotify.Write, "sub/deep/er/e")
				g.seenWithin("a notification", 2*quiet)
			})
		})
	}
}

// TestUnwatchedIsSaid holds the sentence about each way in which changes may
// pass unseen.
func TestUnwatchedIsSaid(t *testing.T) {
	for want, test := range map[string]struct {
		gap    unwatched
		within time.Duration
	}{
		"not all folders are watched: /w/a and 3 more (no space left on device); what other programs than an editor change there is noticed within 2 seconds": {
			unwatched{folder: "/w/a", more: 3, err: syscall.ENOSPC}, 2050 * time.Millisecond},
		"what other machines change in /w (NFS) is not told, but noticed within 20 seconds": {unwatched{folder: "/w", silent: "NFS"}, 11 * time.Second},
		"what other machines change in /w (9p) is not told, but noticed within 600 seconds": {unwatched{folder: "/w", silent: "9p"}, 301 * time.Second},
	} {
		if p := test.gap.problem(test.within); p.Message != want || p.Hint == "" {
			t.Errorf("%+v: %q, hint %q", test.gap, p.Message, p.Hint)
		}
	}
	w := &watcher{}
	for _, u := range []unwatched{{folder: "a", silent: "NFS"}, {folder: "b", err: syscall.ENOSPC}, {folder: "c", silent: "NFS"}, {folder: "d", err: syscall.ENOSPC}} {
		w.noteUnwatched(u)
	}
	if got := *w.incomplete(); got.folder != "b" || got.more != 1 || got.silent != "" {
		t.Errorf("%+v, want the folder that is not watched at all, and one more", got)
	}
}

// TestAttributes rings for a file of which only attributes changed.
func TestAttributes(t *testing.T) {
	onGround(t, 100, func(g *ground) {
		g.must(os.Chmod(g.path("sub/c"), 0o755))
		g.ring(fsnotify.Chmod, "sub/c")
		g.seenWithin("a change of mode", 2*quiet)

		// Another name changes the inode alone: nobody reads the file for that.
		g.must(os.Link(g.path("a"), filepath.Join(filepath.Dir(g.root), "other")))
		g.core(func(c *core) {
			e, _ := c.sources.tree.Entry(g.path("a"))
			info, err := file.Lstat(g.path("a"))
			g.must(err)
			if e.Stamp == file.StampOf(info) {
				t.Error("the inode did not change: the test proves nothing")
			}
			c.hint(c.sources.touched([]string{g.path("a")}), false)
			if now, _ := c.sources.tree.Entry(g.path("a")); now != e {
				t.Error("the file was read")
			}
		})
		time.Sleep(watchedPause)
		synctest.Wait()
		g.core(func(c *core) {
			e, _ := c.sources.tree.Entry(g.path("a"))
			if info, err := file.Lstat(g.path("a")); err != nil || e.Stamp != file.StampOf(info) || e.Hash != tree.Hash(blake3.Sum256([]byte("old a"))) {
				t.Errorf("after a sweep the tree knows %+v, %v", e, err)
			}
		})
	})
}

// TestErrorsOfTheSystemDoNotBlock: who sends them holds a lock that their reader may
// wait for.
func TestErrorsOfTheSystemDoNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := make(chan error)
		told := unblocked(errs)
		for range 3 {
			errs <- syscall.EINVAL // deadlocks where nobody takes it
		}
		synctest.Wait()
		if err := <-told; err != syscall.EINVAL {
			t.Errorf("told %v", err)
		}
		close(errs)
		synctest.Wait()
		if err, more := <-told; more {
			t.Errorf("told %v after the end", err)
		}
	})
}
