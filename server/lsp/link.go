package lsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// The waits before a daemon that went down is started again: the first, and
// the longest after doubling.
const (
	firstBackoff = 50 * time.Millisecond
	lastBackoff  = 10 * time.Second
)

// link keeps in touch with the daemon of one project. It watches the daemon,
// keeps its last status, and notices its end.
//
// A daemon that ended by itself (it was told to) is left alone until somebody
// needs it. One that broke off (killed, crashed) is brought back, soon and
// then less often; any need for it brings it back at once. What the daemon
// does then, such as resuming what was up, is its own affair.
type link struct {
	folder  string
	connect Connector
	log     *slog.Logger
	onHint  func(took time.Duration) // may be nil

	needed chan struct{} // capacity 1: somebody needs the daemon

	mu      sync.Mutex
	state   linkState
	changed chan struct{} // closed and replaced with each change of state
	unsent  []string      // hints for the daemon that is to come back
}

// linkState is what is known of a daemon. It is replaced as a whole.
type linkState struct {
	daemon   Daemon      // nil: none is connected
	status   *api.Status // the last that was seen, of this daemon or one before
	err      error       // why none is connected
	failures int         // connections that failed so far
}

func newLink(folder string, connect Connector, log *slog.Logger) *link {
	return &link{folder: folder, connect: connect, log: log, needed: make(chan struct{}, 1), changed: make(chan struct{})}
}

// run keeps the link until ctx ends.
func (l *link) run(ctx context.Context) {
	backoff := time.Duration(0) // 0: wait until it is needed
	for start := false; ctx.Err() == nil; start = true {
		daemon, err := l.connect(ctx, l.folder, start)
		if err == nil {
			err = l.watch(ctx, daemon)
			if backoff = 0; err != nil {
				backoff = firstBackoff
			}
		} else {
			l.failed(err)
			backoff = min(2*backoff, lastBackoff)
		}
		if ctx.Err() == nil && !l.wait(ctx, backoff) {
			return
		}
	}
}

// watch follows a daemon until it is gone. The error is nil when it ended by
// itself.
func (l *link) watch(ctx context.Context, daemon Daemon) error {
	var unsent []string
	l.update(func(s *linkState) {
		s.daemon, s.err = daemon, nil
		unsent, l.unsent = l.unsent, nil
	})
	if len(unsent) > 0 {
		if err := daemon.Hint(ctx, time.Time{}, unsent...); err != nil {
			l.log.Warn("telling the daemon of files that changed without it", "error", err)
		}
	}
	err := daemon.Watch(ctx, func(now *api.Status) error {
		l.update(func(s *linkState) { s.status = now })
		return nil
	})
	l.update(func(s *linkState) {
		s.daemon, s.err = nil, err
		if err == nil {
			// It ended as it was told to, and took its project along.
			s.status = nil
		}
	})
	if err != nil && ctx.Err() == nil {
		l.log.Warn("lost the daemon", "folder", l.folder, "error", err)
	}
	return err
}

func (l *link) failed(err error) {
	l.update(func(s *linkState) { s.err = err; s.failures++ })
	if !errors.Is(err, ErrNoDaemon) {
		l.log.Warn("connecting to the daemon", "folder", l.folder, "error", err)
	}
}

// wait waits for the backoff to pass or somebody to need the daemon. It
// reports whether ctx goes on.
func (l *link) wait(ctx context.Context, backoff time.Duration) bool {
	var passed <-chan time.Time
	if backoff > 0 {
		timer := time.NewTimer(backoff)
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-l.needed:
	case <-passed:
	}
	return true
}

// update changes the state and tells everybody who waits for a change.
func (l *link) update(change func(*linkState)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.state)
	close(l.changed)
	l.changed = make(chan struct{})
}

// now returns the state and a channel that is closed when it changes.
func (l *link) now() (linkState, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state, l.changed
}

// status returns the last status, nil when there was none yet.
func (l *link) status() *api.Status {
	state, _ := l.now()
	return state.status
}

// wake says that the daemon is needed, without waiting for it.
func (l *link) wake() {
	select {
	case l.needed <- struct{}{}:
	default:
	}
}

// get returns the daemon, starting it when there is none.
func (l *link) get(ctx context.Context) (Daemon, error) {
	state, changed := l.now()
	for failures := state.failures; state.daemon == nil; state, changed = l.now() {
		// The first try may only have looked for a daemon.
		if state.failures > failures && !errors.Is(state.err, ErrNoDaemon) {
			return nil, state.err
		}
		l.wake()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("connecting to the daemon of %s: %w", l.folder, context.Cause(ctx))
		}
	}
	return state.daemon, nil
}

// restart ends the daemon, if one runs, and starts another, which goes on with
// what was up.
func (l *link) restart(ctx context.Context) error {
	old, _ := l.now()
	if old.daemon != nil {
		if err := old.daemon.Stop(ctx); err != nil {
			return err
		}
		for state, changed := l.now(); state.daemon == old.daemon; state, changed = l.now() {
			select {
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	_, err := l.get(ctx)
	return err
}

// lookTime bounds how long somebody waits for a link that was just made to find
// out whether a daemon runs.
const lookTime = 2 * time.Second

// up reports whether the project is up, as far as is known. It waits until the
// link has looked for a daemon once.
func (l *link) up(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	for {
		state, changed := l.now()
		if state.status != nil || state.failures > 0 || ctx.Err() != nil {
			return state.status != nil && state.status.Up
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// do calls f with the daemon. When the daemon turns out to be gone, f is
// called once more with the one that took its place; so f must be something
// that may happen twice.
func (l *link) do(ctx context.Context, f func(Daemon) error) error {
	daemon, err := l.get(ctx)
	if err != nil {
		return err
	}
	err = f(daemon)
	var answered *config.Problem
	if err == nil || errors.As(err, &answered) || ctx.Err() != nil {
		return err
	}
	for {
		state, changed := l.now()
		if state.daemon != daemon {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return err
		}
	}
	if daemon, err = l.get(ctx); err != nil {
		return err
	}
	return f(daemon)
}

// noticed tells the daemon of files that changed outside of the editor. It
// watches them itself: one that is not there needs not be told.
func (l *link) noticed(ctx context.Context, paths []string) {
	state, _ := l.now()
	if state.daemon == nil {
		return
	}
	if err := state.daemon.Noticed(ctx, paths...); err != nil {
		l.log.Warn("telling the daemon of changed files", "error", err)
	}
}

// hint tells the daemon of a file that a person saved. Without a daemon nobody needs to
// know, unless one was lost: then its successor is told.
func (l *link) hint(ctx context.Context, typed time.Time, path string) {
	state, _ := l.now()
	if state.daemon != nil {
		began := time.Now()
		err := state.daemon.Hint(ctx, typed, path)
		if l.onHint != nil {
			l.onHint(time.Since(began))
		}
		if err == nil {
			return
		}
		l.log.Warn("telling the daemon of changed files", "error", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.status == nil || len(l.unsent) > 1000 {
		return
	}
	if !slices.Contains(l.unsent, path) {
		l.unsent = append(l.unsent, path)
	}
	l.wake()
}
