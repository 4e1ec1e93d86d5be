package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// command is a program to run.
type command struct {
	argv           []string
	dir            string
	env            []string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// grace is how long a program has to end by itself once it is not wanted any
// more.
const grace = 3 * time.Second

// run runs a program in its own process group and waits for it. When ctx ends,
// the whole group is asked to end, and killed after the grace.
func run(ctx context.Context, c command) error {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	if path := lookPath(c.argv[0], c.env); path != "" {
		cmd.Path, cmd.Err = path, nil
	}
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.stdin, c.stdout, c.stderr
	ownGroup(cmd)
	cmd.Cancel = func() error { return endGroup(cmd) }
	cmd.WaitDelay = grace
	err := cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		killGroup(cmd) // whoever did not heed the request
		return ctx.Err()
	}
	return err
}

// exitCode returns the code of a program that ran to its end, -1 otherwise.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// tail passes a program's words on and keeps the end of them, for what a
// failure is to say.
type tail struct {
	out io.Writer

	mu   sync.Mutex
	kept []byte
}

// maxTail bounds what is kept.
const maxTail = 64 << 10

// newTail makes a tail in front of a writer.
func newTail(out io.Writer) *tail { return &tail{out: out} }

// Write takes a piece of output.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*maxTail {
		t.kept = append([]byte(nil), t.kept[len(t.kept)-maxTail:]...)
	}
	if t.out != nil {
		_, _ = t.out.Write(p) // a face that went away does not stop a build
	}
	return len(p), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}

// lastLine returns the last line that says something.
func (t *tail) lastLine() string { return lastLine(t.String()) }

// lastLine returns the last line of a text that says something.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// say writes one line of our own among the builder's.
func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format+"\n", args...)
}
