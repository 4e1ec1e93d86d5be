package daemon

import "sync"

// queue is an unbounded queue of work for the core's goroutine. put never
// blocks, so that whoever tells the core something cannot be held up by it.
type queue struct {
	mu    sync.Mutex
	items []func(*core)
	ready chan struct{} // holds one token while items is not empty
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

func (q *queue) put(f func(*core)) {
	q.mu.Lock()
	q.items = append(q.items, f)
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take returns all that waits.
func (q *queue) take() []func(*core) {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}
