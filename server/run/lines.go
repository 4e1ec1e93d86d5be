package run

import (
	"bytes"
	"strings"
	"sync"
)

// maxLine bounds one line of a log, in bytes; a longer one is cut into several.
const maxLine = 32 << 10

// lines is an io.Writer that hands on whole lines.
type lines struct {
	mu   sync.Mutex
	rest []byte
	emit func(string)
}

func newLines(emit func(string)) *lines { return &lines{emit: emit} }

// Write never fails.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		switch {
		case i >= 0 && i <= maxLine:
			l.emit(strings.TrimRight(string(l.rest[:i]), "\r"))
			l.rest = l.rest[i+1:]
		case len(l.rest) > maxLine:
			l.emit(string(l.rest[:maxLine]))
			l.rest = l.rest[maxLine:]
		default:
			return len(p), nil
		}
	}
}

// Flush hands on a last line that has no end.
func (l *lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.emit(strings.TrimRight(string(l.rest), "\r"))
		l.rest = nil
	}
}
