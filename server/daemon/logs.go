package daemon

import (
	"slices"
	"sync"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// maxLogBytes bounds the log that is kept, over all resources.
const maxLogBytes = 2 << 20

// logStore keeps the last lines of all resources, and hands new ones to those
// who follow. A follower that is slow loses lines rather than hold up others.
type logStore struct {
	mu        sync.Mutex
	lines     []api.LogLine
	bytes     int
	followers map[chan api.LogLine]bool
	secrets   *config.Secrets // taken out of every line
}

func newLogStore() *logStore { return &logStore{followers: map[chan api.LogLine]bool{}} }

func (s *logStore) add(l api.LogLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.Text = scrubLine(s.secrets, l)
	s.lines = append(s.lines, l)
	s.bytes += size(l)
	drop := 0
	for s.bytes > maxLogBytes {
		s.bytes -= size(s.lines[drop])
		drop++
	}
	s.lines = slices.Delete(s.lines, 0, drop)
	for f := range s.followers {
		select {
		case f <- l:
		default:
		}
	}
}

// scrubLine is a line's text without the values of Secrets. In those that the
// daemon writes the names of objects stay.
func scrubLine(secrets *config.Secrets, l api.LogLine) string {
	if l.Source == api.LogTowline {
		return secrets.ScrubOwn(l.Text)
	}
	return secrets.Scrub(l.Text)
}

func size(l api.LogLine) int { return len(l.Text) + len(l.Resource) + len(l.Pod) + 48 }

// read returns the last n lines (0: all) that match, and a channel of what
// comes later. stop ends it.
func (s *logStore) read(match func(api.LogLine) bool, n int) (old []api.LogLine, later <-chan api.LogLine, stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if match(l) {
			old = append(old, l)
		}
	}
	if n > 0 && len(old) > n {
		old = old[len(old)-n:]
	}
	follower := make(chan api.LogLine, 4096)
	s.followers[follower] = true
	return old, follower, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.followers, follower)
	}
}

// hide takes the values of Secrets out of the kept lines and of all that come.
func (s *logStore) hide(secrets *config.Secrets) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secrets == secrets {
		return
	}
	s.secrets = secrets
	s.bytes = 0
	for i := range s.lines {
		s.lines[i].Text = scrubLine(secrets, s.lines[i])
		s.bytes += size(s.lines[i])
	}
}
