package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// teller writes the story. A step that goes on shows its time and what it
// waits for, in place on a terminal.
type teller struct {
	w   *os.File
	tty bool

	mu    sync.Mutex
	name  string
	what  string
	now   string // what is waited for
	began time.Time
	said  time.Time // when the last line was written, where none is rewritten
	stop  chan struct{}
	ended chan struct{}
}

func newTeller(w *os.File) *teller { return &teller{w: w, tty: term.IsTerminal(int(w.Fd()))} }

func (t *teller) title(text string) { fmt.Fprintf(t.w, "\n  %s\n\n", t.bold(text)) }

func (t *teller) bold(text string) string {
	if !t.tty {
		return text
	}
	return "\x1b[1m" + text + "\x1b[0m"
}

// silence is how long a step says nothing at most.
const silence = 5 * time.Second

// begin starts a step.
func (t *teller) begin(name, what string) {
	t.mu.Lock()
	t.name, t.what, t.now, t.began, t.said = name, what, "", time.Now(), time.Now()
	t.stop, t.ended = make(chan struct{}), make(chan struct{})
	t.mu.Unlock()
	fmt.Fprintf(t.w, "  %s  %s\n", t.bold(fmt.Sprintf("%-8s", name)), what)
	go t.animate(t.stop, t.ended)
}

func (t *teller) animate(stop, ended chan struct{}) {
	defer close(ended)
	if !t.tty {
		t.repeat(stop)
		return
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			fmt.Fprint(t.w, "\r\x1b[2K")
			return
		case <-tick.C:
			t.mu.Lock()
			line := fmt.Sprintf("            … %s  %s", short(time.Since(t.began)), t.now)
			t.mu.Unlock()
			if columns, _, err := term.GetSize(int(t.w.Fd())); err == nil && len([]rune(line)) > columns-1 {
				line = string([]rune(line)[:max(columns-2, 0)]) + "…"
			}
			fmt.Fprint(t.w, "\r\x1b[2K"+line)
		}
	}
}

// repeat says again what the step waits for, where no line is rewritten and
// nothing was said for a while.
func (t *teller) repeat(stop chan struct{}) {
	tick := time.NewTicker(silence)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			t.mu.Lock()
			if time.Since(t.said) >= silence {
				t.tell()
			}
			t.mu.Unlock()
		}
	}
}

// progress says what the step waits for.
func (t *teller) progress(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	news := text != t.now
	t.now = text
	if !t.tty && news {
		t.tell()
	}
}

// tell writes a line of what the step waits for. The lock is held.
func (t *teller) tell() {
	t.said = time.Now()
	fmt.Fprintf(t.w, "            … %s  %s\n", short(time.Since(t.began)), t.now)
}

// note writes lines below the step that goes on.
func (t *teller) note(lines ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, line := range lines {
		if t.tty {
			fmt.Fprint(t.w, "\r\x1b[2K")
		}
		fmt.Fprintf(t.w, "            %s\n", line)
	}
}

// done ends a step with the time since its beginning.
func (t *teller) done(format string, args ...any) {
	t.doneIn(time.Since(t.began), format, args...)
}

// doneIn ends a step with a time that was measured inside it.
func (t *teller) doneIn(took time.Duration, format string, args ...any) {
	close(t.stop)
	<-t.ended
	mark := "✓"
	if t.tty {
		mark = "\x1b[32m✓\x1b[0m"
	}
	fmt.Fprintf(t.w, "            %s %s  %s\n\n", mark, t.bold(short(took)), fmt.Sprintf(format, args...))
}

// end says how to go on in an editor.
func (t *teller) end(root, workspace string, c cluster) {
	fmt.Fprintf(t.w, "  It is still up. Open the same in an editor:\n\n")
	for _, e := range c.env {
		fmt.Fprintf(t.w, "    export %s\n", e)
	}
	fmt.Fprintf(t.w, `    export PATH=%s/bin:$PATH
    make vsix && code --install-extension vscode/towline.vsix && code %s
    nvim %s/Tiltfile        # docs/editors.md has the few lines of configuration

  towline status -f %s/Tiltfile      shows it
  towline down -f %s/Tiltfile        takes it down
`, root, workspace, workspace, workspace, workspace)
}

// short prints a duration with the digits that matter.
func short(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
