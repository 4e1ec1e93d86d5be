package logs

import (
	"regexp"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// words are what a program said last.
type words struct {
	resource string
	at       time.Time
	text     string
}

// maxWords bounds them, in runes.
const maxWords = 200

// raises recognises the line of a stack trace that says what went wrong.
var raises = regexp.MustCompile(`^(panic: |fatal error: |Caused by: |(Uncaught )?[\w.$]*(Error|Exception)\b)`)

// hear takes a program's next line. Of a stack trace what went wrong counts, not
// the last frame.
func (w words) hear(l *api.LogLine) words {
	text := strings.TrimSpace(Plain(l.Text))
	if text == "" || strings.HasPrefix(text, "Node.js v") {
		return w
	}
	if runes := []rune(text); len(runes) > maxWords {
		text = string(runes[:maxWords]) + "…"
	}
	frame := l.Head != 0 && l.Head != l.Seq && w.text != "" && !raises.MatchString(text)
	if frame {
		text = w.text
	}
	return words{l.Resource, l.Time, text}
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
	return last.text
}
