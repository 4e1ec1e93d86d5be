package bridge

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/rewrite"
)

// build is what a Go program says of how it was built.
type build struct {
	known   bool
	modules []rewrite.Built   // the main one first; none when the list is not whole
	flags   map[string]string // none when it was not built by the go command
}

// piece is how much of a string is asked for at once, in bytes; delve loads at
// most 4096.
const piece = 4000

// maxInfo bounds what is read of the build information, in bytes.
const maxInfo = 1 << 20

// evaluateString asks for the whole of a string that may be too long for one
// answer.
func (s *session) evaluateString(l *link, expression string, done func(value, why string)) {
	s.evaluate(l, "len("+expression+")", func(value, why string) {
		n, err := strconv.Atoi(value)
		if err != nil || n <= 0 || n > maxInfo {
			done("", why)
			return
		}
		parts := make([]string, (n+piece-1)/piece)
		left := len(parts)
		for i := range parts {
			from, to := i*piece, min((i+1)*piece, n)
			s.evaluate(l, fmt.Sprintf("%s[%d:%d]", expression, from, to), func(value, _ string) {
				parts[i], _ = strconv.Unquote(value)
				if left--; left == 0 {
					done(strings.Join(parts, ""), "")
				}
			})
		}
	})
}

// parseBuild reads the lines that Go's linker left in a program.
func parseBuild(info string) build {
	b := build{flags: map[string]string{}}
	for _, line := range lines(info) {
		// The first line follows a mark of 16 bytes.
		if i := strings.Index(line, "path\t"); i >= 0 && !b.known {
			b.known = true
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "mod":
			b.modules = append(b.modules, rewrite.Built{Path: fields[1]})
		case "dep":
			b.modules = append(b.modules, rewrite.Built{Path: fields[1], Version: version(fields)})
		case "=>":
			if last := len(b.modules) - 1; last >= 0 {
				b.modules[last].Replaced = fields[1]
				if v := version(fields); v != "" {
					b.modules[last].Replaced += "@" + v
				}
			}
		case "build":
			name, value, _ := strings.Cut(fields[1], "=")
			if unquoted, err := strconv.Unquote(value); err == nil {
				value = unquoted
			}
			b.flags[name] = value
		}
	}
	return b
}

// version returns that of a module's line, "" when it has none: a folder is not
// at a version.
func version(fields []string) string {
	if len(fields) < 3 || fields[2] == "(devel)" {
		return ""
	}
	return fields[2]
}

func lines(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '\n' })
}

// giveNotes tells, once in a session, how the program could be built to be
// debugged better.
func (s *session) giveNotes(l *link, b build) {
	if !b.known || s.noted {
		return
	}
	s.noted = true
	if text := b.advice(time.Since(s.beganOpen)); text != "" {
		s.say(l.at.Resource + text)
	}
}

// advice says how a program that took so long to attach to could be built
// better; "" when nothing is certain.
func (b build) advice(took time.Duration) string {
	if b.flags["-compiler"] == "" {
		return "" // by another tool, which leaves no flags
	}
	if !strings.Contains(b.flags["-gcflags"], "-N") {
		return " was built with optimizations: some variables and lines will be missing; to see all, build it with: " + adapter.Flags
	}
	// With -trimpath the go command leaves the flags of the linker out.
	_, told := b.flags["-ldflags"]
	told = told || b.flags["-trimpath"] != "true"
	if took > slowAttach && told && !strings.Contains(b.flags["-ldflags"], "-compressdwarf=false") {
		return fmt.Sprintf(": the debugger took %s to attach; it is faster, and so are updates, without compressed debug information: build with -ldflags=-compressdwarf=false", took.Round(time.Millisecond))
	}
	return ""
}
