package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/towline-dev/towline/server/api"
)

// progress shows how resources come up. On a terminal each resource has one
// line that changes in place; elsewhere each change of a phase is a line.
type progress struct {
	w     io.Writer
	tty   bool
	began time.Time
	said  map[string]string
	drawn int // lines of the block on the terminal
}

func newProgress(w *os.File) *progress {
	return &progress{w: w, tty: term.IsTerminal(int(w.Fd())), began: time.Now(), said: map[string]string{}}
}

func (p *progress) show(s api.Status) {
	if p.tty {
		p.draw(s)
		return
	}
	for _, r := range s.Resources {
		text := line(r.Text)
		if r.State == api.StateStopped || r.State == api.StateDisabled || p.said[r.Name] == text {
			continue
		}
		p.said[r.Name] = text
		fmt.Fprintf(p.w, "%6s  %s %s: %s\n", short(time.Since(p.began)), mark(r.State), r.Name, text)
	}
}

func (p *progress) draw(s api.Status) {
	width := 0
	for _, r := range s.Resources {
		width = max(width, len(r.Name))
	}
	columns, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || columns < 20 {
		columns = 80
	}
	if p.drawn > 0 {
		fmt.Fprintf(p.w, "\x1b[%dA", p.drawn)
	}
	p.drawn = 0
	for _, r := range s.Resources {
		if r.State == api.StateDisabled {
			continue
		}
		line := fmt.Sprintf(" %s  %-*s  %s", mark(r.State), width, r.Name, state(r))
		if runes := []rune(line); len(runes) > columns-1 {
			line = string(runes[:columns-2]) + "…"
		}
		begin, end := colour(r.State), ""
		if begin != "" {
			end = "\x1b[0m"
		}
		fmt.Fprintf(p.w, "\r\x1b[2K%s%s%s\n", begin, line, end)
		p.drawn++
	}
	fmt.Fprintf(p.w, "\r\x1b[2K    %s\n", short(time.Since(p.began)))
	p.drawn++
}

// summary ends the progress with what a person does next.
func (p *progress) summary(s api.Status) {
	if p.tty && p.drawn > 0 {
		fmt.Fprint(p.w, "\x1b[1A\x1b[2K")
	}
	for _, text := range problems(s) {
		fmt.Fprintln(p.w, text)
	}
	o := api.OutcomeOf(&s)
	fmt.Fprintf(p.w, "%d of %d ready in %s  (context %s, namespace %s)\n",
		o.Ready, o.Total, short(time.Since(p.began)), s.Cluster.Context, s.Cluster.Namespace)
	for _, r := range s.Resources {
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
	switch {
	case s == api.StateReady || s == api.StateDone:
		return "\x1b[32m"
	case s == api.StateStale || s == api.StateUnknown:
		return "\x1b[33m"
	case s.Bad():
		return "\x1b[31m"
	case s == api.StateStopped || s == api.StatePending:
		return "\x1b[2m"
	}
	return ""
}

// spin shows that something goes on, with its time, until stop is called.
// Where there is no terminal it says so once.
func spin(w *os.File, what string) (stop func()) {
	if !term.IsTerminal(int(w.Fd())) {
		fmt.Fprintln(w, what+" …")
		return func() {}
	}
	done, ended, began := make(chan struct{}), make(chan struct{}), time.Now()
	go func() {
		defer close(ended)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			text := []rune(what + " … " + short(time.Since(began)))
			if columns, _, err := term.GetSize(int(w.Fd())); err == nil && columns > 4 && len(text) >= columns {
				text = append([]rune("…"), text[len(text)-columns+2:]...) // one that wraps cannot be replaced in place
			}
			fmt.Fprintf(w, "\r\x1b[2K%s", string(text))
			select {
			case <-tick.C:
			case <-done:
				fmt.Fprint(w, "\r\x1b[2K")
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(done); <-ended })
}

// printLog writes one line of a log.
func printLog(w io.Writer, l api.LogLine, named bool) {
	if named && strings.TrimSpace(l.Text) == "" {
		return // between the lines of several, an empty one tells nothing
	}
	prefix := ""
	if named {
		name := l.Resource
		if name == "" {
			name = "towline"
		}
		prefix = fmt.Sprintf("%-12s │ ", name)
	}
	if l.Level != "" {
		prefix += strings.ToUpper(l.Level) + ": "
	}
	fmt.Fprintln(w, prefix+l.Text)
}
