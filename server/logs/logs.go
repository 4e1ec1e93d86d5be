// Package logs keeps what was logged, recognises what is structured in it, and
// selects.
//
// A line goes one way: Store.Add numbers it, finds out whether it goes on with
// a stack trace, and keeps it, as it was written and without the values of
// Secrets, in memory and, a moment later, on disk. Structure is never kept: it is
// recognised whenever a line is read, by Recognise, so that the original is all
// that there is to lose. Filter says which lines are wanted and Selector adds what
// belongs to them; the terminal, editors and the topic of the stream use the same.
//
// A folder has files of several runs of the project. A file is written by one
// daemon alone: the next one begins another. It consists of frames, each with its
// length and sum, so that a file that was torn or damaged gives all frames that
// are whole.
package logs

import (
	"strings"
	"unicode/utf8"

	"github.com/towline-dev/towline/server/api"
)

// sourceSave is the source of lines that mark a save. They are never shown.
const sourceSave api.LogSource = "save"

// Original returns the bytes of a line as they were written.
func Original(l api.LogLine) string {
	if l.Raw != nil {
		return string(l.Raw)
	}
	return l.Text
}

// presented is a kept line as faces get it.
func presented(l api.LogLine) api.LogLine {
	Recognise(&l)
	if !utf8.ValidString(l.Text) {
		l.Raw = []byte(l.Text)
		l.Text = strings.ToValidUTF8(l.Text, "\uFFFD")
	}
	return l
}

// Plain returns a text without the sequences that colour a terminal.
func Plain(text string) string {
	at := strings.IndexByte(text, 0x1b)
	if at < 0 {
		return text
	}
	var out strings.Builder
	for at >= 0 {
		out.WriteString(text[:at])
		text = text[at+escapeLen(text[at:]):]
		at = strings.IndexByte(text, 0x1b)
	}
	out.WriteString(text)
	return out.String()
}

// escapeLen is the length of the sequence that a text begins with. One that
// does not end takes its first byte alone.
func escapeLen(text string) int {
	if len(text) < 2 {
		return 1
	}
	switch text[1] {
	case '[': // parameters, then a letter
		for i := 2; i < len(text); i++ {
			switch b := text[i]; {
			case b >= 0x40 && b <= 0x7e:
				return i + 1
			case b < 0x20 || b > 0x7e:
				return 1
			}
		}
		return 1
	case ']': // up to a bell or ESC \
		for i := 2; i < len(text); i++ {
			if text[i] == 0x07 {
				return i + 1
			}
			if text[i] == 0x1b && i+1 < len(text) && text[i+1] == '\\' {
				return i + 2
			}
		}
		return 1
	}
	if text[1] >= 0x30 && text[1] <= 0x7e {
		return 2
	}
	return 1
}
