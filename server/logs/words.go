package logs

import (
	"strings"
	"time"

	"github.com/towline-dev/towline/internal/said"
	"github.com/towline-dev/towline/server/api"
)

// words are what a program said last.
type words struct {
	said.Words
	resource string
	at       time.Time
}

// hear takes a program's next line.
func (w words) hear(l *api.LogLine) words {
	next := w.Next(Plain(l.Text), l.Head != 0 && l.Head != l.Seq)
	if strings.TrimSpace(l.Text) == "" || next.Text == "" {
		return w
	}
	return words{next, l.Resource, l.Time}
}

// LastWords is what a resource's program said last at one of the places that of
// accepts, "" where nothing is known.
func (s *Store) LastWords(resource string, of func(Place) bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := words{}
	for at, w := range s.last {
		if w.resource == resource && of(at) && !w.at.Before(last.at) {
			last = w
		}
	}
	return last.Text
}
