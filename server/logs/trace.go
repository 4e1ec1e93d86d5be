package logs

import (
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// The limits of what is kept together.
const (
	maxTrace   = 2000            // lines
	tracePause = 2 * time.Second // between two lines that belong together
	maxSource  = 8               // lines that Node shows before the first frame
	maxOrigins = 4096            // that are followed; then all begin anew
)

// origin is what writes lines one after the other.
type origin struct {
	resource string
	source   api.LogSource
	place    Place
	stream   string
}

func originOf(l *api.LogLine) origin {
	return origin{l.Resource, l.Source, Place{l.Namespace, l.Pod, l.UID, l.Container}, l.Stream}
}

// traces finds out which lines are of one stack trace. It judges a line by
// those before it: nothing is held back.
type traces struct{ of map[origin]*trace }

// trace is the record that an origin's last line is of.
type trace struct {
	head  uint64 // its first line
	lines int
	state traceState
	at    time.Time // of the last line
	last  string    // its text, the beginning
}

// traceState says what may follow.
type traceState int

const (
	traceNone   traceState = iota
	traceGo                // a panic: goroutines, their functions and places
	tracePython            // a traceback: indented lines, then the exception
	traceRaised            // after its exception another one may be told
	traceStack             // of Java or Node: frames, causes, properties
	traceSource            // Node shows the line that threw
)

// head returns the line that a numbered line goes on with, 0 where it is its own.
func (t *traces) head(l *api.LogLine) uint64 {
	if l.Source == api.LogTowline || l.Source == sourceSave {
		return 0
	}
	text := strings.TrimSuffix(Plain(l.Text), "\r")
	o := originOf(l)
	at := t.of[o]
	if at == nil {
		if t.of == nil || len(t.of) >= maxOrigins {
			t.of = map[origin]*trace{}
		}
		at = &trace{}
		t.of[o] = at
	}
	goesOn := at.follow(text, at.head != 0 && at.lines < maxTrace && l.Time.Sub(at.at) <= tracePause)
	at.at, at.last = l.Time, text[:min(len(text), levelRoom)]
	if goesOn {
		at.lines++
		return at.head
	}
	at.head, at.lines = l.Seq, 1
	return 0
}

// follow takes the next text and reports whether it belongs to the record; it
// cannot where it is not near.
func (t *trace) follow(text string, near bool) bool {
	if near && (t.state != traceSource || t.lines < maxSource || isFrame(text)) {
		if next, ok := t.state.next(text); ok {
			t.state = next
			return true
		}
	}
	state, joins := begins(text, func() bool { return near && Rank(levelOf(t.last)) >= Rank("error") })
	t.state = state
	return near && joins
}

// begins says which kind of trace a text begins, and whether it does so as a part
// of the line before.
func begins(text string, afterError func() bool) (state traceState, joins bool) {
	switch {
	case text == "":
		return traceNone, false
	case strings.HasPrefix(text, "panic: "), strings.HasPrefix(text, "fatal error: "):
		return traceGo, false
	case isGoroutine(text):
		return traceGo, true
	case strings.HasPrefix(text, "Traceback (most recent call last)"):
		return tracePython, afterError()
	case isFrame(text), strings.HasPrefix(text, "Caused by: "):
		return traceStack, true
	case isException(text):
		return traceStack, afterError()
	case isNodeSource(text):
		return traceSource, false
	}
	return traceNone, false
}

// next says whether a text goes on with a trace, and what may follow then.
func (s traceState) next(text string) (traceState, bool) {
	switch s {
	case traceGo:
		return traceGo, goesOnGo(text)
	case tracePython:
		if isIndented(text) {
			return tracePython, true
		}
		name, _, _ := strings.Cut(text, ":")
		return traceRaised, text != "" && !strings.ContainsAny(name, " \t=")
	case traceRaised:
		if strings.HasPrefix(text, "Traceback (most recent call last)") {
			return tracePython, true
		}
		return traceRaised, text == "" || strings.HasPrefix(text, "During handling of the above exception") ||
			strings.HasPrefix(text, "The above exception was the direct cause")
	case traceStack:
		return traceStack, isIndented(text) || text == "}" || strings.HasPrefix(text, "Caused by: ") || strings.HasPrefix(text, "Node.js v")
	case traceSource:
		if isFrame(text) {
			return traceStack, true
		}
		return traceSource, true // up to the first frame
	}
	return traceNone, false
}

func goesOnGo(text string) bool {
	if text == "" || text[0] == '\t' || isGoroutine(text) {
		return true
	}
	for _, prefix := range [...]string{"created by ", "[signal ", "exit status ", "...additional frames elided", "runtime stack:", "goroutine "} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	name, args, called := strings.Cut(text, "(")
	return called && name != "" && !strings.ContainsAny(name, " \t:=") && strings.HasSuffix(args, ")")
}

// isGoroutine reports whether a line is the head of a goroutine: goroutine 7 [running]:
func isGoroutine(text string) bool {
	rest, ok := strings.CutPrefix(text, "goroutine ")
	return ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' && strings.HasSuffix(rest, "]:")
}

func isIndented(text string) bool { return text != "" && (text[0] == ' ' || text[0] == '\t') }

// isFrame reports whether a line is a frame of Java or Node, or counts those
// that are left out.
func isFrame(text string) bool {
	trimmed := strings.TrimLeft(text, " \t")
	if len(trimmed) == len(text) {
		return false
	}
	return strings.HasPrefix(trimmed, "at ") || strings.HasPrefix(trimmed, "... ") && strings.HasSuffix(trimmed, " more") ||
		strings.HasPrefix(trimmed, "Suppressed: ")
}

// isNodeSource reports whether a line is the place that Node begins with where
// nothing caught an error: /app/server.js:12
func isNodeSource(text string) bool {
	if !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "file:///") && !strings.HasPrefix(text, "node:") || strings.ContainsAny(text, " \t") {
		return false
	}
	at := strings.LastIndexByte(text, ':')
	name, line := text[:at+1], text[at+1:]
	if at < 0 || line == "" || strings.Trim(line, "0123456789") != "" {
		return false
	}
	for _, suffix := range [...]string{"js:", "ts:", "x:"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return strings.HasPrefix(text, "node:")
}
