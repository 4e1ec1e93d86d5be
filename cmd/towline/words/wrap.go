package words

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/towline-dev/towline/server/logs"
)

// leastText is how many columns are left for a text behind its label.
const leastText = 20

// labels begin a line, and its text stands behind them.
const labels = " error: hint: warning: question: waiting: "

// Cut shortens a text to a number of columns.
func Cut(text string, columns int) string {
	if runes := []rune(text); len(runes) > columns {
		return string(runes[:max(columns-1, 0)]) + "…"
	}
	return text
}

// Wrap breaks the lines of a text between words, where they are longer than the
// columns of a terminal; 0 is none, and nothing is broken. What continues a line
// stands below its text: behind its label, its mark or its first column. A word
// that is too long for that moves to the left, and is never cut.
func Wrap(text string, columns int) string {
	if columns == 0 {
		return text
	}
	var out []string
	for l := range strings.SplitSeq(text, "\n") {
		out = append(out, wrapLine(l, columns)...)
	}
	return strings.Join(out, "\n")
}

func wrapLine(text string, columns int) []string {
	if Width(text) <= columns {
		return []string{text}
	}
	margin := hanging(text, columns)
	words := strings.Split(text, " ") // spaces stay: they align what is in columns
	var lines []string
	l := words[0]
	for _, word := range words[1:] {
		if longer := l + " " + word; Width(longer) <= columns || strings.TrimSpace(l) == "" {
			l = longer
			continue
		}
		if word == "" {
			continue
		}
		lines = append(lines, strings.TrimRight(l, " "))
		l = strings.Repeat(" ", max(0, min(margin, columns-Width(word)))) + word
	}
	return append(lines, l)
}

// hanging is the column at which what continues a line begins.
func hanging(text string, columns int) int {
	text = logs.Plain(text)
	body := strings.TrimLeft(text, " ")
	indent := Width(text) - Width(body)
	first, _, _ := strings.Cut(body, " ")
	hang := indent
	r, size := utf8.DecodeRuneInString(first)
	if gap := strings.Index(body, "  "); gap >= 0 { // a column, and what is said of it
		hang += Width(body) - Width(strings.TrimLeft(body[gap:], " "))
	} else if strings.Contains(labels, " "+first+" ") || size == len(first) && !unicode.IsLetter(r) {
		hang += Width(first) + 1
	}
	if columns-hang < min(leastText, columns/2) {
		return min(indent+4, columns/2)
	}
	return hang
}

// Width is how many columns a text takes: its runes without its colours.
func Width(text string) int { return utf8.RuneCountInString(logs.Plain(text)) }
