package daemon

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/towline-dev/towline/server/tree"
)

// The waits between two sweeps. Looking at a large tree takes time of its own:
// a sweep then waits so many times as long as the last one took, or half of
// that where not all folders are watched.
const (
	watchedPause   = 10 * time.Second
	unwatchedPause = 2 * time.Second
	savedPause     = time.Second // after a save
	sweepShare     = 50
)

// poller looks at all files again from time to time, and soon after a save:
// the operating system does not tell of every change. It knows nothing of a
// write through a hard link elsewhere or through mapped memory, it loses
// notifications when there are too many of them, has a limit on how many folders
// are watched, and tells nothing of what other machines change. Its goroutine,
// loop, works beside the owner's on a copy of the tree.
type poller struct {
	post      func(func()) // runs something on the owner's goroutine
	view      func() view  // of what is looked at; on the owner's goroutine
	swept     func(seen *tree.Tree, changed []string)
	watcher   *watcher
	soon      chan struct{} // holds a token when a save asks for a sweep
	now       chan struct{} // holds a token when notifications were lost
	overflown atomic.Bool
	last      atomic.Int64 // what the last sweep took, as a Duration
	ended     time.Time
	asked     []func() // what is done after the next sweep that begins; both on the owner's goroutine
}

func newPoller() *poller {
	return &poller{soon: make(chan struct{}, 1), now: make(chan struct{}, 1)}
}

// saved asks for a sweep soon.
func (s *poller) saved() { token(s.soon) }

// look asks for a sweep at once, and for then after it. It is called, and then is, on
// the owner's goroutine.
func (s *poller) look(then func()) {
	s.asked = append(s.asked, then)
	token(s.now)
}

// overflow asks for a sweep at once, with a new notifier.
func (s *poller) overflow() {
	s.overflown.Store(true)
	token(s.now)
}

// loop sweeps until ctx ends.
func (s *poller) loop(ctx context.Context) {
	for {
		s.ended = time.Now()
		if !s.rest(ctx) {
			return
		}
		began := time.Now()
		s.sweep(ctx)
		s.last.Store(int64(time.Since(began)))
	}
}

func (s *poller) took() time.Duration { return time.Duration(s.last.Load()) }

// pause is the wait between two sweeps.
func (s *poller) pause() time.Duration {
	if s.watcher.incomplete() != nil {
		return max(unwatchedPause, sweepShare/2*s.took())
	}
	return max(watchedPause, sweepShare*s.took())
}

// rest waits until the next sweep is due; false when ctx ended.
func (s *poller) rest(ctx context.Context) bool {
	pause := s.pause()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-s.now:
			return true
		case <-s.soon:
			timer.Reset(min(time.Until(s.ended.Add(pause)), time.Until(s.ended.Add(max(savedPause, sweepShare/2*s.took())))))
		}
	}
}

// view is what a sweep is lent.
type view struct {
	tree  *tree.Tree // a copy
	roots []string
	keep  func(path string, dir bool) bool // for the poller alone
	asked []func()                         // what is done after it
}

// sweep looks at everything. What changed though no notification told of it
// says that folders are not watched as they should be: they are watched anew.
func (s *poller) sweep(ctx context.Context) {
	views := make(chan view, 1)
	s.post(func() {
		v := s.view()
		v.asked, s.asked = s.asked, nil
		views <- v
	})
	var v view
	select {
	case v = <-views:
	case <-ctx.Done():
		return
	}
	anew := s.overflown.Swap(false)
	if anew {
		s.watcher.renew()
	} else {
		s.watcher.retry()
	}
	changed := v.scan(ctx)
	if len(changed) > 0 && !anew {
		s.watcher.renew()
		maps.Copy(changed, v.scan(ctx)) // what changed before it was watched
	}
	if ctx.Err() == nil {
		s.post(func() {
			s.swept(v.tree, slices.Sorted(maps.Keys(changed)))
			for _, then := range v.asked {
				then()
			}
		})
	}
}

func (v view) scan(ctx context.Context) map[string]bool {
	changed := map[string]bool{}
	for _, root := range v.roots {
		if ctx.Err() != nil {
			break
		}
		found, _ := v.tree.Scan(root, v.keep) // the core's own scan tells what cannot be read
		for _, path := range found {
			changed[path] = true
		}
	}
	return changed
}
