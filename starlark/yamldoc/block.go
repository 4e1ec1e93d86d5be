package yamldoc

import (
	"strings"
	"unicode/utf8"
)

// quickDepth is how deep the quick reader follows.
const quickDepth = 100

// maxKey is the length, in bytes, of the longest key that the quick reader
// takes. The language allows 1,024 characters.
const maxKey = 200

// quick decodes a document of plain style; ok is false when it is not sure,
// whatever the reason.
func quick(doc string) (v any, ok bool) {
	if !printable(doc) {
		return nil, false
	}
	r := &reader{s: doc}
	if !r.next() {
		return nil, false
	}
	if r.indent == 0 && strings.HasPrefix(doc[r.pos:], "---") {
		r.pos += len("---")
		if !r.endLine() {
			return nil, false
		}
	}
	if r.indent < 0 {
		return nil, true
	}
	v, ok = r.block()
	return v, ok && r.indent < 0
}

// printable reports whether a text has none of the characters that break lines
// or are refused, other than the newline.
func printable(s string) bool {
	ascii := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			ascii = false
		} else if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return false
		}
	}
	if ascii {
		return true
	}
	for _, c := range s {
		switch {
		case c < 0x80:
		case c < 0xa0, c == 0x2028, c == 0x2029, c == 0xfeff, c == utf8.RuneError, c >= 0xfffe && c <= 0xffff:
			return false
		}
	}
	return true
}

// reader goes through a document. Between two nodes it stands at the first
// character of the next line that says something.
type reader struct {
	s      string
	pos    int
	indent int // the column of pos; -1 at the end
	depth  int
}

// next goes from the start of a line to the next line that says something. It
// fails on a tab in the indentation and at the mark of a document's end.
func (r *reader) next() bool {
	for r.pos < len(r.s) {
		start := r.pos
		for r.pos < len(r.s) && r.s[r.pos] == ' ' {
			r.pos++
		}
		switch r.at(0) {
		case '\t':
			return false
		case '\n':
			r.pos++
		case '#':
			r.skipLine()
		case 0:
		default:
			r.indent = r.pos - start
			return r.indent > 0 || !strings.HasPrefix(r.s[r.pos:], "...")
		}
	}
	r.indent = -1
	return true
}

// at is the character at a distance, 0 behind the end.
func (r *reader) at(n int) byte { return r.charAt(r.pos + n) }

// charAt is the character at a place, 0 behind the end.
func (r *reader) charAt(i int) byte {
	if i >= len(r.s) {
		return 0
	}
	return r.s[i]
}

func (r *reader) skipLine() {
	if n := strings.IndexByte(r.s[r.pos:], '\n'); n >= 0 {
		r.pos += n + 1
	} else {
		r.pos = len(r.s)
	}
}

// lineEnded goes behind the blanks of a line and reports whether nothing but a
// comment follows.
func (r *reader) lineEnded() bool {
	start := r.pos
	for r.at(0) == ' ' {
		r.pos++
	}
	c := r.at(0)
	return c == '\n' || c == 0 || c == '#' && r.pos > start
}

// endLine goes to the next line that says something, when nothing but a
// comment is left of this one.
func (r *reader) endLine() bool {
	if !r.lineEnded() {
		return false
	}
	r.skipLine()
	return r.next()
}

// atDash reports whether an item of a list begins here.
func (r *reader) atDash() bool {
	if r.at(0) != '-' {
		return false
	}
	c := r.at(1)
	return c == ' ' || c == '\n' || c == 0
}

// block reads the list or map that begins here.
func (r *reader) block() (v any, ok bool) {
	if r.depth++; r.depth > quickDepth {
		return nil, false
	}
	if r.atDash() {
		v, ok = r.list(r.indent, false)
	} else {
		v, ok = r.mapping(r.indent)
	}
	r.depth--
	return v, ok
}

// mapping reads a map whose keys stand in a column.
func (r *reader) mapping(column int) (any, bool) {
	m := make(map[string]any)
	for {
		key, ok := r.key()
		if !ok {
			return nil, false
		}
		v, ok := r.value(column, true)
		if !ok {
			return nil, false
		}
		before := len(m)
		if m[key] = v; len(m) == before {
			return nil, false // twice
		}
		switch {
		case r.indent < column:
			return m, true
		case r.indent > column || r.atDash():
			return nil, false
		}
	}
}

