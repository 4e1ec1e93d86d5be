package daemon

import (
	"time"
)

import "sync"

// queue is an unbounded queue of work for the one goroutine that owns a T. put
// never blocks, so that whoever tells it something cannot be held up by it.
type queue[T any] struct {
	mu    sync.Mutex
	items []func(T)
	ready chan struct{} // holds one token while items is not empty
}

func newQueue[T any]() *queue[T] { return &queue[T]{ready: make(chan struct{}, 1)} }

func (q *queue[T]) put(f func(T)) {
	q.mu.Lock()
	q.items = append(q.items, f)
	q.mu.Unlock()
	token(q.ready)
}

// later puts f after a pause.
func (q *queue[T]) later(pause time.Duration, f func(T)) *time.Timer {
	return time.AfterFunc(pause, func() { q.put(f) })
}

// take returns all that waits.
func (q *queue[T]) take() []func(T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}

// token leaves a token in a channel that holds one.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
