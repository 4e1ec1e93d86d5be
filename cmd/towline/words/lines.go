package words

import (
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"strings"

	"github.com/towline-dev/towline/server/api"
)

// Folded is a line for a person: of a structured one its message, and behind it
// the fields. What has lines of its own, as a stack trace, comes below.
func Folded(l api.LogLine) string {
	structured := l.Message != "" || len(l.Fields) > 0
	if !structured && l.Source != api.LogTowline {
		return l.Text
	}
	var out, below strings.Builder
	if l.Level != "" && l.Level != "info" {
		out.WriteString(strings.ToUpper(l.Level) + ": ")
	}
	if !structured {
		return out.String() + l.Text
	}
	first, rest, _ := strings.Cut(l.Message, "\n")
	out.WriteString(first)
	if rest != "" {
		indent(&below, rest)
	}
	for _, f := range l.Fields {
		if strings.Contains(f.Value, "\n") {
			fmt.Fprintf(&below, "\n    %s:", f.Key)
			indent(&below, f.Value)
			continue
		}
		fmt.Fprintf(&out, " %s=%s", f.Key, quoted(f.Value))
	}
	return strings.TrimLeft(out.String(), " ") + below.String()
}

func indent(out *strings.Builder, text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		out.WriteString("\n    " + line)
	}
}

// quoted is a value as logfmt has it.
func quoted(value string) string {
	if value == "" || strings.ContainsAny(value, " \"=\t") && value[0] != '{' && value[0] != '[' {
		return strconv.Quote(value)
	}
	return value
}

// Records know the level of the record that a line is of: a line that goes on with
// a stack trace has that of the line it began with. They are for lines in order.
type Records struct {
	levels map[uint64]string // by the Seq of a record's first line
	heads  []uint64
}

// someRecords is how many of the last records are known: those of several
// resources come mixed.
const someRecords = 64

// LevelOf is the level of a line.
func (k *Records) LevelOf(l *api.LogLine) string {
	if level, known := k.levels[l.Head]; known && l.Head != 0 {
		return level
	}
	if l.Seq != 0 && l.Level != "" { // what goes on with another line has none itself
		if k.levels == nil {
			k.levels = map[uint64]string{}
		}
		if k.heads = append(k.heads, l.Seq); len(k.heads) > someRecords {
			delete(k.levels, k.heads[0])
			k.heads = k.heads[1:]
		}
		k.levels[l.Seq] = l.Level
	}
	return l.Level
}

// NameColour is a resource's colour, the same each time. Red and yellow are for
// levels.
func NameColour(name string) string {
	colours := [...]string{"\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[32m", "\x1b[96m", "\x1b[95m", "\x1b[94m", "\x1b[92m"}
	h := fnv.New32a()
	_, _ = io.WriteString(h, name)
	return colours[h.Sum32()%uint32(len(colours))]
}

// LevelColour is the colour of lines of a level, "" for most.
func LevelColour(level string) string {
	switch level {
	case "error", "fatal":
		return "\x1b[31m"
	case "warn":
		return "\x1b[33m"
	}
	return ""
}
