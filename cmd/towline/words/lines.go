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
