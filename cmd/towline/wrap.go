package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/logs"
)

const (
	widestProse = 100 // columns that prose takes, however wide the terminal
	leastText   = 20  // columns that are left for a text behind its label
)

// say writes sentences for a person, with a newline behind them. On a terminal
// their lines are broken between words; elsewhere they are left as they are.
func say(w io.Writer, text string) error {
	_, err := fmt.Fprintln(w, wrap(text, columnsIn(w)))
	return err
}

// columnsIn is the width of the terminal that a writer writes to, 0 where it is
// none.
func columnsIn(w io.Writer) int {
	switch w := w.(type) {
	case *os.File:
		return columnsOf(w)
	case *answer:
		return columnsIn(w.w)
	case *lockedWriter:
		return columnsIn(w.w)
	}
	return 0
}

// wrap breaks the lines of a text between words, where they are longer than the
// columns of a terminal; 0 is none, and nothing is broken. What continues a line
// stands below its text: behind its label, its mark or its first column. A word
// that is too long for that moves to the left, and is never cut.
func wrap(text string, columns int) string {
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
	if width(text) <= columns {
		return []string{text}
	}
	margin := hanging(text, columns)
	words := strings.Split(text, " ") // spaces stay: they align what is in columns
	var lines []string
	l := words[0]
	for _, word := range words[1:] {
		if longer := l + " " + word; width(longer) <= columns || strings.TrimSpace(l) == "" {
			l = longer
			continue
		}
		if word == "" {
			continue
		}
		lines = append(lines, strings.TrimRight(l, " "))
		l = strings.Repeat(" ", max(0, min(margin, columns-width(word)))) + word
	}
	return append(lines, l)
}

// labels begin a line, and its text stands behind them.
const labels = " error: hint: warning: question: waiting: "

// hanging is the column at which what continues a line begins.
func hanging(text string, columns int) int {
	text = logs.Plain(text)
	body := strings.TrimLeft(text, " ")
	indent := width(text) - width(body)
	first, _, _ := strings.Cut(body, " ")
	hang := indent
	r, size := utf8.DecodeRuneInString(first)
	if gap := strings.Index(body, "  "); gap >= 0 { // a column, and what is said of it
		hang += width(body) - width(strings.TrimLeft(body[gap:], " "))
	} else if strings.Contains(labels, " "+first+" ") || size == len(first) && !unicode.IsLetter(r) {
		hang += width(first) + 1
	}
	if columns-hang < min(leastText, columns/2) {
		return min(indent+4, columns/2)
	}
	return hang
}

// width is how many columns a text takes: its runes without its colours.
func width(text string) int { return utf8.RuneCountInString(logs.Plain(text)) }

// fill makes each paragraph of a text one line, to be wrapped anew. What is
// indented stays as it is.
func fill(text string) string {
	var out strings.Builder
	flows := false // the line before goes on with this one
	for i, l := range strings.Split(text, "\n") {
		is := l != "" && l[0] != ' ' && l[0] != '\t'
		switch {
		case i == 0:
		case flows && is:
			out.WriteByte(' ')
		default:
			out.WriteByte('\n')
		}
		out.WriteString(l)
		flows = is
	}
	return out.String()
}

// helpWrapped has a command and all below it show their help in lines that fit
// in the terminal.
func helpWrapped(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		out := cmd.OutOrStdout()
		fmt.Fprintln(out, helpText(cmd, columnsIn(out)))
	})
}

func helpText(cmd *cobra.Command, columns int) string {
	text := strings.TrimSpace(cmp.Or(cmd.Long, cmd.Short))
	if columns > 0 {
		text = wrap(fill(text), min(columns, widestProse))
	}
	return text + "\n\n" + wrap(strings.TrimRight(cmd.UsageString(), "\n"), columns)
}
