package bridge

import (
	"io"
	"sync"

	"github.com/towline-dev/towline/dap/message"
)

// maxQueued bounds what is kept for a reader that does not read, in bytes.
const maxQueued = 64 << 20

// outbox writes messages in order without making the owner wait, so that a
// slow editor cannot hold up the debugger or the other way round. Its one
// goroutine is run; it blocks on writing and on an empty queue, and close ends
// it once the queue is written.
type outbox struct {
	w       io.Writer
	written chan struct{} // closed when run has ended

	mu     sync.Mutex
	more   sync.Cond
	queue  []message.Message
	size   int
	closed bool
}

func newOutbox(w io.Writer) *outbox {
	b := &outbox{w: w, written: make(chan struct{})}
	b.more.L = &b.mu
	return b
}

// send queues a message. What is sent after close is dropped.
func (b *outbox) send(m message.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.queue = append(b.queue, m)
	b.size += len(m.Bytes())
	b.closed = b.size > maxQueued
	b.more.Signal()
}

// close lets run end after what is queued.
func (b *outbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.more.Signal()
}

// run writes until close, and returns early when writing fails.
func (b *outbox) run() error {
	defer close(b.written)
	for {
		batch, ok := b.take()
		if !ok {
			return nil
		}
		for _, m := range batch {
			if err := message.Write(b.w, m); err != nil {
				b.close()
				return err
			}
		}
	}
}

// take waits for messages; false is the end.
func (b *outbox) take() ([]message.Message, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.queue) == 0 && !b.closed {
		b.more.Wait()
	}
	batch := b.queue
	b.queue, b.size = nil, 0
	return batch, len(batch) > 0
}
