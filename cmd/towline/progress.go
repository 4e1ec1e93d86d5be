package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run/output"
)

// progress shows how resources come up. On a terminal it is a block that changes
// in place, with a line for each resource, or for each state when they are many.
// Elsewhere what ends is a line, ready or failed, and every now and then comes
// one that counts the states.
type progress struct {
	w     io.Writer
	tty   bool
	size  func() (columns, rows int) // of the terminal
	began time.Time
	drawn int    // lines of the block on the terminal
	made  string // the namespace that was said to be made

	mu   sync.Mutex // of what follows
	last api.Status
	said map[string]string
}

// summaryEvery is how often progress that is no terminal's counts the states.
const summaryEvery = 10 * time.Second

func newProgress(w *os.File) *progress {
	size := func() (int, int) {
		columns, rows, err := term.GetSize(int(w.Fd()))
		if err != nil || columns < 20 {
			return 80, 24
		}
		return columns, rows
	}
	return &progress{w: w, tty: term.IsTerminal(int(w.Fd())), size: size, began: time.Now(), said: map[string]string{}}
}

func (p *progress) show(s api.Status) {
	if p.tty {
		p.draw(s)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = s
	if text := p.news(&s); text != "" {
		say(p.w, fmt.Sprintf("%6s  %s", words.Short(time.Since(p.began)), text))
	}
	busy := map[string]bool{}
	for _, r := range api.OutcomeOf(&s).Busy {
		busy[r.Name] = true
	}
	for _, r := range s.Resources {
		if busy[r.Name] || !r.State.Good() && !r.State.Bad() {
			continue
		}
		text := words.Line(r.Text)
		if r.Problem != nil {
			text = string(r.State) + ": " + words.Line(r.Problem.Message)
		}
		key := string(r.State)
		if r.State.Bad() {
			key = output.Gist(text) // another reason is told too
		}
		if p.said[r.Name] == key {
			continue
		}
		p.said[r.Name] = key
		say(p.w, fmt.Sprintf("%6s  %s %s: %s", words.Short(time.Since(p.began)), words.Mark(r.State), r.Name, text))
	}
}

// news is what is told once beside the resources: a namespace that was not there
// may be a slip of the pen.
func (p *progress) news(s *api.Status) string {
	if !s.Cluster.MadeNamespace || p.made == s.Cluster.Namespace {
		return ""
	}
	p.made = s.Cluster.Namespace
	return fmt.Sprintf("made the namespace %s, which was not there; `towline down` deletes it", s.Cluster.Namespace)
}

// knows has what a project that is up has told before not be told again.
func (p *progress) knows(ctx context.Context, e api.Endpoint) {
	if !api.Running(ctx, e) {
		return
	}
	if s, err := api.NewClient(e).Status(ctx); err == nil && s.Up && s.Cluster.MadeNamespace {
		p.made = s.Cluster.Namespace
	}
}

// keepCounting counts the states every now and then until stop is called, where
// no terminal shows them.
func (p *progress) keepCounting() (stop func()) {
	if p.tty {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(summaryEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.mu.Lock()
				if text := words.Counted(p.last); text != "" {
					say(p.w, fmt.Sprintf("%6s  %s", words.Short(time.Since(p.began)), text))
				}
				p.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(done); <-ended })
}

// block is what a terminal shows of a status: a line for each resource, or for
// each state when the resources are many or the terminal is low.
func block(s api.Status, columns, rows int) []string {
	var shown []api.ResourceStatus
	width := 0
	for _, r := range words.Listed(s.Resources) {
		if r.State != api.StateDisabled {
			shown = append(shown, r)
			width = max(width, len([]rune(r.Name)))
		}
	}
	var lines []string
	if len(shown) <= min(words.ListedUpTo/2, rows-2) { // it is drawn anew with each status
		for _, r := range shown {
			text := fmt.Sprintf(" %s  %-*s  %s", words.Mark(r.State), width, r.Name, words.State(&r, time.Now()))
			lines = append(lines, words.Painted(words.Cut(text, columns-1), words.Colour(r.State)))
		}
		return lines
	}
	states, of := words.ByState(s)
	for _, state := range states {
		text := fmt.Sprintf(" %s %4d %-9s  ", words.Mark(state), len(of[state]), state)
		if words.Rank(state) == 2 {
			text += words.Reason(of[state][0])
		} else {
			names := make([]string, len(of[state]))
			for i, r := range of[state] {
				names[i] = r.Name
			}
			text += strings.Join(names, ", ")
		}
		lines = append(lines, words.Painted(words.Cut(text, columns-1), words.Colour(state)))
	}
	return lines
}

func (p *progress) draw(s api.Status) {
	if p.drawn > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA", p.drawn)
	}
	columns, rows := p.size()
	lines := append(block(s, columns, rows), "    "+words.Short(time.Since(p.began)))
	if text := p.news(&s); text != "" { // it stays above the block
		fmt.Fprint(p.w, "\r\x1b[J")
		say(p.w, text)
	}
	for _, text := range lines {
		fmt.Fprintf(p.w, "\r\x1b[2K%s\n", text)
	}
	fmt.Fprint(p.w, "\x1b[J") // what a longer block left
	p.drawn = len(lines)
}

// summary ends the progress with what a person does next.
func (p *progress) summary(s api.Status) {
	if p.tty && p.drawn > 0 {
		fmt.Fprint(p.w, "\x1b[1A\x1b[2K")
	}
	printWarnings(p.w, s.Config.Warnings, columnsIn(p.w))
	for _, text := range problems(s) {
		say(p.w, text)
	}
	o := api.OutcomeOf(&s)
	say(p.w, fmt.Sprintf("%d of %d ready in %s%s", o.Ready, o.Total, words.Short(time.Since(p.began)), inCluster(&s)))
	for _, r := range s.Resources {
		if !answers(&r) {
			continue
		}
		for _, f := range r.Forwards {
			if f.Problem == "" {
				fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf("  %s  %s  %s", r.Name, f.URL, f.Name), " "))
			}
		}
		for _, l := range r.Links {
			fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf("  %s  %s  %s", r.Name, l.URL, l.Name), " "))
		}
	}
}

// spinner shows that something goes on, with its time and what it waits for, in
// a line that changes in place. Where there is no terminal each is a line.
type spinner struct {
	w     *os.File
	tty   bool
	what  string
	stop  func()
	mu    sync.Mutex
	waits string
}

// spin shows one until stop is called.
func spin(w *os.File, what string) *spinner {
	s := &spinner{w: w, tty: term.IsTerminal(int(w.Fd())), what: what, stop: func() {}}
	if !s.tty {
		fmt.Fprintln(w, what+" …")
		return s
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		s.turn(time.Now(), done)
	}()
	s.stop = sync.OnceFunc(func() { close(done); <-ended })
	return s
}

// says tells what is waited for, or was done.
func (s *spinner) says(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tty && text != s.waits {
		fmt.Fprintln(s.w, "  "+text)
	}
	s.waits = text
}

func (s *spinner) turn(began time.Time, done chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		s.mu.Lock()
		text := s.what + " … " + words.Short(time.Since(began))
		if s.waits != "" {
			text += "  " + words.Line(s.waits)
		}
		s.mu.Unlock()
		if columns, _, err := term.GetSize(int(s.w.Fd())); err == nil && columns > 4 {
			text = words.Cut(text, columns-1) // one that wraps cannot be replaced in place
		}
		fmt.Fprintf(s.w, "\r\x1b[2K%s", text)
		select {
		case <-tick.C:
		case <-done:
			fmt.Fprint(s.w, "\r\x1b[2K")
			return
		}
	}
}