// list reads a list whose dashes stand in a column. The dashes of a map's
// value may stand in the map's own column; the next key ends them then.
func (r *reader) list(column int, inMapping bool) (any, bool) {
	list := []any{}
	for {
		r.pos++ // the dash
		v, ok := r.item(column)
		if !ok {
			return nil, false
		}
		list = append(list, v)
		switch {
		case r.indent < column:
			return list, true
		case r.indent > column:
			return nil, false
		case !r.atDash():
			return list, inMapping
		}
	}
}

// item reads what stands behind a dash: a node in the same line, such as the
// first key of a map, or in the lines below.
func (r *reader) item(column int) (any, bool) {
	start := r.pos
	if r.lineEnded() {
		r.pos = start
		return r.value(column, false)
	}
	if r.atDash() || r.atKey() {
		r.indent = column + 1 + r.pos - start
		return r.block()
	}
	return r.value(column, false)
}

// value reads what belongs to a key or a dash in a column: a scalar or a flow
// collection in the same line, a text, or a block in the lines below.
func (r *reader) value(column int, ofKey bool) (v any, ok bool) {
	if r.lineEnded() {
		if !r.endLine() {
			return nil, false
		}
		switch {
		case r.indent > column:
			return r.block()
		case ofKey && r.indent == column && r.atDash():
			return r.list(column, true)
		}
		return nil, true
	}
	switch r.at(0) {
	case '|':
		return r.literal(column)
	case '{', '[':
		v, ok = r.flow()
		ok = ok && r.endLine()
	case '"', '\'':
		v, ok = r.quoted()
		ok = ok && r.endLine()
	default:
		v, ok = r.plainScalar(column)
	}
	return v, ok && r.indent <= column
}

// atKey reports whether a key begins here, in place of a value. Whatever it is
// in doubt about is no key and then no value either.
func (r *reader) atKey() bool {
	switch r.at(0) {
	case '"', '\'':
		start := r.pos
		_, ok := r.quoted()
		ok = ok && r.at(0) == ':'
		r.pos = start
		return ok
	}
	_, colon := r.plainEnd()
	return colon
}

// key reads a key and its colon.
func (r *reader) key() (string, bool) {
	var text string
	start := r.pos
	switch r.at(0) {
	case '"', '\'':
		v, ok := r.quoted()
		if !ok {
			return "", false
		}
		text = v.(string)
	default:
		end, colon := r.plainEnd()
		if !colon {
			return "", false
		}
		v, ok := resolve(r.s[r.pos:end])
		if !ok {
			return "", false
		}
		if text, ok = keyOf(v); !ok {
			return "", false
		}
		for r.pos = end; r.at(0) == ' '; {
			r.pos++
		}
	}
	if r.at(0) != ':' || r.pos-start > maxKey {
		return "", false
	}
	r.pos++
	c := r.at(0)
	return text, c == ' ' || c == '\n' || c == 0
}

// plainEnd returns where the plain scalar ends that begins here, without
// blanks behind it, and whether a colon ends it, which makes it a key. An
// empty one is none: something else than a plain scalar begins here.
func (r *reader) plainEnd() (end int, colon bool) {
	if !plainStart(r.at(0), r.at(1)) {
		return r.pos, false
	}
	end = r.pos
	for i := r.pos; i < len(r.s); i++ {
		switch c := r.s[i]; c {
		case '\n':
			return end, false
		case '\t':
			return r.pos, false
		case ' ':
			continue
		case ':':
			if i+1 == len(r.s) || r.s[i+1] == ' ' || r.s[i+1] == '\n' {
				return end, true
			}
		case '#':
			if r.s[i-1] == ' ' {
				return end, false
			}
		}
		end = i + 1
	}
	return end, false
}

// plainStart reports whether a plain scalar may begin with two characters.
func plainStart(c, after byte) bool {
	switch c {
	case 0, ' ', '\t', '\n', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`':
		return false
	case '-':
		return after != ' ' && after != '\t' && after != '\n' && after != 0
	}
	return true
}
