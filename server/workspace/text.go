package workspace

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// Encoding is the unit in which a client counts characters of a line.
type Encoding uint8

// The encodings of LSP. A client that does not say counts UTF-16 code units.
const (
	UTF16 Encoding = iota
	UTF8
	UTF32
)

// Position is a place in a text as a client gives it: 0-based, Character in
// units of an Encoding.
type Position struct{ Line, Character uint32 }

// Range is a part of a text, without its end.
type Range struct{ Start, End Position }

// Text is an immutable text that knows its lines. A line ends with "\n",
// "\r\n" or "\r", as in LSP. The text may be invalid UTF-8: each wrong byte
// counts as one character.
type Text struct {
	content string
	lines   []int // offset of the start of each line
}

// NewText returns the text with the given content.
func NewText(content string) *Text {
	lines := make([]int, 1, strings.Count(content, "\n")+1)
	if strings.IndexByte(content, '\r') < 0 {
		for at := 0; ; {
			i := strings.IndexByte(content[at:], '\n')
			if i < 0 {
				return &Text{content: content, lines: lines}
			}
			at += i + 1
			lines = append(lines, at)
		}
	}
	for i := range len(content) {
		switch {
		case content[i] == '\n', content[i] == '\r' && (i+1 == len(content) || content[i+1] != '\n'):
			lines = append(lines, i+1)
		}
	}
	return &Text{content: content, lines: lines}
}

// String returns the content.
func (t *Text) String() string { return t.content }

// Len returns the length in bytes.
func (t *Text) Len() int { return len(t.content) }

// Lines returns the number of lines; behind a last line end begins one more.
func (t *Text) Lines() int { return len(t.lines) }

// Line returns a 0-based line without its end, "" behind the last.
func (t *Text) Line(n int) string {
	if n < 0 || n >= len(t.lines) {
		return ""
	}
	end := len(t.content)
	if n+1 < len(t.lines) {
		end = t.lines[n+1]
	}
	return strings.TrimRight(t.content[t.lines[n]:end], "\r\n")
}

// Offset returns the byte offset of a position, and whether the position is
// one of the text. One behind the end of a line is taken for that end, as LSP
// wants it; one behind the last line for the end of the text; one inside a
// character for the character's start.
func (t *Text) Offset(p Position, enc Encoding) (int, bool) {
	if uint64(p.Line) >= uint64(len(t.lines)) {
		return len(t.content), false
	}
	start := t.lines[p.Line]
	line := t.Line(int(p.Line))
	n, ok := offsetInLine(line, p.Character, enc)
	return start + n, ok
}

func offsetInLine(line string, character uint32, enc Encoding) (int, bool) {
	want := uint64(character)
	if enc == UTF8 {
		if want > uint64(len(line)) {
			return len(line), false
		}
		return runeStart(line, int(want)), true
	}
	var count uint64
	for at, r := range line {
		if count >= want {
			return at, true
		}
		next := count + uint64(units(r, enc))
		if next > want {
			return at, true // inside of a surrogate pair
		}
		count = next
	}
	return len(line), count == want
}

// runeStart returns the start of the character that holds the byte at the
// given offset.
func runeStart(s string, at int) int {
	for start := at; start >= 0 && start > at-utf8.UTFMax; start-- {
		if start < len(s) && utf8.RuneStart(s[start]) {
			if _, size := utf8.DecodeRuneInString(s[start:]); at < start+size {
				return start
			}
			break
		}
	}
	return at
}

// Position returns the position of a byte offset, which is clamped to the
// text.
func (t *Text) Position(offset int, enc Encoding) Position {
	offset = min(max(offset, 0), len(t.content))
	line := sort.SearchInts(t.lines, offset+1) - 1
	start := t.lines[line]
	// An offset between "\r" and "\n" belongs to the end of the line.
	offset = min(offset, start+len(t.Line(line)))
	return Position{Line: uint32(line), Character: Width(t.content[start:offset], enc)}
}

// Width returns the length of a part of a line in units of enc.
func Width(s string, enc Encoding) uint32 {
	if enc == UTF8 {
		return uint32(len(s))
	}
	var n uint32
	for _, r := range s {
		n += units(r, enc)
	}
	return n
}

// units returns how many units of UTF-16 or UTF-32 a character has.
func units(r rune, enc Encoding) uint32 {
	if enc == UTF16 && r > 0xffff {
		return 2
	}
	return 1
}

// Edit returns the text with a range replaced, and whether the range was one
// of the text; one that was not is clamped.
func (t *Text) Edit(r Range, replacement string, enc Encoding) (*Text, bool) {
	start, ok1 := t.Offset(r.Start, enc)
	end, ok2 := t.Offset(r.End, enc)
	ok := ok1 && ok2 && start <= end
	if start > end {
		start, end = end, start
	}
	return NewText(t.content[:start] + replacement + t.content[end:]), ok
}

// LineColumn returns the byte offset of a 1-based line and a 1-based column
// that counts bytes; column 0 is the first character that is no space.
func (t *Text) LineColumn(line, column int) int {
	if line < 1 {
		return 0
	}
	if line > len(t.lines) {
		return len(t.content)
	}
	start, text := t.lines[line-1], t.Line(line-1)
	if column < 1 {
		return start + len(text) - len(strings.TrimLeft(text, " \t"))
	}
	return start + min(column-1, len(text))
}
