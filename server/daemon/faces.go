package daemon

import (
	"sync"
	"time"
)

// faces counts who is connected. When nobody is for as long as linger, and
// nobody asked the daemon to stay, it calls end.
type faces struct {
	linger time.Duration
	end    func()

	mu    sync.Mutex
	count int
	kept  bool
	timer *time.Timer
}

func newFaces(linger time.Duration, end func()) *faces {
	f := &faces{linger: linger, end: end}
	f.timer = time.AfterFunc(linger, f.expired)
	return f
}

// enter counts a face until the returned function is called.
func (f *faces) enter() (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	f.timer.Stop()
	return sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.count--
		if f.count == 0 {
			f.timer.Reset(f.linger)
		}
	})
}

// keep makes the daemon stay without faces, or not.
func (f *faces) keep(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = on
	if !on && f.count == 0 {
		f.timer.Reset(f.linger)
	}
}

func (f *faces) expired() {
	f.mu.Lock()
	alone := f.count == 0 && !f.kept
	f.mu.Unlock()
	if alone {
		f.end()
	}
}

func (f *faces) close() { f.timer.Stop() }
