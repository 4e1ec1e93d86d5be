package lsp

import (
	"regexp"
	"strconv"
	"strings"
)

// namedPlace is where a line of output points. Of those of one stack, which are
// the calls of one failure, innermost first, the first that is in the workspace
// is meant.
type namedPlace struct {
	file      string // as the line names it
	line, col int
	message   string
	stack     int // 0: it stands alone
}

const (
	outputPlaces = 50    // that are taken from one output
	outputLine   = 2_000 // bytes of a line that are looked at
)

// The forms in which tools name a place. What names a file ends in an extension
// and has no blanks, so that a time of day or a URL is none.
const (
	fileForm   = `((?:[A-Za-z]:)?[^:()\[\]\s"'<>]*[^:()\[\]\s"'<>/]\.\w+)`
	lineColumn = `:(\d{1,7})(?::(\d{1,5}))?`
)

var (
	// file:line:column: message, as Go, C, pytest, javac, Ruby and many more; what
	// some put before it is left out.
	colons = regexp.MustCompile(`^(?:vet: |ERROR in |\[ERROR\] |[ew]: )?(?:file://)?` + fileForm + lineColumn + `:?(?:in \S+:)?\s+(\S.*)$`)
	// file(line,column): message, as TypeScript and .NET.
	brackets = regexp.MustCompile(`^` + fileForm + `\((\d{1,7})(?:,(\d{1,5}))?\):?\s+(\S.*)$`)
	// [ERROR] file:[line,column] message, as Maven.
	maven = regexp.MustCompile(`^\[ERROR\] ` + fileForm + `:\[(\d{1,7}),(\d{1,5})\]\s+(\S.*)$`)
	// message in file on line n, as PHP. The groups stand in another order.
	onLine = regexp.MustCompile(`^(\S.*) in ` + fileForm + ` on line (\d{1,7})$`)
	// The place alone: its message is the line above, as Rust and esbuild have it,
	// or the one below, where "in" leads to it.
	alone    = regexp.MustCompile(`^(?:--> )?` + fileForm + lineColumn + `:?$`)
	leadsOn  = regexp.MustCompile(`^(?:ERROR in |.* panicked at )` + fileForm + lineColumn + `:?$`)
	heading  = regexp.MustCompile(`^` + fileForm + `$`)
	below    = regexp.MustCompile(`^(\d{1,7}):(\d{1,5})\s+(?:error|warning)\s+(\S.*)$`) // ESLint, below the file's name
	python   = regexp.MustCompile(`^File "([^"]+\.\w+)", line (\d{1,7})(?:, in .*)?$`)
	raised   = regexp.MustCompile(`^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Failure)(?:: .*)?$`)
	frame    = regexp.MustCompile(`^at (?:.* \()?(?:file://)?` + fileForm + lineColumn + `\)?$`)
	colour   = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	buildkit = regexp.MustCompile(`^#\d+ (?:\d+\.\d+ )?`)
)

// reading is what is known of an output up to a line.
type reading struct {
	places []namedPlace
	above  string       // the last line that says something
	file   string       // the heading that it stands under
	calls  []namedPlace // of a Python traceback, outermost first
	awaits *namedPlace  // its message is the line that comes
	stacks int
	said   string // what the last stack of calls is about
	inside bool   // that stack goes on
}

// placesIn returns the places that lines of output name, each once.
func placesIn(lines []string) []namedPlace {
	var r reading
	for _, line := range lines {
		if len(line) > outputLine {
			line = line[:outputLine]
		}
		text := strings.TrimSpace(buildkit.ReplaceAllString(colour.ReplaceAllString(line, ""), ""))
		if text == "" {
			r.file = ""
			continue
		}
		r.line(text)
		r.above = text
	}
	if r.awaits != nil {
		r.add(*r.awaits)
	}
	return r.places
}

// line takes one line.
func (r *reading) line(text string) {
	if p := r.awaits; p != nil {
		p.message, r.awaits = text, nil
		r.add(*p)
		return
	}
	stack := r.inside
	r.inside = false
	switch {
	case r.groups(python, text, func(m []string) { r.calls = append(r.calls, pointed(m[1], m[2], "", "")) }):
	case len(r.calls) > 0 && raised.MatchString(text):
		r.raise(text)
	case r.groups(frame, text, func(m []string) { r.frame(pointed(m[1], m[2], m[3], ""), stack) }):
	case r.groups(leadsOn, text, func(m []string) {
		p := pointed(m[1], m[2], m[3], text)
		r.awaits = &p
	}):
	case r.groups(maven, text, func(m []string) { r.add(pointed(m[1], m[2], m[3], m[4])) }):
	case r.groups(colons, text, func(m []string) { r.add(pointed(m[1], m[2], m[3], m[4])) }):
	case r.groups(brackets, text, func(m []string) { r.add(pointed(m[1], m[2], m[3], m[4])) }):
	case r.groups(onLine, text, func(m []string) { r.add(pointed(m[2], m[3], "", m[1])) }):
	case r.above != "" && r.groups(alone, text, func(m []string) { r.add(pointed(m[1], m[2], m[3], r.above)) }):
	case r.file != "" && r.groups(below, text, func(m []string) { r.add(pointed(r.file, m[1], m[2], m[3])) }):
	case heading.MatchString(text):
		r.file = text
	}
}

// groups hands on what a form finds in a line, and reports whether it does.
func (*reading) groups(form *regexp.Regexp, text string, take func([]string)) bool {
	m := form.FindStringSubmatch(text)
	if m != nil {
		take(m)
	}
	return m != nil
}

// raise ends a traceback, whose innermost call came last.
func (r *reading) raise(message string) {
	r.stacks++
	for i := len(r.calls) - 1; i >= 0; i-- {
		p := r.calls[i]
		p.message, p.stack = message, r.stacks
		r.add(p)
	}
	r.calls = nil
}

// frame takes a call of a stack whose innermost came first; goesOn says that
// another of it stood above.
func (r *reading) frame(p namedPlace, goesOn bool) {
	if !goesOn {
		r.stacks++
		r.said = r.above
	}
	p.message, p.stack, r.inside = r.said, r.stacks, true
	r.add(p)
}

// add takes a place, unless it is known or there are too many.
func (r *reading) add(p namedPlace) {
	for _, known := range r.places {
		if known.file == p.file && known.line == p.line && known.col == p.col && known.message == p.message {
			return
		}
	}
	if p.line > 0 && p.message != "" && len(r.places) < outputPlaces {
		r.places = append(r.places, p)
	}
}

func pointed(file, line, col, message string) namedPlace {
	p := namedPlace{file: file, message: message}
	p.line, _ = strconv.Atoi(line)
	p.col, _ = strconv.Atoi(col) // 0 where there is none
	return p
}
