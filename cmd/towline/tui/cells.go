package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// The attributes of text. That NO_COLOR leaves them is right: none is a colour.
const (
	bold    = "\x1b[1m"
	faint   = "\x1b[2m"
	reverse = "\x1b[7m"
	plain   = "\x1b[0m"
)

func dim(text string) string { return faint + text + plain }

// width is how many columns of a terminal a text takes.
func width(text string) int { return ansi.StringWidth(text) }

// cut shortens a text to some columns.
func cut(text string, columns int) string { return ansi.Truncate(text, max(columns, 0), "…") }

// pad fills a text up to some columns.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(columns-width(text), 0))
}

// ends is a line with a text on either side; that on the right goes where both
// have no room.
func ends(left, right string, columns int) string {
	if room := columns - width(right) - 1; right != "" && room >= min(width(left), columns*2/3) {
		return pad(cut(left, room), room+1) + right
	}
	return cut(left, columns)
}

// fold makes lines of a text, none wider than the columns.
func fold(text string, columns int) []string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = cut(lines[i], columns)
	}
	return lines
}

// broken breaks a line between words, unless that takes more rows than to break it
// wherever a terminal would.
func broken(text string, columns int) []string {
	if width(text) <= columns {
		return []string{text}
	}
	words, anywhere := ansi.Wrap(text, columns, ""), ansi.Hardwrap(text, columns, true)
	if strings.Count(words, "\n") > strings.Count(anywhere, "\n") {
		words = anywhere
	}
	return strings.Split(words, "\n")
}

// clean is a text without what would move the cursor or ring the bell: of what a
// program wrote, colours are all that reaches the terminal.
func clean(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' || r == utf8.RuneError }) < 0 {
		return text
	}
	var out strings.Builder
	coloured := false
	for state, rest := byte(0), text; rest != ""; {
		seq, _, n, next := ansi.DecodeSequence(rest, state, nil)
		state, rest = next, rest[n:]
		switch {
		case seq == "\t":
			out.WriteString("    ")
		case seq == "\n":
			out.WriteByte('\n')
		case strings.HasPrefix(seq, "\x1b[") && strings.HasSuffix(seq, "m") && !strings.ContainsAny(seq, "?>"):
			out.WriteString(seq)
			coloured = true
		default:
			if r, _ := utf8.DecodeRuneInString(seq); !unicode.IsControl(r) && r != utf8.RuneError {
				out.WriteString(seq)
			}
		}
	}
	if coloured {
		out.WriteString(plain)
	}
	return out.String()
}
