package run

import (
	"bytes"
	"strings"
	"sync"

	"github.com/towline-dev/towline/starlark/config"
)

// maxLine bounds one line of a log, in bytes; a longer one is cut into several.
const maxLine = 32 << 10

// lines is an io.Writer that hands on whole lines. A line is scrubbed before
// it is cut, so that no value of a Secret is shown in two halves.
type lines struct {
	secrets func() *config.Secrets
	mu      sync.Mutex
	rest    []byte
	emit    func(string)
}

func (r *Runner) lines(emit func(string)) *lines {
	return &lines{emit: emit, secrets: r.secrets}
}

// secrets are the values that no log may show.
func (r *Runner) secrets() *config.Secrets {
	if r.o.Secrets == nil {
		return nil
	}
	return r.o.Secrets()
}

// Write never fails.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			break
		}
		l.whole(string(l.rest[:i]))
		l.rest = l.rest[i+1:]
	}
	if secrets := l.secrets(); len(l.rest) > maxLine+secrets.Longest() {
		// What a value may still begin in stays until its end is known.
		text := secrets.Scrub(string(l.rest))
		for len(text) > maxLine+secrets.Longest() {
			l.emit(text[:maxLine])
			text = text[maxLine:]
		}
		l.rest = []byte(text)
	}
	return len(p), nil
}

// whole hands on a line whose end is known.
func (l *lines) whole(line string) {
	text := strings.TrimRight(l.secrets().Scrub(line), "\r")
	for len(text) > maxLine {
		l.emit(text[:maxLine])
		text = text[maxLine:]
	}
	l.emit(text)
}

// Flush hands on a last line that has no end.
func (l *lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.whole(string(l.rest))
		l.rest = nil
	}
}
