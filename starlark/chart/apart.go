package chart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/metrics"
	"time"

	"github.com/towline-dev/towline/starlark/fault"
)

// A chart's templates are a language of their own, with loops and functions
// that make much of little, and nothing can stop one from outside. So whoever
// has to go on renders charts in a process of its own, which ends itself when it
// takes too much, and can be ended.

// Request is what a process that renders a chart is told on its input.
type Request struct {
	Rendering
	Contents map[string][]byte // of the files of values, by path
	Memory   uint64            // bytes that it may hold
}

// answer is what it writes to its output.
type answer struct {
	Text        string
	Error       string // why there is no text
	Environment bool   // the error is one of fault.Environment
}

// ExitMemory is the exit code of a process that took more memory than it may.
const ExitMemory = 7

// lookEvery is how often a process looks at how much memory it has taken.
const lookEvery = 10 * time.Millisecond

// NewRequest returns what renders a chart elsewhere.
func NewRequest(h Rendering, memory uint64) (Request, error) {
	r := Request{Rendering: h, Contents: map[string][]byte{}, Memory: memory}
	for _, f := range h.Values {
		data, err := h.ReadFile(f)
		if err != nil {
			return Request{}, err
		}
		r.Contents[f] = data
	}
	r.ReadFile = nil
	return r, nil
}

// Serve is the process: it answers the one request of its input. It does not
// return when it takes too much memory.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	var r Request
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("reading what to render: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); watchMemory(ctx, r.Memory) }()
	defer func() { cancel(); <-done }()
	r.ReadFile = func(path string) ([]byte, error) { return r.Contents[path], nil }
	var a answer
	text, err := r.Render(ctx)
	if err != nil {
		a.Error, a.Environment = err.Error(), fault.IsEnvironment(err)
	} else {
		a.Text = text
	}
	return json.NewEncoder(out).Encode(a)
}

// watchMemory ends the process when it holds more than it may.
func watchMemory(ctx context.Context, most uint64) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if metrics.Read(sample); sample[0].Value.Uint64() > most {
			os.Exit(ExitMemory)
		}
	}
}

// Answered returns what such a process wrote.
func Answered(output []byte) (string, error) {
	var a answer
	switch err := json.Unmarshal(output, &a); {
	case err != nil:
		return "", fmt.Errorf("reading what was rendered: %w", err)
	case a.Environment:
		return "", fault.Environment(errors.New(a.Error))
	case a.Error != "":
		return "", errors.New(a.Error)
	}
	return a.Text, nil
}
