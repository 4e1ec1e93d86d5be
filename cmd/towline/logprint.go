package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/logs"
)

// logPrinter writes lines of logs.
type logPrinter struct {
	w      io.Writer
	named  bool   // lines of several: each begins with its resource
	time   string // layout of the time that lines begin with; "": none
	colour bool
	raw    bool // as it was written
	json   bool // an object a line

	records words.Records
}

// The layouts of a line's time: for a person who watches, and for later.
const (
	clockTime = "15:04:05"
	fullTime  = "2006-01-02T15:04:05.000Z07:00"
)

// newLogPrinter returns one that suits a file: plain unless it is a terminal.
func newLogPrinter(w *os.File, named bool) *logPrinter {
	p := &logPrinter{w: w, named: named}
	if term.IsTerminal(int(w.Fd())) {
		p.colour = os.Getenv("NO_COLOR") == ""
		if named {
			p.time = clockTime
		}
	}
	return p
}

func (p *logPrinter) print(l api.LogLine) {
	var text string
	if p.raw {
		text = logs.Original(l)
	} else if text = words.Folded(l); !p.colour {
		text = logs.Plain(text)
	}
	switch {
	case p.json:
		p.printJSON(l)
		return
	case p.named && strings.TrimSpace(text) == "":
		return // between the lines of several, an empty one tells nothing
	}
	var prefix string
	if p.time != "" {
		prefix = p.paint(l.Time.Local().Format(p.time), "\x1b[2m") + " "
	}
	if p.named {
		name := l.Resource
		if name == "" {
			name = "towline"
		}
		prefix += p.paint(fmt.Sprintf("%-12s │", name), words.NameColour(name)) + " "
	}
	if p.colour && strings.ContainsRune(text, 0x1b) {
		text += "\x1b[0m" // its own colours stay, and end with it
	} else if !p.raw {
		text = p.paint(text, words.LevelColour(p.records.LevelOf(&l)))
	}
	fmt.Fprintln(p.w, prefix+text)
}

// printJSON writes a line as an object. Its text has no colours, unless the
// original is wanted.
func (p *logPrinter) printJSON(l api.LogLine) {
	if !p.raw {
		l.Raw, l.Text, l.Message = nil, logs.Plain(l.Text), logs.Plain(l.Message)
	}
	enc := json.NewEncoder(p.w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(l) // a line has a form in JSON; who reads no longer is seen elsewhere
}

func (p *logPrinter) paint(text, colour string) string {
	if !p.colour {
		return text
	}
	return words.Painted(text, colour)
}
