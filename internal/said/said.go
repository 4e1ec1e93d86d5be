// Package said knows which of the lines that a program wrote says best why it
// ended: the last one, of a stack trace what went wrong and not its last frame, and of
// a compiler's errors the first, of which the others come.
//
// It is pure, and one place for all that sums a program up: logs of containers,
// local commands, builds.
package said

import (
	"regexp"
	"strings"
)

// most bounds a line, in runes.
const most = 200

// Words are what a program said last. The zero value has said nothing.
type Words struct {
	Text   string
	raised bool // it is what went wrong in a stack trace
	placed bool // it is a compiler's first error
}

// raises recognises the line of a stack trace that says what went wrong, panics
// that of a Go program, after which all is its trace.
var (
	raises = regexp.MustCompile(`^(panic: |fatal error: |Caused by: |(Uncaught )?[\w.$]*(Error|Exception)\b)`)
	panics = regexp.MustCompile(`^(panic|fatal error): `)
	// Compilers name a place with its column, programs that log theirs do not.
	places  = regexp.MustCompile(`^[^\s:(]+(:\d+:\d+:|\(\d+,\d+\):) `)
	remarks = regexp.MustCompile(`[:)] (warning|note|remark)\b`)
	follows = regexp.MustCompile(`^(g?make(\[\d+\])?: |exit status |\d+ errors?\b|Found \d+ errors?|too many errors)`)
)

// Next takes the program's next line, without colours; goesOn says that it is of the
// same record as the line before it.
func (w Words) Next(line string, goesOn bool) Words {
	text := strings.TrimSpace(line)
	switch {
	case text == "" || strings.HasPrefix(text, "Node.js v"): // which Node writes below each trace
		return w
	case w.placed && (follows.MatchString(text) || places.MatchString(text) || strings.TrimLeft(line, " \t") != line):
		return w // the first error is the one that the others come of
	case places.MatchString(text) && !remarks.MatchString(text):
		return Words{Text: shortened(text), placed: true}
	case raises.MatchString(text):
		return Words{Text: shortened(text), raised: true}
	case goesOn && w.Text != "":
		return w
	}
	return Words{Text: shortened(text)}
}

// Hear takes the program's next line where nobody knows of records.
func (w Words) Hear(line string) Words { return w.Next(line, w.raised && w.trace(line)) }

// trace reports whether a line is of the trace that came with the words.
func (w Words) trace(line string) bool {
	if panics.MatchString(w.Text) || strings.TrimLeft(line, " \t") != line {
		return true
	}
	for _, begins := range []string{"}", "]", "Require stack:", "- "} {
		if strings.HasPrefix(line, begins) {
			return true
		}
	}
	return false
}

// Last are the words of all that a program wrote.
func Last(output string) string {
	var w Words
	for line := range strings.Lines(output) {
		w = w.Hear(strings.TrimRight(line, "\r\n"))
	}
	return w.Text
}

func shortened(text string) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
