// Package output has the lines of the resources' logs, and makes them of what
// programs write.
package output

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// maxLine bounds one line of a log, in bytes; a longer one is cut into several.
const maxLine = 32 << 10

// Line is one line of a resource's log.
type Line struct {
	Time      time.Time // zero: now
	Resource  string
	Source    string // "runtime", "build" or "towline"
	Namespace string
	Pod       string
	UID       string // of the pod
	Container string
	Stream    string // "stdout" or "stderr", "" where nobody tells
	Level     string // "", "warn" or "error"
	Text      string
}

// Place is what writes a log: a container of a pod, or of Compose, which has the
// pod's name.
type Place struct{ Namespace, Pod, UID, Container string }

// Log takes lines. Log is called from any goroutine and must not block.
type Log struct {
	Emit    func(Line)
	Secrets func() *config.Secrets // the values that no line may show; nil: there are none
}

// Say writes a line of Towline's own.
func (l Log) Say(resource, level, text string) {
	l.Emit(Line{Resource: resource, Source: "towline", Level: level, Text: text})
}

// Writer makes lines like one of what is written to it.
func (l Log) Writer(like Line) *Writer {
	return l.Lines(func(text string) {
		line := like
		line.Text = text
		l.Emit(line)
	})
}

// Lines hands on each line of what is written to it, without the values of
// Secrets.
func (l Log) Lines(emit func(string)) *Writer {
	secrets := l.Secrets
	if secrets == nil {
		secrets = func() *config.Secrets { return nil }
	}
	return &Writer{emit: emit, secrets: secrets}
}

// Writer is an io.Writer that hands on whole lines. A line is scrubbed before
// it is cut, so that no value of a Secret is shown in two halves. Its methods
// may be called concurrently.
type Writer struct {
	secrets func() *config.Secrets
	emit    func(string)

	mu   sync.Mutex
	rest []byte
}

// Write never fails.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			break
		}
		w.whole(string(w.rest[:i]))
		w.rest = w.rest[i+1:]
	}
	if secrets := w.secrets(); len(w.rest) > maxLine+secrets.Longest() {
		// What a value may still begin in stays until its end is known.
		text := secrets.Scrub(string(w.rest))
		for len(text) > maxLine+secrets.Longest() {
			w.emit(text[:maxLine])
			text = text[maxLine:]
		}
		w.rest = []byte(text)
	}
	return len(p), nil
}

// whole hands on a line whose end is known.
func (w *Writer) whole(line string) {
	text := strings.TrimRight(w.secrets().Scrub(line), "\r")
	for len(text) > maxLine {
		w.emit(text[:maxLine])
		text = text[maxLine:]
	}
	w.emit(text)
}

// Flush hands on a last line that has no end.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.whole(string(w.rest))
		w.rest = nil
	}
}

// maxWords bounds how much of a program's last words a sentence takes, in letters.
const maxWords = 200

// WithWords is a sentence about a program with its last words, of one line and
// not too long.
func WithWords(text, words string) string {
	words, _, _ = strings.Cut(strings.TrimSpace(words), "\n")
	if words == "" {
		return text
	}
	if runes := []rune(words); len(runes) > maxWords {
		words = string(runes[:maxWords]) + "…"
	}
	return text + ": " + words
}
