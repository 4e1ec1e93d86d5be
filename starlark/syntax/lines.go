package syntax

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// An Encoding says in which units columns count.
type Encoding uint8

// The encodings of columns. The original counts as in UTF32, one for each
// rune; an invalid byte counts as one rune.
const (
	UTF8 Encoding = iota
	UTF16
	UTF32
)

// Lines maps byte offsets of a text to lines and columns, both from 0, and
// back. Lines end with \n, \r\n or \r.
type Lines struct {
	src    string
	starts []int32 // half the size: each edit makes new ones, and texts live long

	ends   sync.Once // sets ending
	ending string
}

// NewLines returns the lines of a text.
func NewLines(src string) *Lines {
	starts := make([]int32, 1, len(src)/32+2)
	return &Lines{src: src, starts: appendStarts(starts, src, 0, len(src))}
}

// appendStarts appends where the lines start that begin behind the line ends
// in src[from:to].
func appendStarts(starts []int32, src string, from, to int) []int32 {
	for i := from; i < to; i++ {
		switch src[i] {
		case '\r':
			if i+1 < len(src) && src[i+1] == '\n' {
				continue // the \n ends the line
			}
			starts = append(starts, int32(i+1))
		case '\n':
			starts = append(starts, int32(i+1))
		}
	}
	return starts
}

// Edit returns the lines of the text with a piece replaced, [start, end) in
// bytes.
func (l *Lines) Edit(start, end int, text string) *Lines {
	src := l.src[:start] + text + l.src[end:]
	// A \r just before the piece ends a line only if no \n follows it.
	first := max(start-1, 0)
	before := l.search(first + 1) // lines whose start does not depend on what changes
	after := l.search(end + 1)    // the first line that starts behind a line end outside of it
	starts := make([]int32, before, len(l.starts)+len(text)/32+2)
	copy(starts, l.starts)
	starts = appendStarts(starts, src, first, start+len(text))
	moved := int32(len(src) - len(l.src))
	for _, s := range l.starts[after:] {
		starts = append(starts, s+moved)
	}
	return &Lines{src: src, starts: starts}
}

// search returns the first line that starts at an offset or behind it.
func (l *Lines) search(off int) int {
	i, _ := slices.BinarySearch(l.starts, int32(min(off, len(l.src)+1)))
	return i
}

// end returns how most lines end.
func (l *Lines) end() string {
	l.ends.Do(func() { l.ending = l.mostEnd() })
	return l.ending
}

func (l *Lines) mostEnd() string {
	if strings.IndexByte(l.src, '\r') < 0 {
		return "\n"
	}
	crlf := strings.Count(l.src, "\r\n")
	cr, lf := strings.Count(l.src, "\r")-crlf, strings.Count(l.src, "\n")-crlf
	switch {
	case lf >= max(crlf, cr):
		return "\n"
	case crlf >= cr:
		return "\r\n"
	}
	return "\r"
}

// WithEnds returns another text whose lines all end as most of these do. It
// means the same: Starlark takes each line end for a newline, in strings too.
func (l *Lines) WithEnds(text string) string {
	if !strings.ContainsAny(text, "\r\n") {
		return text
	}
	if strings.IndexByte(text, '\r') >= 0 {
		text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	}
	if end := l.end(); end != "\n" {
		text = strings.ReplaceAll(text, "\n", end)
	}
	return text
}

// Text returns the whole text.
func (l *Lines) Text() string { return l.src }

// Count returns the number of lines, at least 1.
func (l *Lines) Count() int { return len(l.starts) }

// Line returns the place of a line without its line end. A line out of range
// is taken for the nearest one.
func (l *Lines) Line(n int) Span {
	n = min(max(n, 0), len(l.starts)-1)
	start, end := int(l.starts[n]), len(l.src)
	if n+1 < len(l.starts) {
		end = int(l.starts[n+1]) - 1
		if end > start && l.src[end] == '\n' && l.src[end-1] == '\r' {
			end--
		}
	}
	return Span{start, end}
}

// Number returns the line of an offset.
func (l *Lines) Number(off int) int {
	return max(l.search(off+1)-1, 0)
}

// Position returns the line and column of an offset. An offset out of range is
// taken for the nearest one, and one within a rune or a line end for its start.
func (l *Lines) Position(off int, enc Encoding) (line, col int) {
	off = min(max(off, 0), len(l.src))
	line = l.Number(off)
	s := l.Line(line)
	return line, Width(l.src[s.Start:l.runeStart(min(off, s.End))], enc)
}

// Offset returns the offset of a line and column. A column behind the end of
// its line is taken for the end, a line behind the last for the end of the text.
func (l *Lines) Offset(line, col int, enc Encoding) int {
	switch {
	case line < 0:
		return 0
	case line >= len(l.starts):
		return len(l.src)
	}
	s := l.Line(line)
	text := l.src[s.Start:s.End]
	for i := 0; i < len(text); {
		if col <= 0 {
			return s.Start + i
		}
		size, n := 1, 1
		if text[i] >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(text[i:])
			n = runeUnits(r, size, enc)
		}
		if n > col {
			return s.Start + i // in the middle of a rune
		}
		col -= n
		i += size
	}
	return s.End
}

func runeUnits(r rune, size int, enc Encoding) int {
	switch {
	case enc == UTF8:
		return size
	case enc == UTF16 && r >= 0x10000:
		return 2
	}
	return 1
}

// runeStart returns the start of the rune that off cuts in two, or else off.
func (l *Lines) runeStart(off int) int {
	for i := off - 1; i >= 0 && i > off-utf8.UTFMax; i-- {
		if utf8.RuneStart(l.src[i]) {
			if _, size := utf8.DecodeRuneInString(l.src[i:]); i+size > off {
				return i
			}
			break
		}
	}
	return off
}

// Width returns the length of s, which is a part of a line, in the units of enc.
func Width(s string, enc Encoding) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			n++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n += runeUnits(r, size, enc)
		i += size
	}
	return n
}
