//go:build linux

package serve

import (
	"context"
	"sync"
	"time"

	"github.com/towline-dev/towline/agent/proc"
)

// holdMax ends the hold even if a daemon stays connected and says nothing.
const holdMax = time.Minute

// hold keeps a new application from starting until a daemon had the chance to
// bring the container up to date. It ends
//
//   - when a daemon says start, restart or stop, or sends a transaction that
//     does: the request itself starts the application;
//   - when no daemon connects within the hold time, or those that did have
//     left: the application starts as the image has it;
//   - at once, whoever is connected, if there is no hold time;
//   - never by itself, if noStart was asked for.
type hold struct {
	first    time.Duration // the hold time
	noStart  bool
	released chan struct{}
	once     sync.Once
	left     chan struct{} // receives when a session ends

	mu       sync.Mutex // guards sessions
	sessions int
}

func newHold(first time.Duration, noStart bool) *hold {
	return &hold{first: first, noStart: noStart, released: make(chan struct{}), left: make(chan struct{}, 1)}
}

// release ends the hold without a start: the caller takes care of that.
func (h *hold) release() { h.once.Do(func() { close(h.released) }) }

// join counts a session and returns the function to leave with.
func (h *hold) join() (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.sessions--
		select {
		case h.left <- struct{}{}:
		default:
		}
	}
}

func (h *hold) alone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions == 0
}

// run waits and starts the application.
func (h *hold) run(app *proc.App) {
	if h.noStart {
		return
	}
	if !h.wait() {
		return
	}
	h.release()
	app.Start(context.Background(), proc.Launch{}) // a failure is an event, and the policy's matter
}

// wait reports whether the application is to be started.
func (h *hold) wait() bool {
	if h.first <= 0 {
		return !h.over()
	}
	first := time.NewTimer(h.first)
	defer first.Stop()
	select {
	case <-h.released:
		return false
	case <-first.C:
	}
	longest := time.NewTimer(holdMax - h.first)
	defer longest.Stop()
	for !h.alone() {
		select {
		case <-h.released:
			return false
		case <-longest.C:
			return true
		case <-h.left:
		}
	}
	return !h.over()
}

// over reports whether the hold was ended by a request.
func (h *hold) over() bool {
	select {
	case <-h.released:
		return true
	default:
		return false
	}
}
