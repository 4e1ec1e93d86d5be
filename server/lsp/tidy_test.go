package lsp

import (
	"context"
	"errors"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// quiet is a stream of which nothing is read or written.
type quiet struct {
	io.Reader
	io.Writer
}

func (quiet) Close() error { return nil }

// TestCollectsInPauses looks when garbage is collected: never while something is
// said, once in each pause, and only if it is worth it.
func TestCollectsInPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var size atomic.Uint64
		var collections atomic.Int32
		size.Store(worthwhile)
		s := newTidy(quiet{strings.NewReader(strings.Repeat("x", 100)), io.Discard})
		s.garbage = func() uint64 { return size.Load() }
		s.collect = func() { collections.Add(1); size.Store(0) }
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.run(ctx)
		}()
		defer func() {
			cancel()
			<-ended
		}()
		check := func(when string, want int32) {
			t.Helper()
			synctest.Wait()
			if got := collections.Load(); got != want {
				t.Fatalf("%s: collected %d times, want %d", when, got, want)
			}
		}
		for i := range 20 {
			if i%2 == 0 {
				_, _ = s.Read(make([]byte, 1))
			} else {
				_, _ = s.Write([]byte("y"))
			}
			time.Sleep(rest - time.Millisecond)
		}
		check("while something is said", 0)
		time.Sleep(2 * time.Millisecond)
		check("in the pause", 1)
		size.Store(worthwhile)
		time.Sleep(time.Minute)
		check("later in the same pause", 1)
		_, _ = s.Write([]byte("y"))
		time.Sleep(2 * rest)
		check("in the next pause", 2)
		size.Store(worthwhile - 1)
		_, _ = s.Write([]byte("y"))
		time.Sleep(2 * rest)
		check("with little garbage", 2)
	})
}

// TestGarbage looks at the runtime's own figures.
func TestGarbage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // no collection of the runtime's own
	runtime.GC()
	before := heapGarbage()
	var kept [][]byte
	for range 128 {
		kept = append(kept, make([]byte, 1<<16))
	}
	if got := heapGarbage(); got < before+worthwhile {
		t.Errorf("%d bytes of garbage after %d, want %d more", got, before, len(kept)<<16)
	}
	runtime.KeepAlive(kept)
}

// TestTidyPassesErrorsOn reads to the end of a stream.
func TestTidyPassesErrorsOn(t *testing.T) {
	s := newTidy(quiet{strings.NewReader("x"), io.Discard})
	if data, err := io.ReadAll(s); string(data) != "x" || err != nil {
		t.Errorf("read %q, %v", data, err)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}
