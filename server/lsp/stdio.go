package lsp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
)

// Editors start many language servers, so their memory counts; but each key
// makes garbage, and a collection beside it doubles the time of the slowest
// answers: most are done in pauses, see tidy. With 120 a Tiltfile of 5,000 lines
// takes less than 40 MB while keys come without a pause.
const (
	gcPercent   = 120
	memoryLimit = 256 << 20 // bytes; from here on the collector works harder
)

// ServeStdio serves the client at the other end of this process's standard
// input and output, and logs to standard error. It tunes the collector of the
// whole process, which has nothing else to do.
func ServeStdio(ctx context.Context, o Options, verbose bool) (code int, err error) {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	stream := newTidy(stdio{os.Stdin, os.Stdout})
	tidying, stop := context.WithCancel(ctx)
	var collector sync.WaitGroup
	collector.Go(func() { stream.run(tidying) })
	defer collector.Wait()
	defer stop()
	return Serve(ctx, stream, o)
}

// stdio is the process's input and output as one stream.
type stdio struct {
	io.ReadCloser
	io.WriteCloser
}

// Close closes both.
func (s stdio) Close() error { return errors.Join(s.ReadCloser.Close(), s.WriteCloser.Close()) }
