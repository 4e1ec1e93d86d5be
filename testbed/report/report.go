// Package report tells a person what a long command is doing and how long each
// step took.
package report

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// quiet is how long a step may take before it is heard of; beat is how often
// it is heard of then.
const (
	quiet = 2 * time.Second
	beat  = 8 * time.Second
)

// Steps writes a line for each step. Its methods may be called concurrently.
type Steps struct {
	start time.Time
	live  bool // a terminal: rewrite the line of a running step

	mu  sync.Mutex
	out io.Writer
}

// New returns Steps that write to f.
func New(f *os.File) *Steps {
	info, err := f.Stat()
	live := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &Steps{start: time.Now(), live: live, out: f}
}

// Elapsed is the time since New.
func (s *Steps) Elapsed() time.Duration { return time.Since(s.start) }

// Say writes one line.
func (s *Steps) Say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// Do runs work under a name, and writes the time it took. While it runs for
// longer than two seconds, what work last said of itself is shown.
func (s *Steps) Do(name string, work func(say func(string)) error) error {
	started := time.Now()
	var mu sync.Mutex
	var latest string
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		s.watch(done, func() string {
			mu.Lock()
			defer mu.Unlock()
			return fmt.Sprintf("  … %s %s %s", name, time.Since(started).Round(time.Second), latest)
		})
	})
	err := work(func(text string) {
		mu.Lock()
		latest = text
		mu.Unlock()
	})
	close(done)
	watcher.Wait()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.Say("%7.2fs  %s", time.Since(started).Seconds(), name)
	return nil
}

func (s *Steps) watch(done <-chan struct{}, line func() string) {
	every := beat
	if s.live {
		every = time.Second / 2
	}
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-timer.C:
			s.show(line())
			timer.Reset(every)
		}
	}
}

func (s *Steps) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	if s.live {
		fmt.Fprint(s.out, line)
		return
	}
	fmt.Fprintln(s.out, line)
}

// clear wipes the line of a running step. The caller holds mu.
func (s *Steps) clear() {
	if s.live {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}
