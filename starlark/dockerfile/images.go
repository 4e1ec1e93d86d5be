package dockerfile

import "strings"

// Ref is a place that names an image which is none of the file's own stages.
type Ref struct {
	Image string // with the values of variables
	Line  int    // of the instruction, 1-based

	start, end int // of the name in the file
}

// Images returns the places that name images: FROM, the --from of COPY and ADD,
// and the from of a RUN's --mount. Args are the values that a build gives to
// variables which the file declares by ARG. Docker itself gives FROM only the
// variables that are declared above all stages; here one of an earlier stage
// does as well, as with Tilt, since the name will be replaced before Docker
// sees it.
func (f *File) Images(args map[string]string) []Ref {
	r := refs{stages: map[string]bool{}, args: args, global: map[string]string{}, local: map[string]string{}, escape: f.escape}
	for n := range f.Instructions {
		i := &f.Instructions[n]
		switch i.Name {
		case "ARG":
			r.declare(i.words)
		case "FROM":
			if rest := i.arguments(); len(rest) > 0 {
				r.add(i, rest[0], r.global, r.local)
			}
			r.staged = true
			if name := i.stage(); name != "" {
				r.stages[strings.ToLower(name)] = true
			}
		case "COPY", "ADD":
			r.flags(i, "--from=")
		case "RUN":
			r.flags(i, "--mount=")
		}
	}
	return r.found
}

// refs is the state of a walk over the instructions.
type refs struct {
	found         []Ref
	stages        map[string]bool // in lower case
	staged        bool            // there was a FROM
	args          map[string]string
	global, local map[string]string // variables declared above all stages, and in one
	escape        byte
}

// declare takes the variables of an ARG.
func (r *refs) declare(words []word) {
	for _, w := range words {
		name, value, given := strings.Cut(w.text, "=")
		value = r.expand(value, r.local, r.global)
		if set, ok := r.args[name]; ok {
			value, given = set, true
		}
		switch {
		case !r.staged:
			r.global[name] = value
		case given:
			r.local[name] = value
		}
	}
}

// flags adds the images that an instruction's flags name.
func (r *refs) flags(i *Instruction, flag string) {
	for _, w := range i.words {
		value, ok := strings.CutPrefix(w.text, flag)
		if !strings.HasPrefix(w.text, "--") {
			return
		}
		switch {
		case ok && flag == "--from=":
			r.add(i, w.part(len(flag), len(w.text)), r.local, r.global)
		case ok:
			at := len(flag)
			for option := range strings.SplitSeq(value, ",") {
				if name, ok := strings.CutPrefix(option, "from="); ok {
					r.add(i, w.part(at+len(option)-len(name), at+len(option)), r.local, r.global)
				}
				at += len(option) + 1
			}
		}
	}
}

// part is a piece of a word that stands on one line.
func (w word) part(from, to int) word {
	if w.end-w.start != len(w.text) { // a continued line lies between: the whole word is one place
		return word{text: w.text[from:to], start: -1}
	}
	return word{w.text[from:to], w.start + from, w.start + to}
}

func (r *refs) add(i *Instruction, w word, scopes ...map[string]string) {
	name := r.expand(w.text, scopes...)
	if name == "" || name == "scratch" || r.stages[strings.ToLower(name)] || strings.Trim(name, "0123456789") == "" {
		return
	}
	r.found = append(r.found, Ref{Image: name, Line: i.Line, start: w.start, end: w.end})
}

// Replace returns the file's text with other names in the place of images.
// Lines keep their numbers. By returns ok false for those that stay.
func (f *File) Replace(args map[string]string, by func(image string) (name string, ok bool)) string {
	var b strings.Builder
	done := 0
	for _, ref := range f.Images(args) {
		name, ok := by(ref.Image)
		if !ok || ref.start < done {
			continue
		}
		b.WriteString(f.text[done:ref.start])
		for range strings.Count(f.text[ref.start:ref.end], "\n") {
			b.WriteString(string(f.escape) + "\n")
		}
		b.WriteString(name)
		done = ref.end
	}
	return b.String() + f.text[done:]
}

// expand puts values in the place of variables, and takes quotes off. The first
// scope that has a variable decides.
func (r *refs) expand(s string, scopes ...map[string]string) string {
	e := expansion{text: s, escape: r.escape, lookup: func(name string) (string, bool) {
		for _, scope := range scopes {
			if v, ok := scope[name]; ok {
				return v, true
			}
		}
		return "", false
	}}
	return e.until(0, maxDepth)
}

// maxDepth is how deep ${A:-${B:-…}} may nest.
const maxDepth = 20

// expansion is a text on the way of being expanded.
type expansion struct {
	text   string // what is left
	escape byte
	lookup func(name string) (value string, ok bool)
}

// until expands up to a closing character, which it takes away; 0 is the end.
func (e *expansion) until(end byte, depth int) string {
	var b strings.Builder
	for e.text != "" {
		c := e.text[0]
		e.text = e.text[1:]
		switch {
		case c == end && end != 0:
			return b.String()
		case c == '"' || c == '\'':
		case c == e.escape && e.text != "":
			b.WriteByte(e.text[0])
			e.text = e.text[1:]
		case c == '$' && strings.HasPrefix(e.text, "{") && depth > 0:
			e.text = e.text[1:]
			b.WriteString(e.braces(depth - 1))
		case c == '$':
			value, _ := e.lookup(e.name())
			b.WriteString(value)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// braces is what stands behind "${": a name, and what to do without its value
// (":-") or with it (":+"). Without the colon an empty value is one.
func (e *expansion) braces(depth int) string {
	value, has := e.lookup(e.name())
	if rest, ok := strings.CutPrefix(e.text, ":"); ok {
		e.text, has = rest, value != ""
	}
	if e.text == "" {
		return value
	}
	operator := e.text[0]
	if operator == '}' {
		e.text = e.text[1:]
		return value
	}
	e.text = e.text[1:]
	other := e.until('}', depth)
	switch {
	case operator == '-' && !has, operator == '+' && has:
		return other
	case operator == '+':
		return ""
	}
	return value
}

// name takes a variable's name off the text.
func (e *expansion) name() string {
	end := 0
	for end < len(e.text) && (e.text[end] == '_' || e.text[end] >= '0' && e.text[end] <= '9' || e.text[end]|0x20 >= 'a' && e.text[end]|0x20 <= 'z') {
		end++
	}
	name := e.text[:end]
	e.text = e.text[end:]
	return name
}
