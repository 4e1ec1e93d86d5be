//go:build linux

package serve

import (
	"sync"
	"time"

	"github.com/towline-dev/towline/agent/proc"
	"github.com/towline-dev/towline/agent/wire"
)

// maxBehind is how many events a subscriber may be behind before it is cut.
const maxBehind = 256

// hub hands events to those who listen.
type hub struct {
	mu   sync.Mutex // guards what follows
	subs map[chan wire.Event]struct{}
	last proc.Status
}

// subscribe returns a channel of events, the first one being the state as it
// is now. The channel is closed when its reader is too far behind.
func (h *hub) subscribe(now func() wire.Process) (events <-chan wire.Event, cancel func()) {
	ch := make(chan wire.Event, maxBehind)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs == nil {
		h.subs = map[chan wire.Event]struct{}{}
	}
	ch <- wire.Event{Kind: wire.EventState, At: time.Now().UnixNano(), Process: now()}
	h.subs[ch] = struct{}{}
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subs, ch)
	}
}

// send hands out an event. h.mu is held.
func (h *hub) send(kind wire.EventKind, p wire.Process) {
	e := wire.Event{Kind: kind, At: time.Now().UnixNano(), Process: p}
	for ch := range h.subs {
		select {
		case ch <- e:
		default:
			delete(h.subs, ch)
			close(ch)
		}
	}
}

// lastPID returns the pid of the last change.
func (h *hub) lastPID() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last.PID
}

// changed is called by the application's owner with each change.
func (s *Server) changed(now proc.Status) {
	s.debug.saw(now.PID)
	if now.State == proc.Running && now.PID != s.events.lastPID() {
		s.insight.begins(now.PID)
	}
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	was := s.events.last
	s.events.last = now
	switch {
	case now.Exit != was.Exit:
		s.events.send(wire.EventExited, s.processOf(now))
	case now.State == proc.Running && (was.State != proc.Running || was.PID != now.PID):
		s.events.send(wire.EventStarted, s.processOf(now))
	case now.State != was.State:
		s.events.send(wire.EventState, s.processOf(now))
	}
}
