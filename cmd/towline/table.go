package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
)

// column is one of the table of resources.
type column struct {
	title string
	cells []string
	width int
}

// How much of a state a terminal shows: less, down to the least, where another
// column would have to go.
const (
	widestState = 48
	leastState  = 24
)

// printTable writes the resources as a table. On a terminal what does not fit
// goes, the least important column first; names and states stay, and are cut at
// last. It reports whether the endpoints are among what is shown, and the
// sentences about resources that had no room beside their state.
func printTable(w io.Writer, resources []api.ResourceStatus, terminal int) (endpoints bool, below []string) {
	columns := columnsFor(resources)
	columns[1].width = min(columns[1].width, max(widestState, len(columns[1].title)))
	if terminal > 0 {
		columns = fit(columns, terminal)
	}
	for i := range resources {
		if r := &resources[i]; len([]rune(columns[1].cells[i])) > columns[1].width {
			columns[1].cells[i] = string(r.State)
			below = append(below, fmt.Sprintf("%s: %s: %s", r.State, r.Name, cmp.Or(words.Line(r.Message), words.CrashedLately(r, time.Now()))))
		}
	}
	fmt.Fprintln(w, row(columns, "  ", func(c column) string { return c.title }))
	for i, r := range resources {
		text := row(columns, words.Mark(r.State)+" ", func(c column) string { return c.cells[i] })
		if terminal > 0 {
			text = words.Painted(text, words.Colour(r.State))
		}
		fmt.Fprintln(w, text)
	}
	return slices.ContainsFunc(columns, func(c column) bool { return c.title == "ENDPOINT" }), below
}

func columnsFor(resources []api.ResourceStatus) []column {
	columns := []column{{title: "RESOURCE"}, {title: "STATE"}, {title: "SYNC"}, {title: "POD"}, {title: "PID"}, {title: "ENDPOINT"}, {title: "LAST UPDATE"}}
	for _, r := range resources {
		pod, sync, pid, endpoint := "-", "-", "-", "-"
		if t := foremost(r.Targets); t != nil {
			if pod = t.Pod; t.Pid != 0 {
				pid = fmt.Sprint(t.Pid)
			}
		}
		if r.Proof != api.ProofNone {
			sync = string(r.Proof)
		}
		if answers(&r) && len(r.Forwards) > 0 {
			endpoint = r.Forwards[0].URL
			if r.Forwards[0].Problem != "" {
				endpoint = "port in use"
			}
		}
		for i, cell := range []string{r.Name, words.State(&r, time.Now()), sync, pod, pid, endpoint, words.LastUpdate(r)} {
			columns[i].cells = append(columns[i].cells, cell)
		}
	}
	for i := range columns {
		c := &columns[i]
		c.width = len(c.title)
		for _, cell := range c.cells {
			c.width = max(c.width, len([]rune(cell)))
		}
	}
	return columns
}

// fit leaves out and cuts until a row fits in a terminal.
func fit(columns []column, terminal int) []column {
	states := min(columns[1].width, widestState)
	columns[1].width = min(states, leastState)
	for _, title := range []string{"PID", "POD", "LAST UPDATE", "ENDPOINT", "SYNC"} {
		if rowWidth(columns) > terminal {
			columns = slices.DeleteFunc(columns, func(c column) bool { return c.title == title })
		}
	}
	columns[1].width = states
	columns[1].shrink(rowWidth(columns) - terminal) // a state longer than its word first, then names
	columns[0].shrink(rowWidth(columns) - terminal)
	for i, name := range columns[0].cells {
		columns[0].cells[i] = words.Cut(name, columns[0].width)
	}
	return columns
}

// shrink takes columns of a terminal away, as far as the word of a state fits.
func (c *column) shrink(by int) {
	c.width = min(c.width, max(c.width-max(by, 0), len("deploying")))
}

// rowWidth is how many columns of a terminal a row takes, with its mark.
func rowWidth(columns []column) int {
	width := 0
	for _, c := range columns {
		width += 2 + c.width
	}
	return width
}

func row(columns []column, text string, cell func(column) string) string {
	for i, c := range columns {
		if i > 0 {
			text += "  "
		}
		text += fmt.Sprintf("%-*s", c.width, cell(c))
	}
	return strings.TrimRight(text, " ")
}

// foremost is the container that stands for all in a line: of those that are ready
// the newest, else of those that run, else of all.
func foremost(targets []api.Target) (best *api.Target) {
	rank := func(t *api.Target) int {
		switch {
		case t.Ready && t.Pid != 0:
			return 2
		case t.Pid != 0:
			return 1
		}
		return 0
	}
	for i := range targets {
		if t := &targets[i]; best == nil || rank(t) >= rank(best) {
			best = t
		}
	}
	return best
}
