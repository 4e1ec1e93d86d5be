//go:build linux

package serve

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/towline-dev/towline/agent/debug"
	"github.com/towline-dev/towline/agent/wire"
)

// How often a process is looked at: for what it is, until that is known, and
// for whether it stands still, as long as it is debugged.
const (
	lookEvery   = 200 * time.Millisecond
	lookFor     = 10 * time.Second
	pausedEvery = 100 * time.Millisecond
	pausedLooks = 3 // a step stands for less
)

// insight is what is known of the application's process besides its state.
type insight struct {
	started chan int // pids of new processes; the latest counts

	mu       sync.Mutex // guards what follows
	pid      int        // of the process that it is about
	language string
	last     string // the language of the last process of which it was known
	paused   bool
}

func newInsight() *insight { return &insight{started: make(chan int, 1)} }

// begins notes a new process. It does not block.
func (i *insight) begins(pid int) {
	i.mu.Lock()
	i.pid, i.language, i.paused = pid, "", false
	i.mu.Unlock()
	select {
	case <-i.started:
	default:
	}
	i.started <- pid // only the application's owner calls, so there is room
}

// of returns what is known of a process.
func (i *insight) of(pid int) (language string, paused bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if pid == 0 || i.pid != pid {
		return "", false
	}
	return i.language, i.paused
}

// latest returns the language of the last process of which it was known.
func (i *insight) latest() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.last
}

// set changes what is known of a process and reports whether it did.
func (i *insight) set(pid int, change func()) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	before, was := i.language, i.paused
	if i.pid == pid {
		change()
	}
	return i.language != before || i.paused != was
}

// learn finds out in which language each new process is written, a shell's
// when that has run its program, until ctx ends.
func (s *Server) learn(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var pid int
	var until time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case pid = <-s.insight.started:
			until = time.Now().Add(lookFor)
			tick.Reset(lookEvery)
		case <-tick.C:
		}
		if pid == 0 {
			tick.Stop() // until there is another process
			continue
		}
		language := debug.LanguageOf(pid)
		if s.insight.set(pid, func() { s.insight.language, s.insight.last = language, cmp.Or(language, s.insight.last) }) {
			s.tellInsight()
		}
		if language != "" || time.Now().After(until) {
			pid = 0
		}
	}
}

// watchPaused follows whether a process stands still, until ctx ends. The pid is
// the application's, and child the process that is debugged.
func (s *Server) watchPaused(ctx context.Context, pid, child int) {
	tick := time.NewTicker(pausedEvery)
	defer tick.Stop()
	for stands := 0; ; {
		select {
		case <-ctx.Done():
			if s.insight.set(pid, func() { s.insight.paused = false }) {
				s.tellInsight()
			}
			return
		case <-tick.C:
		}
		stands++
		if !debug.Standing(child) {
			stands = 0
		}
		if s.insight.set(pid, func() { s.insight.paused = stands >= pausedLooks }) {
			s.tellInsight()
		}
	}
}

// tellInsight sends what is newly known.
func (s *Server) tellInsight() {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	s.events.send(wire.EventDebug, s.process())
}
