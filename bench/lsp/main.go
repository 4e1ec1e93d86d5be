// Command lsp measures the language server as an editor sees it: whole round
// trips over the wire of the real binary, on a Tiltfile of 5,000 lines and one
// of 200.
//
// The baseline of a round trip is that of a request which the server knows
// nothing about, through the same pipe: what JSON-RPC, two processes and the
// scheduler cost by themselves. That case is in the report as "nothing": its p99
// says how busy the machine was. The baseline of a cold start is the same
// program printing its version.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/towline-dev/towline/bench/report"
)

// options say what to measure.
type options struct {
	program string
	rounds  int
	only    string // part of the names of the cases; "" is all
}

func main() {
	if path := os.Getenv(profileEnv); path != "" {
		os.Exit(serveProfiled(path))
	}
	var o options
	flag.StringVar(&o.program, "program", "bin/towline", "the program to measure")
	flag.IntVar(&o.rounds, "n", 300, "samples of each case")
	flag.StringVar(&o.only, "case", "", "measure only the cases that have this in their name")
	profile := flag.String("profile", "", "measure the server of this very program, and write its CPU profile to a file")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := run(ctx, o, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, profile string) error {
	var err error
	if profile != "" {
		o.program, err = profiled(profile)
	} else {
		o.program, err = filepath.Abs(o.program)
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(o.program); err != nil {
		return fmt.Errorf("%w; `make build` builds it", err)
	}
	r := report.New("lsp")
	for _, lines := range []int{200, 5000} {
		if err := measure(ctx, r, o, lines); err != nil {
			return fmt.Errorf("with %d lines: %w", lines, err)
		}
	}
	if o.only != "" {
		return nil // a part must not take the place of the whole
	}
	return r.Write()
}

// measure adds all cases of one size of Tiltfile.
func measure(ctx context.Context, r *report.Report, o options, lines int) error {
	w, err := newWorkspace(lines)
	if err != nil {
		return err
	}
	defer w.close()
	c, err := start(ctx, o.program, w)
	if err != nil {
		return err
	}
	name := func(what string) string { return fmt.Sprintf("%s-%d", what, lines) }
	wanted := func(what string) bool { return strings.Contains(name(what), o.only) }
	floor, err := c.sample(o.rounds, c.nothing)
	if err != nil {
		return err
	}
	r.Add(name("nothing"), "ms", floor, nil)
	for _, test := range c.cases() {
		if !wanted(test.name) {
			continue
		}
		c.pause = test.pause
		samples, err := c.sample(o.rounds, test.once)
		c.pause = 0
		if err != nil {
			return fmt.Errorf("%s: %w", test.name, err)
		}
		r.Add(name(test.name), "ms", samples, floor)
	}
	if wanted("save-hint") {
		hints, err := c.saveHints(w, o.rounds)
		if err != nil {
			return err
		}
		r.Add(name("save-hint"), "ms", hints, floor)
	}
	rss, err := c.resident()
	if err != nil {
		return err
	}
	r.Add(name("resident"), "MB", []float64{rss}, nil)
	if err := c.dependents(r, o, w, name, floor); err != nil {
		return err
	}
	if err := c.stop(); err != nil || !wanted("cold-start") {
		return err
	}
	cold, bare, err := coldStarts(ctx, o.program, w, min(o.rounds, 20))
	if err != nil {
		return err
	}
	r.Add(name("cold-start"), "ms", cold, bare)
	return nil
}

// A benchCase is a round trip to measure.
type benchCase struct {
	name  string
	once  func() error
	pause time.Duration // before each
}

// typist is how long somebody who types fast takes from key to key.
const typist = 120 * time.Millisecond

func (c *client) cases() []benchCase {
	return []benchCase{
		{name: "hover", once: c.hover},
		{name: "definition", once: c.definition},
		{name: "signature-help", once: c.signatureHelp},
		{name: "keystroke-completion", once: c.keystrokeCompletion},
		{name: "change-diagnostics", once: c.changeDiagnostics},
		{name: "semantic-tokens-delta", once: c.tokensDelta},
		{name: "references", once: c.references},
		{name: "rename", once: c.rename},
		{name: "document-symbol", once: c.documentSymbol},
		{name: "inlay-hint", once: c.inlayHint},
		{name: "code-lens", once: c.codeLens},
		{name: "start-keystroke-completion", once: c.atStart(c.keystrokeCompletion)},
		{name: "start-change-diagnostics", once: c.atStart(c.changeDiagnostics)},
		{name: "start-semantic-tokens-delta", once: c.atStart(c.tokensDelta)},
		{name: "typing-completion", once: c.typing},
		{name: "typist-completion", once: c.keystrokeCompletion, pause: typist},
	}
}
