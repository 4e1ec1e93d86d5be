package lsp

import (
	"context"
	"io"
	"runtime"
	"runtime/metrics"
	"time"
)

const (
	// rest is for how long nothing is said when nobody waits: who types fast
	// presses the next key a little later, and a collection is over by then.
	rest = 40 * time.Millisecond
	// worthwhile is from how much garbage on, in bytes, it is collected then: that
	// of ten keys in a long file, and half of what makes the runtime collect.
	worthwhile = 4 << 20
)

// tidy is a stream whose pauses are used to collect garbage: left to the runtime,
// a collection falls into a key of which somebody waits for the answer, which
// takes several times as long then.
//
// It runs one goroutine, which waits for a pause.
type tidy struct {
	io.ReadWriteCloser
	said chan struct{} // capacity 1: something was read or written

	garbage func() uint64
	collect func()
}

func newTidy(rwc io.ReadWriteCloser) *tidy {
	return &tidy{ReadWriteCloser: rwc, said: make(chan struct{}, 1), garbage: heapGarbage, collect: runtime.GC}
}

// Read notes that something was read.
func (t *tidy) Read(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Read(p)
	t.note()
	return n, err
}

// Write notes that something was written.
func (t *tidy) Write(p []byte) (int, error) {
	n, err := t.ReadWriteCloser.Write(p)
	t.note()
	return n, err
}

func (t *tidy) note() {
	select {
	case t.said <- struct{}{}:
	default:
	}
}

// run collects garbage in the pauses until ctx ends.
func (t *tidy) run(ctx context.Context) {
	pause := time.NewTimer(rest)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.said:
			pause.Reset(rest)
		case <-pause.C:
			if t.garbage() >= worthwhile {
				t.collect()
			}
		}
	}
}

// heapGarbage returns how many bytes the heap has more than the last collection left.
func heapGarbage() uint64 {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(heap)
	return max(heap[0].Value.Uint64(), heap[1].Value.Uint64()) - heap[1].Value.Uint64()
}
