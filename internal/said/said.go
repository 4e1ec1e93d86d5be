// Package said knows which of the lines that a program wrote says best why it
// ended: the last one, and of a stack trace what went wrong, not its last frame.
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
}

// raises recognises the line of a stack trace that says what went wrong, panics
// that of a Go program, after which all is its trace.
var (
	raises = regexp.MustCompile(`^(panic: |fatal error: |Caused by: |(Uncaught )?[\w.$]*(Error|Exception)\b)`)
	panics = regexp.MustCompile(`^(panic|fatal error): `)
)

// Next takes the program's next line, without colours; goesOn says that it is of the
// same record as the line before it.
func (w Words) Next(line string, goesOn bool) Words {
	text := strings.TrimSpace(line)
	switch {
	case text == "" || strings.HasPrefix(text, "Node.js v"): // which Node writes below each trace
		return w
	case raises.MatchString(text):
		return Words{shortened(text), true}
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
