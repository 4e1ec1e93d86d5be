package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
)

// What a view asks of a terminal: a screen of its own, no cursor, and no line
// that wraps; and all of it given back.
const (
	enterView = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leaveView = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// canView reports whether a terminal can be drawn on.
func canView(w *os.File) bool {
	return term.IsTerminal(int(w.Fd())) && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
}

// terminal is what a view is drawn on. A signal that stops the program or ends
// it arrives on signals; pause stops the program.
type terminal struct {
	w       io.Writer
	size    func() (columns, rows int)
	signals <-chan os.Signal
	pause   func()
}

// viewUntil shows a view on the terminal that w is until ctx or the daemon ends,
// and says what that means.
func viewUntil(ctx context.Context, w *os.File, statuses func(context.Context, func(*api.Status) error) error) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTSTP, syscall.SIGCONT, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	t := terminal{w: w, size: newProgress(w).size, signals: signals, pause: func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) }}
	var last *api.Status
	err := view(ctx, t, func(ctx context.Context, visit func(*api.Status) error) error {
		return statuses(ctx, func(s *api.Status) error { last = s; return visit(s) })
	})
	if err == nil || ctx.Err() != nil {
		say(w, viewEnded(ctx.Err() == nil, last))
	}
	return err
}

// viewEnded says what the end of a view means, by a person or since the daemon
// ended, after a status.
func viewEnded(daemon bool, last *api.Status) string {
	switch {
	case daemon:
		return "The daemon has ended, and the view with it. `towline status` shows what is up."
	case last == nil || !last.Up:
		return "The view is closed. `towline status` shows what is up."
	case last.State == api.StateStopping:
		return "The view is closed, and going down goes on without it. `towline down` waits for its end."
	}
	return "The view is closed, and what is up stays up. `towline down` takes it down."
}

// view draws each status that comes, and every second anew: ages grow, and the
// terminal may have another size. It ends with ctx, or as the statuses end, or as
// a signal wants; whatever ends or stops it, the terminal is given back.
func view(ctx context.Context, t terminal, statuses func(context.Context, func(*api.Status) error) error) error {
	ctx, cancel := context.WithCancel(ctx)
	newest, ended := make(chan *api.Status, 1), make(chan error, 1)
	go func() { // ends with ctx or the daemon; waited for below
		ended <- statuses(ctx, func(s *api.Status) error {
			select {
			case <-newest: // was not drawn, and need not be
			default:
			}
			newest <- s
			return nil
		})
	}()
	fmt.Fprint(t.w, enterView)
	defer fmt.Fprint(t.w, leaveView)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var now *api.Status
	var ends error
	for stopped := false; ; {
		select {
		case now = <-newest:
		case <-tick.C:
		case err := <-ended:
			if ends != nil {
				return ends
			}
			return err
		case s := <-t.signals:
			switch s {
			case syscall.SIGTSTP:
				stopped = true
				fmt.Fprint(t.w, leaveView)
				t.pause()
			case syscall.SIGCONT:
				stopped = false
				fmt.Fprint(t.w, enterView)
			default:
				ends = exitCode(128 + int(s.(syscall.Signal)))
				cancel()
			}
		}
		if now != nil && !stopped && ends == nil {
			columns, rows := t.size()
			fmt.Fprint(t.w, screen(frame(now, columns, rows)))
		}
	}
}

// screen is how lines replace all that a terminal shows.
func screen(lines []string) string {
	return "\x1b[H" + strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\x1b[J"
}

// frame is what a terminal of a size shows of a status: each resource in the
// table of `towline status` where they have room, else a line for each state
// and those that need a person, these first.
func frame(s *api.Status, columns, rows int) []string {
	head := []string{words.Cut(words.Mark(s.State)+"  "+words.Line(s.Text), columns)}
	if where := words.Cluster(s); where != "" {
		head = append(head, words.Cut("   "+where, columns))
	}
	foot := []string{"", words.Cut("Ctrl-C closes the view; what is up stays up.", columns)}
	room := max(rows-len(head)-len(foot)-1, 0) // below an empty line
	project := *s
	var body []string
	switch {
	case s.State == api.StateStopped:
		body, project.Resources = []string{"`towline up` brings the project up."}, nil
	case len(s.Resources) > 0 && len(s.Resources) < room: // with the table's head
		var table strings.Builder
		_, below := printTable(&table, s.Resources, columns)
		body = strings.Split(strings.TrimRight(table.String(), "\n"), "\n")
		for _, text := range below {
			body = append(body, paragraph(text, columns)...)
		}
	default:
		body, project.Resources = states(s, columns), nil
	}
	for _, a := range s.Asks {
		body = append(body, paragraph(question(a), columns)...)
	}
	for _, text := range words.Problems(project) {
		body = append(body, paragraph(text, columns)...)
	}
	if len(body) > 0 && body[0] == "" {
		body = body[1:]
	}
	if len(body) > room && room > 0 {
		body = append(body[:room-1], words.Cut("… `towline status` tells the rest", columns))
	}
	body = body[:min(len(body), room)]
	lines := slices.Concat(head, []string{""}, body, foot)
	return lines[:min(len(lines), max(rows, 1))]
}

// paragraph is a text below an empty line, its lines broken between words.
func paragraph(text string, columns int) []string {
	lines := strings.Split("\n"+words.Wrap(text, columns), "\n")
	for i := range lines {
		lines[i] = words.Cut(lines[i], columns)
	}
	return lines
}

// states is a line for each state, the worst first, and below them one for each
// resource that is in a bad one.
func states(s *api.Status, columns int) []string {
	kinds, of := words.ByState(*s)
	slices.SortStableFunc(kinds, func(a, b api.State) int { return words.Rank(b) - words.Rank(a) })
	var lines, bad []string
	for _, state := range kinds {
		text := fmt.Sprintf("%s %4d %s", words.Mark(state), len(of[state]), state)
		if words.Rank(state) == 2 {
			text += ": " + words.Reason(of[state][0])
			for _, r := range of[state] {
				bad = append(bad, words.Painted(words.Cut("  "+words.Mark(state)+" "+words.Reason(r), columns), words.Colour(state)))
			}
		}
		lines = append(lines, words.Painted(words.Cut(text, columns), words.Colour(state)))
	}
	if len(bad) > 0 {
		lines = append(append(lines, ""), bad...)
	}
	return lines
}
