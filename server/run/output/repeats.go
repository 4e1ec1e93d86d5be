package output

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Repeats keeps a log readable in which the same is to be said again and again,
// also in turn with other things: it is said the first time, and then with its
// count, ever more seldom. The zero value has said nothing. Its methods may be
// called concurrently.
type Repeats struct {
	mu   sync.Mutex
	said map[string]*repeat // by Gist
}

type repeat struct {
	n    int // how often it was to be said
	next int // count at which it is said again
}

// mostTexts bounds what is remembered; after that all is said anew.
const mostTexts = 50

// Tell returns what to say in place of a text, "" when that is nothing.
func (r *Repeats) Tell(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	gist := Gist(text)
	c := r.said[gist]
	if c == nil {
		if r.said == nil || len(r.said) == mostTexts {
			r.said = map[string]*repeat{}
		}
		r.said[gist] = &repeat{n: 1, next: 10}
		return text
	}
	if c.n++; c.n < c.next {
		return ""
	}
	c.next *= 10
	return fmt.Sprintf("%s (%d times)", text, c.n)
}

// Reset has the next text be said as the first.
func (r *Repeats) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = nil
}

// passing is what is another one each time: ids (of a container, an exec, a
// network namespace, a UUID), and the port from which a connection was made.
var passing = regexp.MustCompile(`\b[0-9a-f]{8,}(-[0-9a-f]{4,})*\b|:[0-9]+->`)

// combined begins an event that Kubernetes has counted itself.
const combined = "(combined from similar events): "

// Gist is what two texts have in common that say the same of two occasions: the
// text without what differs each time, ids and the ports of connections.
func Gist(text string) string {
	return passing.ReplaceAllString(strings.ReplaceAll(text, combined, ""), "#")
}
