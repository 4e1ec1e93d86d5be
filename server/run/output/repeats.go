package output

import (
	"fmt"
	"sync"
)

// Repeats keeps a log readable in which the same is to be said again and again:
// it is said the first time, and then with its count, ever more seldom. The
// zero value has said nothing. Its methods may be called concurrently.
type Repeats struct {
	mu   sync.Mutex
	last string
	n    int // how often last was to be said
	next int // count at which it is said again
}

// Tell returns what to say in place of a text, "" when that is nothing.
func (r *Repeats) Tell(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if text != r.last {
		r.last, r.n, r.next = text, 1, 10
		return text
	}
	if r.n++; r.n < r.next {
		return ""
	}
	r.next *= 10
	return fmt.Sprintf("%s (%d times)", text, r.n)
}

// Reset has the next text be said as the first.
func (r *Repeats) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = ""
}
