package main

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// readerLook is how often it is seen whether somebody still reads.
const readerLook = 200 * time.Millisecond

// whileRead is a context that ends when nobody reads a pipe any more: who writes
// seldom would hear of it late. The goroutine ends with stop.
func whileRead(ctx context.Context, w *os.File) (read context.Context, stop func()) {
	read, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(readerLook)
		defer tick.Stop()
		for {
			select {
			case <-read.Done():
				return
			case <-tick.C:
			}
			fds := []unix.PollFd{{Fd: int32(w.Fd())}} // asks for nothing: an error is told unasked
			if n, err := unix.Poll(fds, 0); err == nil && n > 0 && fds[0].Revents&unix.POLLERR != 0 {
				cancel()
				return
			}
		}
	}()
	return read, func() { cancel(); <-ended }
}
