package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/words"
)

const (
	widestProse = 100 // columns that prose takes, however wide the terminal
)

// say writes sentences for a person, with a newline behind them. On a terminal
// their lines are broken between words; elsewhere they are left as they are.
func say(w io.Writer, text string) error {
	_, err := fmt.Fprintln(w, words.Wrap(text, columnsIn(w)))
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
		text = words.Wrap(fill(text), min(columns, widestProse))
	}
	return text + "\n\n" + words.Wrap(strings.TrimRight(cmd.UsageString(), "\n"), columns)
}
