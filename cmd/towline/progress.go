package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

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
	drawn int // lines of the block on the terminal

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
	busy := map[string]bool{}
	for _, r := range api.OutcomeOf(&s).Busy {
		busy[r.Name] = true
	}
	for _, r := range s.Resources {
		if busy[r.Name] || !r.State.Good() && !r.State.Bad() {
			continue
		}
		text := line(r.Text)
		if r.Problem != nil {
			text = string(r.State) + ": " + line(r.Problem.Message)
		}
		key := string(r.State)
		if r.State.Bad() {
			key = output.Gist(text) // another reason is told too
		}
		if p.said[r.Name] == key {
			continue
		}
		p.said[r.Name] = key
		say(p.w, fmt.Sprintf("%6s  %s %s: %s", short(time.Since(p.began)), mark(r.State), r.Name, text))
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
				if text := counted(p.last); text != "" {
					say(p.w, fmt.Sprintf("%6s  %s", short(time.Since(p.began)), text))
				}
				p.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(done); <-ended })
}

// byState sorts the resources that are asked for by their state, what is well
// first. States without any are left out.
func byState(s api.Status) (states []api.State, of map[api.State][]api.ResourceStatus) {
	of = map[api.State][]api.ResourceStatus{}
	for _, r := range s.Resources {
		if r.State != api.StateStopped && r.State != api.StateDisabled {
			of[r.State] = append(of[r.State], r)
		}
	}
	for _, state := range api.States {
		if len(of[state]) > 0 {
			states = append(states, state)
		}
	}
	slices.SortStableFunc(states, func(a, b api.State) int { return rank(a) - rank(b) })
	return states, of
}

func rank(s api.State) int {
	switch {
	case s.Good():
		return 0
	case s.Bad() || s == api.StateUnknown:
		return 2 // last, where the eye is
	}
	return 1
}

// counted is a status in one line: "271 ready · 24 starting · 5 error: db image
// not found".
func counted(s api.Status) string {
	states, of := byState(s)
	parts := make([]string, len(states))
	for i, state := range states {
		parts[i] = fmt.Sprintf("%d %s", len(of[state]), state)
		if rank(state) == 2 {
			parts[i] += ": " + reason(of[state][0])
		}
	}
	return strings.Join(parts, " · ")
}

// reason names a resource with what is wrong with it.
func reason(r api.ResourceStatus) string {
	if r.Problem != nil {
		return r.Name + " " + line(r.Problem.Message)
	}
	return strings.TrimSpace(r.Name + " " + line(r.Message))
}

// foldAbove is how many resources have a line each on a terminal.
const foldAbove = 20

// block is what a terminal shows of a status: a line for each resource, or for
// each state when the resources are many or the terminal is low.
func block(s api.Status, columns, rows int) []string {
	var shown []api.ResourceStatus
	width := 0
	for _, r := range s.Resources {
		if r.State != api.StateDisabled {
			shown = append(shown, r)
			width = max(width, len([]rune(r.Name)))
		}
	}
	var lines []string
	if len(shown) <= min(foldAbove, rows-2) {
		for _, r := range shown {
			text := fmt.Sprintf(" %s  %-*s  %s", mark(r.State), width, r.Name, state(r))
			lines = append(lines, painted(cut(text, columns-1), colour(r.State)))
		}
		return lines
	}
	states, of := byState(s)
	for _, state := range states {
		text := fmt.Sprintf(" %s %4d %-9s  ", mark(state), len(of[state]), state)
		if rank(state) == 2 {
			text += reason(of[state][0])
		} else {
			names := make([]string, len(of[state]))
			for i, r := range of[state] {
				names[i] = r.Name
			}
			text += strings.Join(names, ", ")
		}
		lines = append(lines, painted(cut(text, columns-1), colour(state)))
	}
	return lines
}

func (p *progress) draw(s api.Status) {
	if p.drawn > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA", p.drawn)
	}
	columns, rows := p.size()
	lines := append(block(s, columns, rows), "    "+short(time.Since(p.began)))
	for _, text := range lines {
		fmt.Fprintf(p.w, "\r\x1b[2K%s\n", text)
	}
	fmt.Fprint(p.w, "\x1b[J") // what a longer block left
	p.drawn = len(lines)
}

// cut shortens a text to a number of columns.
func cut(text string, columns int) string {
	if runes := []rune(text); len(runes) > columns {
		return string(runes[:max(columns-1, 0)]) + "…"
	}
	return text
}

// painted is a text in a colour; "" is none.
func painted(text, colour string) string {
	if colour == "" {
		return text
	}
	return colour + text + "\x1b[0m"
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
	say(p.w, fmt.Sprintf("%d of %d ready in %s%s", o.Ready, o.Total, short(time.Since(p.began)), inCluster(&s)))
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

func colour(s api.State) string {
	if os.Getenv("NO_COLOR") != "" {
		return ""
	}
	if s == api.StatePending {
		return "\x1b[2m"
	}
	return [...]string{api.ClassBusy: "", api.ClassGood: "\x1b[32m", api.ClassWarning: "\x1b[33m", api.ClassBad: "\x1b[31m", api.ClassIdle: "\x1b[2m"}[s.Class()]
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
		text := s.what + " … " + short(time.Since(began))
		if s.waits != "" {
			text += "  " + s.waits
		}
		s.mu.Unlock()
		if columns, _, err := term.GetSize(int(s.w.Fd())); err == nil && columns > 4 {
			text = cut(text, columns-1) // one that wraps cannot be replaced in place
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
