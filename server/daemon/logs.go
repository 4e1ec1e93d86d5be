package daemon

import (
	"slices"
	"strings"
	"sync"

	"github.com/towline-dev/towline/server/api"
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
	secrets   *strings.Replacer // takes the values of Secrets out of every line; nil: there are none
}

func newLogStore() *logStore { return &logStore{followers: map[chan api.LogLine]bool{}} }

func (s *logStore) add(l api.LogLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secrets != nil {
		l.Text = s.secrets.Replace(l.Text)
	}
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
