// Command lsp measures the language server as an editor sees it: whole round
// trips over the wire of the real binary, on a Tiltfile of 5,000 lines and one
// of 200.
//
// The baseline of a round trip is that of a request which the server knows
// nothing about, through the same pipe: what JSON-RPC, two processes and the
// scheduler cost by themselves. The baseline of a cold start is the same
// program printing its version.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/towline-dev/towline/bench/report"
)

func main() {
	program := flag.String("program", "bin/towline", "the program to measure")
	rounds := flag.Int("n", 300, "samples of each case")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := run(ctx, *program, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, program string, rounds int) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return err
	}
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("%w; `make build` builds it", err)
	}
	r := report.New("lsp")
	for _, lines := range []int{200, 5000} {
		if err := measure(ctx, r, program, lines, rounds); err != nil {
			return fmt.Errorf("with %d lines: %w", lines, err)
		}
	}
	return r.Write()
}

// measure adds all cases of one size of Tiltfile.
func measure(ctx context.Context, r *report.Report, program string, lines, rounds int) error {
	w, err := newWorkspace(lines)
	if err != nil {
		return err
	}
	defer w.close()
	c, err := start(ctx, program, w)
	if err != nil {
		return err
	}
	name := func(what string) string { return fmt.Sprintf("%s-%d", what, lines) }
	floor, err := c.sample(rounds, c.nothing)
	if err != nil {
		return err
	}
	for _, test := range []struct {
		name string
		once func() error
	}{
		{"hover", c.hover},
		{"definition", c.definition},
		{"signature-help", c.signatureHelp},
		{"keystroke-completion", c.keystrokeCompletion},
		{"change-diagnostics", c.changeDiagnostics},
		{"semantic-tokens-delta", c.tokensDelta},
	} {
		samples, err := c.sample(rounds, test.once)
		if err != nil {
			return fmt.Errorf("%s: %w", test.name, err)
		}
		r.Add(name(test.name), "ms", samples, floor)
	}
	hints, err := c.saveHints(w, rounds)
	if err != nil {
		return err
	}
	r.Add(name("save-hint"), "ms", hints, floor)
	rss, err := c.resident()
	if err != nil {
		return err
	}
	r.Add(name("resident"), "MB", []float64{rss}, nil)
	if err := c.stop(); err != nil {
		return err
	}
	cold, bare, err := coldStarts(ctx, program, w, min(rounds, 20))
	if err != nil {
		return err
	}
	r.Add(name("cold-start"), "ms", cold, bare)
	return nil
}
