package daemon

import (
	"sync"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// maxEvents bounds what is kept for faces that read slowly, or that come back.
const maxEvents = 256

// publisher keeps the status and the events that led to it, for all faces.
type publisher struct {
	mu      sync.Mutex
	seq     uint64 // of the last event
	status  *api.Status
	events  []api.Event   // the last ones, that of status included
	changed chan struct{} // closed when there is another event
}

// newPublisher begins to count where no daemon before this one has come to: a
// face that goes on with another's events gets a snapshot.
func newPublisher() *publisher {
	seq := uint64(time.Now().UnixMicro())
	return &publisher{seq: seq, status: &api.Status{Seq: seq}, changed: make(chan struct{})}
}

// publish replaces the status, tells what is new with it, and wakes who watches.
func (p *publisher) publish(s *api.Status, news ...api.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	s.Seq = p.seq
	p.events = append(p.events, api.EventOf(p.status, s))
	for _, e := range news {
		p.seq++
		e.Seq = p.seq
		p.events = append(p.events, e)
	}
	if len(p.events) > maxEvents {
		p.events = append([]api.Event{}, p.events[len(p.events)-maxEvents/2:]...)
	}
	p.status = s
	close(p.changed)
	p.changed = make(chan struct{})
}

// now returns the status, and a channel that is closed when it is old.
func (p *publisher) now() (*api.Status, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status, p.changed
}

// after returns the events that came after one, a snapshot where they are not
// known, and a channel that is closed when there are more.
func (p *publisher) after(seq uint64) ([]api.Event, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq == p.seq {
		return nil, p.changed
	}
	if len(p.events) == 0 || seq < p.events[0].Seq-1 || seq > p.seq {
		return []api.Event{{Seq: p.seq, Status: p.status}}, p.changed
	}
	skip := int(seq - (p.events[0].Seq - 1))
	return append([]api.Event{}, p.events[skip:]...), p.changed
}
