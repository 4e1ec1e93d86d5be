package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
)

// kept is how many lines of a log the view holds, to be scrolled through. The
// daemon has them all.
const kept = 5000

// levels are those that the view goes through, the least first.
var levels = [...]string{"", "info", "warn", "error"}

// logPane shows the lines of a query.
type logPane struct {
	number   uint64 // of the query
	resource string // "": all
	text     string // to search for, a regular expression between two /
	level    int    // of levels
	save     bool   // only what came after the last save
	wrap     bool
	fields   bool // those of structured lines are shown

	lines   []api.LogLine // each with the level of its record
	records words.Records
	missed  int   // lines that came too quickly to be shown
	behind  int   // lines that came while an older place was looked at, and are not here
	refuse  error // why the daemon does not answer
	still   bool  // it does not follow what comes
	bottom  int   // while still: lines up to the last one shown
}

// filter is what is asked of the daemon.
func (p *logPane) filter() api.LogFilter {
	f := api.LogFilter{Level: levels[p.level], SinceSave: p.save}
	if p.resource != "" {
		f.Resources = []string{p.resource}
	}
	if n := len(p.text); n > 2 && p.text[0] == '/' && p.text[n-1] == '/' {
		f.Regex = p.text[1 : n-1]
	} else {
		f.Text = p.text
	}
	return f
}

// clear makes the pane that of the next query.
func (p *logPane) clear() {
	p.number++
	p.lines, p.records, p.missed, p.behind, p.refuse, p.still, p.bottom = nil, words.Records{}, 0, 0, nil, false, 0
}

// add takes lines of the query. While somebody reads an older place it stays
// where it is: what there is no room for beside it is fetched again later.
func (p *logPane) add(lines []api.LogLine, missed int) {
	p.refuse = nil
	p.missed += missed
	for i := range lines {
		lines[i].Level = p.records.LevelOf(&lines[i])
	}
	if p.still && len(p.lines)+len(lines) > 2*kept {
		p.behind += len(lines)
		return
	}
	p.lines = append(p.lines, lines...)
	if over := len(p.lines) - kept; over > 0 && !p.still {
		p.lines = append(p.lines[:0], p.lines[over:]...)
	}
}

// scroll moves by some lines, up where by is negative. At the end it follows. It
// reports whether the lines have to be asked for anew.
func (p *logPane) scroll(by int) (stale bool) {
	if !p.still {
		p.bottom = len(p.lines)
	}
	p.bottom = max(min(1, len(p.lines)), min(p.bottom+by, len(p.lines)))
	p.still = p.bottom < len(p.lines)
	return !p.still && p.behind > 0
}

// title says what is shown.
func (p *logPane) title() string {
	parts := []string{"logs of all"}
	if p.resource != "" {
		parts[0] = "logs of " + p.resource
	}
	if l := levels[p.level]; l != "" {
		parts = append(parts, l+" and above")
	}
	if p.text != "" {
		parts = append(parts, p.text)
	}
	if p.save {
		parts = append(parts, "since the last save")
	}
	return strings.Join(parts, " · ")
}

// state says whether it follows, and what it lacks.
func (p *logPane) state() string {
	switch {
	case p.still:
		return fmt.Sprintf("↓ %d new", len(p.lines)-p.bottom+p.behind)
	case p.missed > 0:
		return fmt.Sprintf("%d came too quickly · following", p.missed)
	}
	return "following"
}

// rows are the last lines that have room, the newest at the bottom.
func (p *logPane) rows(columns, room int) []string {
	if p.refuse != nil {
		return fold(words.Wrap(p.refuse.Error(), columns), columns)
	}
	if len(p.lines) == 0 {
		rows := fold(words.Wrap(p.nothing(), columns), columns)
		for i := range rows {
			rows[i] = dim(rows[i])
		}
		return rows
	}
	end := len(p.lines)
	if p.still {
		end = p.bottom
	}
	var blocks [][]string
	for at, have := end-1, 0; at >= 0 && have < room; at-- {
		block := p.row(at, columns)
		blocks, have = append(blocks, block), have+len(block)
	}
	var rows []string
	for i := len(blocks) - 1; i >= 0; i-- {
		rows = append(rows, blocks[i]...)
	}
	return rows[max(len(rows)-room, 0):]
}

// nothing says why there is no line.
func (p *logPane) nothing() string {
	who := p.resource
	if who == "" {
		who = "the project"
	}
	switch {
	case p.text != "" || p.level > 0:
		return "No line of " + who + " is like that: / and v change what is asked for."
	case p.save:
		return who + " has written nothing since the last save."
	}
	return who + " has written nothing yet."
}

// row is a line of the log, on one line of the terminal or, wrapped, on several.
func (p *logPane) row(at, columns int) []string {
	l := &p.lines[at]
	head := dim(l.Time.Local().Format("15:04:05")) + " "
	if columns < 60 {
		head = ""
	}
	if p.resource == "" {
		name := l.Resource
		if name == "" {
			name = "towline"
		}
		head += words.Painted(pad(cut(name, nameWidth), nameWidth)+" │", words.NameColour(name)) + " "
	}
	room := max(columns-width(head), 10)
	texts := strings.Split(clean(p.text1(l)), "\n")
	if p.resource == "" && len(texts) == 1 && strings.TrimSpace(ansi.Strip(texts[0])) == "" {
		return nil // between the lines of several, an empty one tells nothing
	}
	if p.wrap {
		var all []string
		for _, text := range texts {
			all = append(all, broken(text, room)...)
		}
		texts = all
	} else {
		texts = texts[:1]
	}
	colour := words.LevelColour(l.Level)
	out := make([]string, 0, len(texts))
	for i, text := range texts {
		if i == 1 {
			head = strings.Repeat(" ", width(head))
		}
		if !strings.Contains(text, "\x1b") {
			text = words.Painted(text, colour)
		}
		out = append(out, cut(head+cut(text, room), columns))
	}
	return out
}

// nameWidth is how many columns the name of a line's resource has.
const nameWidth = 12

// text1 is what a line says, its fields behind it or folded.
func (p *logPane) text1(l *api.LogLine) string {
	if p.fields || len(l.Fields) == 0 {
		return words.Folded(*l)
	}
	bare := *l
	bare.Fields = nil
	if bare.Message == "" {
		return words.Folded(*l)
	}
	text, below, _ := strings.Cut(words.Folded(bare), "\n")
	text += " " + dim(fmt.Sprintf("{%d}", len(l.Fields)))
	if below != "" {
		text += "\n" + below
	}
	return text
}
