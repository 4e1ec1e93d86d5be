package yamldoc

import "strings"

// plainScalar reads a plain scalar below a key or a dash in a column. It goes on
// in the lines below that are indented further: a line's end is a blank, and
// each empty line a newline.
func (r *reader) plainScalar(column int) (any, bool) {
	text, ok := r.plainLine()
	if !ok {
		return nil, false
	}
	if r.at(0) == '\n' {
		if text, ok = r.moreLines(text, column); !ok {
			return nil, false
		}
	}
	v, ok := resolve(text)
	return v, ok && r.next()
}

// moreLines reads the further lines of a plain scalar, as far as there are any.
func (r *reader) moreLines(first string, column int) (text string, ok bool) {
	var b strings.Builder
	for r.at(0) == '\n' {
		breaks, line := 0, r.pos
		for r.at(0) == '\n' {
			breaks++
			r.pos++
			line = r.pos
			r.skipBlanks()
		}
		c := r.at(0)
		if c == '\t' {
			return "", false
		}
		if c == 0 || c == '#' || r.pos-line <= column {
			r.pos = line
			break
		}
		more, ok := r.plainLine()
		if !ok {
			return "", false
		}
		if b.Len() == 0 {
			b.WriteString(first)
		}
		if breaks == 1 {
			b.WriteByte(' ')
		} else {
			b.WriteString(strings.Repeat("\n", breaks-1))
		}
		b.WriteString(more)
	}
	if b.Len() == 0 {
		return first, true
	}
	return b.String(), true
}

// plainLine reads what a line has of a plain scalar, and goes to the line's
// end, or to the comment that stands there.
func (r *reader) plainLine() (string, bool) {
	end, colon := r.plainEnd()
	if end == r.pos || colon {
		return "", false
	}
	text := r.s[r.pos:end]
	r.pos = end
	r.skipBlanks()
	return text, true
}

// literal reads a text of several lines behind a bar. Its own column is that
// of its first line, and blank lines at its end do not count.
func (r *reader) literal(column int) (any, bool) {
	r.pos++ // the bar
	strip := r.at(0) == '-'
	if strip {
		r.pos++
	}
	if !r.lineEnded() {
		return nil, false
	}
	r.skipLine()
	var b strings.Builder
	margin, blank, newline := 0, 0, false
	for r.pos < len(r.s) {
		line, rest, found := strings.Cut(r.s[r.pos:], "\n")
		spaces := len(line) - len(strings.TrimLeft(line, " "))
		if margin == 0 && spaces < len(line) {
			if margin = spaces; margin <= column || line[spaces] == '\t' {
				return nil, false
			}
		}
		switch {
		case margin == 0 && spaces > 0:
			return nil, false
		case margin == 0, spaces == len(line) && spaces <= margin:
			blank++
		case spaces < margin:
			return r.endLiteral(&b, newline && !strip)
		default:
			if newline {
				b.WriteByte('\n')
			}
			for ; blank > 0; blank-- {
				b.WriteByte('\n')
			}
			b.WriteString(line[margin:])
			newline = found
		}
		r.pos = len(r.s) - len(rest)
	}
	if margin == 0 {
		return nil, false
	}
	return r.endLiteral(&b, newline && !strip)
}

func (r *reader) endLiteral(b *strings.Builder, newline bool) (any, bool) {
	if newline {
		b.WriteByte('\n')
	}
	return b.String(), r.next()
}
