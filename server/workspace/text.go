package workspace

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/towline-dev/towline/starlark/resolve"
	"github.com/towline-dev/towline/starlark/syntax"
)

// Encoding is the unit in which a client counts characters of a line.
type Encoding = syntax.Encoding

// The encodings of LSP. A client that does not say counts UTF-16 code units.
const (
	UTF8  = syntax.UTF8
	UTF16 = syntax.UTF16
	UTF32 = syntax.UTF32
)

// Position is a place in a text as a client gives it: 0-based, Character in
// units of an Encoding.
type Position struct{ Line, Character uint32 }

// Range is a part of a text, without its end.
type Range struct{ Start, End Position }

// Text is an immutable text that knows its lines and, once somebody asks, its
// tree. It may be invalid UTF-8.
type Text struct {
	content string
	lines   *syntax.Lines

	parse   sync.Once // sets tree
	resolve sync.Once // sets file
	file    atomic.Pointer[resolve.File]

	tree atomic.Pointer[syntax.File]
	base atomic.Pointer[syntax.File] // of an earlier text, until this one is parsed
}

// NewText returns the text with the given content.
func NewText(content string) *Text { return newText(syntax.NewLines(content)) }

func newText(lines *syntax.Lines) *Text { return &Text{content: lines.Text(), lines: lines} }

// bare returns the text without its tree, which few ask of what was saved once
// it is edited, and which takes as much memory as that of the edited text.
func (t *Text) bare() *Text { return newText(t.lines) }

// String returns the content.
func (t *Text) String() string { return t.content }

// Len returns the length in bytes.
func (t *Text) Len() int { return len(t.content) }

// File returns the text as a Starlark file with the given name. It is parsed
// once.
func (t *Text) File(name string) *resolve.File {
	tree := t.Tree(name)
	if tree != t.tree.Load() {
		return resolve.Resolve(tree)
	}
	t.resolve.Do(func() { t.file.Store(resolve.Resolve(tree)) })
	return t.file.Load()
}

// Outline returns of File what package resolve calls an outline around an
// offset, if the rest is not known yet.
func (t *Text) Outline(name string, offset int) *resolve.File {
	if f := t.file.Load(); f != nil && f.Name == name {
		return f
	}
	return resolve.Outline(t.Tree(name), offset)
}

// Tree returns the text as a Starlark file with the given name, whose names are
// not resolved. It is parsed once for the first name; if there is an earlier
// text, only what differs.
func (t *Text) Tree(name string) *syntax.File {
	t.parse.Do(func() {
		tree := (*syntax.File)(nil)
		if base := t.base.Load(); base != nil && base.Name == name {
			tree = syntax.Reparse(base, t.lines)
		} else {
			tree = syntax.ParseLines(name, t.lines)
		}
		t.tree.Store(tree)
		t.base.Store(nil)
	})
	if tree := t.tree.Load(); tree.Name == name {
		return tree
	}
	return syntax.ParseLines(name, t.lines)
}

// WithEnds returns another text whose lines all end as most of this one's do.
func (t *Text) WithEnds(text string) string { return t.lines.WithEnds(text) }

// Line returns a 0-based line without its end, "" when there is none.
func (t *Text) Line(n int) string {
	if n < 0 || n >= t.lines.Count() {
		return ""
	}
	s := t.lines.Line(n)
	return t.content[s.Start:s.End]
}

// Offset returns the byte offset of a position, and whether the position is
// one of the text. One behind the end of a line is taken for that end, as LSP
// wants it; one behind the last line for the end of the text; one inside a
// character for the character's start.
func (t *Text) Offset(p Position, enc Encoding) (int, bool) {
	if uint64(p.Line) >= uint64(t.lines.Count()) {
		return len(t.content), false
	}
	line := t.lines.Line(int(p.Line))
	// A character has at most four units.
	if uint64(p.Character) > 4*uint64(line.End-line.Start) {
		return line.End, line.Start == line.End && p.Character == 0
	}
	offset := t.lines.Offset(int(p.Line), int(p.Character), enc)
	if offset < line.End {
		return offset, true
	}
	_, width := t.lines.Position(line.End, enc)
	return offset, int(p.Character) <= width
}

// Position returns the position of a byte offset, which is clamped to the
// text.
func (t *Text) Position(offset int, enc Encoding) Position {
	line, character := t.lines.Position(offset, enc)
	return Position{Line: uint32(line), Character: uint32(character)}
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
	return newText(t.lines.Edit(start, end, replacement)).after(t), ok
}

// Replace returns another text in place of this one, which may differ little.
func (t *Text) Replace(content string) *Text { return NewText(content).after(t) }

// after makes the text parse only what differs from an earlier one, or from
// what that would have been compared with.
func (t *Text) after(earlier *Text) *Text {
	base := earlier.tree.Load()
	if base == nil {
		base = earlier.base.Load()
	}
	t.base.Store(base)
	return t
}

// LineColumn returns the byte offset of a 1-based line and a 1-based column
// that counts characters, as the interpreter does; column 0 is the first
// character that is no space.
func (t *Text) LineColumn(line, column int) int {
	if line < 1 {
		return 0
	}
	if line > t.lines.Count() {
		return len(t.content)
	}
	start, text := t.lines.Line(line-1).Start, t.Line(line-1)
	if column < 1 {
		return start + len(text) - len(strings.TrimLeft(text, " \t"))
	}
	return t.lines.Offset(line-1, column-1, UTF32)
}

// Carry returns where an offset of an older text lies in this one, and false
// when its line was edited in between. What lies between the first and the
// last difference counts as edited.
func (t *Text) Carry(older *Text, offset int) (int, bool) {
	before, now := older.content, t.content
	prefix := 0
	for most := min(len(before), len(now)); prefix < most && before[prefix] == now[prefix]; prefix++ {
	}
	if prefix == len(before) && prefix == len(now) {
		return offset, true
	}
	suffix := 0
	for most := min(len(before), len(now)) - prefix; suffix < most && before[len(before)-1-suffix] == now[len(now)-1-suffix]; suffix++ {
	}
	line, moved := older.lines.Line(older.lines.Number(offset)), len(now)-len(before)
	switch start := line.Start + moved; {
	case line.End < prefix:
		return offset, true
	case line.Start >= len(before)-suffix && (start == 0 || now[start-1] == '\n' || now[start-1] == '\r'):
		return offset + moved, true
	}
	return 0, false
}

// Width returns the length of a part of a line in units of enc.
func Width(s string, enc Encoding) uint32 { return uint32(syntax.Width(s, enc)) }
