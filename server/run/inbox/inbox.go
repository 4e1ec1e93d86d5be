// Package inbox gives a value one owner: a goroutine that alone touches it and
// performs what it is told, one message after the other.
//
// A message is a function of the value. Put never blocks, so that nobody who
// has a fact to tell can be held up by the owner; what takes time runs in a
// goroutine of its own, begun by Go, which hands its result back as a message.
package inbox

import (
	"context"
	"sync"
	"time"
)

// Inbox is the owner of a value. Its goroutines are the owner, which blocks on
// its messages, and those that Go began; Close ends and awaits them all.
type Inbox[S any] struct {
	cancel context.CancelFunc
	ended  <-chan struct{} // closed as Close, or the end of its context, begins
	work   sync.WaitGroup

	mu       sync.Mutex
	messages []func(context.Context, *S)
	closed   bool
	ready    chan struct{} // holds one token while there are messages, or the end, to be seen
}

// Start begins the owner of a value. The context that messages get ends with
// ctx, and by Close.
func Start[S any](ctx context.Context, value *S) *Inbox[S] {
	ctx, cancel := context.WithCancel(ctx)
	b := &Inbox[S]{cancel: cancel, ended: ctx.Done(), ready: make(chan struct{}, 1)}
	b.work.Go(func() { b.run(ctx, value) })
	return b
}

// Put hands the owner a message. After Close it is dropped.
func (b *Inbox[S]) Put(message func(context.Context, *S)) {
	b.mu.Lock()
	if !b.closed {
		b.messages = append(b.messages, message)
	}
	b.mu.Unlock()
	b.wake()
}

// Go runs a function in a goroutine that Close waits for. It is called by
// messages, and by functions that Go itself began.
func (b *Inbox[S]) Go(f func()) { b.work.Go(f) }

// After hands the owner a message when a time has passed. It is called by
// messages.
func (b *Inbox[S]) After(d time.Duration, message func(context.Context, *S)) {
	b.work.Go(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			b.Put(message)
		case <-b.ended:
		}
	})
}

// Close ends the context of all messages, drops those that wait, and returns
// when the owner and all that Go began have ended.
func (b *Inbox[S]) Close() {
	b.cancel()
	b.mu.Lock()
	b.closed, b.messages = true, nil
	b.mu.Unlock()
	b.wake()
	b.work.Wait()
}

func (b *Inbox[S]) wake() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

func (b *Inbox[S]) run(ctx context.Context, value *S) {
	for range b.ready {
		messages, closed := b.take()
		if closed {
			return
		}
		for _, message := range messages {
			message(ctx, value)
		}
	}
}

func (b *Inbox[S]) take() (messages []func(context.Context, *S), closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	messages, b.messages = b.messages, nil
	return messages, b.closed
}

// Ask has the owner answer a question and waits for it. Where there is no
// owner any more, or ctx ends, the answer is the zero value. A message must not
// ask its own owner.
func Ask[S, T any](ctx context.Context, b *Inbox[S], question func(context.Context, *S) T) (answer T) {
	done := make(chan T, 1)
	b.Put(func(ctx context.Context, value *S) { done <- question(ctx, value) })
	select {
	case answer = <-done:
	case <-b.ended:
	case <-ctx.Done():
	}
	return answer
}
