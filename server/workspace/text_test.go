package workspace

import (
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func TestOffset(t *testing.T) {
	const content = "a😀b\r\nzwei\rß\n\xffx"
	for _, test := range []struct {
		enc    Encoding
		at     Position
		offset int
		ok     bool
	}{
		{UTF16, Position{0, 0}, 0, true},
		{UTF16, Position{0, 1}, 1, true},
		{UTF16, Position{0, 2}, 1, true}, // inside the pair
		{UTF16, Position{0, 3}, 5, true},
		{UTF16, Position{0, 4}, 6, true},
		{UTF16, Position{0, 5}, 6, false}, // behind the line
		{UTF32, Position{0, 2}, 5, true},
		{UTF8, Position{0, 3}, 1, true}, // inside the character
		{UTF8, Position{0, 5}, 5, true},
		{UTF8, Position{0, 7}, 6, false},
		{UTF16, Position{1, 4}, 12, true},
		{UTF16, Position{2, 1}, 15, true}, // ß
		{UTF16, Position{3, 1}, 17, true}, // behind a wrong byte
		{UTF16, Position{3, 2}, 18, true},
		{UTF16, Position{4, 0}, 18, false}, // behind the text
		{UTF8, Position{1<<32 - 1, 1<<32 - 1}, 18, false},
		{UTF16, Position{0, 1<<32 - 1}, 6, false},
	} {
		got, ok := NewText(content).Offset(test.at, test.enc)
		if got != test.offset || ok != test.ok {
			t.Errorf("Offset(%v, %v) = %d, %v, want %d, %v", test.at, test.enc, got, ok, test.offset, test.ok)
		}
	}
}

func TestEdit(t *testing.T) {
	for _, test := range []struct {
		name, before string
		r            Range
		insert, want string
		ok           bool
	}{
		{"insert", "ab", Range{Position{0, 1}, Position{0, 1}}, "X", "aXb", true},
		{"across lines", "ab\ncd\n", Range{Position{0, 1}, Position{1, 1}}, "", "ad\n", true},
		{"behind astral", "😀x", Range{Position{0, 2}, Position{0, 3}}, "y", "😀y", true},
		{"append", "a\n", Range{Position{1, 0}, Position{1, 0}}, "b", "a\nb", true},
		{"out of range", "a", Range{Position{7, 3}, Position{9, 9}}, "b", "ab", false},
		{"end before start", "abc", Range{Position{0, 2}, Position{0, 1}}, "X", "aXc", false},
		{"crlf", "a\r\nb", Range{Position{0, 1}, Position{1, 0}}, " ", "a b", true},
	} {
		got, ok := NewText(test.before).Edit(test.r, test.insert, UTF16)
		if got.String() != test.want || ok != test.ok {
			t.Errorf("%s: got %q, %v, want %q, %v", test.name, got.String(), ok, test.want, test.ok)
		}
	}
}

func TestLineColumn(t *testing.T) {
	text := NewText("ä = 1\n  b = 2\n")
	for _, test := range [][3]int{{1, 1, 0}, {1, 2, 2}, {1, 3, 3}, {2, 0, 9}, {2, 3, 9}, {2, 99, 14}, {3, 1, 15}, {9, 1, 15}, {0, 0, 0}, {-1, -1, 0}} {
		if got := text.LineColumn(test[0], test[1]); got != test[2] {
			t.Errorf("LineColumn(%d, %d) = %d, want %d", test[0], test[1], got, test[2])
		}
	}
}

func TestCarry(t *testing.T) {
	const before = "one\ntwo\nthree\n"
	for _, test := range []struct {
		name, now string
		at, want  int
		ok        bool
	}{
		{"nothing changed", before, 5, 5, true},
		{"a later line", "one\ntwo\nTHREE\n", 5, 5, true},
		{"an earlier line", "ONE!\ntwo\nthree\n", 5, 6, true},
		{"a new first line", "zero\none\ntwo\nthree\n", 0, 5, true},
		{"the line itself", "one\ntw0\nthree\n", 5, 0, false},
		{"the line is gone", "one\nthree\n", 5, 0, false},
		{"a line was put before", "one\nnew\ntwo\nthree\n", 5, 9, true},
		{"all is gone", "", 5, 0, false},
	} {
		got, ok := NewText(test.now).Carry(NewText(before), test.at)
		if got != test.want || ok != test.ok {
			t.Errorf("%s: got %d, %v, want %d, %v", test.name, got, ok, test.want, test.ok)
		}
	}
}

// FuzzText checks that positions and offsets agree with each other and with
// a count of code units made in another way.
func FuzzText(f *testing.F) {
	f.Add("a😀b\r\nzwei\rß\n\xffx", uint32(1), uint32(2), "neu\n", uint8(0))
	f.Add("", uint32(0), uint32(0), "", uint8(1))
	f.Add("\r\r\n\n", uint32(3), uint32(9), "\r", uint8(2))
	f.Fuzz(func(t *testing.T, content string, line, character uint32, insert string, e uint8) {
		text, enc := NewText(content), Encoding(e%3)
		for at := range content {
			p := text.Position(at, enc)
			back, ok := text.Offset(p, enc)
			between := at > 0 && content[at] == '\n' && content[at-1] == '\r'
			if !ok || (back != at && !between) {
				t.Fatalf("offset %d is %v is offset %d, %v", at, p, back, ok)
			}
			if utf8.ValidString(content) && enc == UTF16 && !between {
				prefix := []rune(text.Line(int(p.Line)))
				if got := len(utf16.Encode(prefix)); uint32(got) < p.Character {
					t.Fatalf("line %d has %d units, position %v", p.Line, got, p)
				}
			}
		}
		at := Position{line, character}
		offset, _ := text.Offset(at, enc)
		if offset < 0 || offset > len(content) {
			t.Fatalf("offset %d of %d bytes", offset, len(content))
		}
		if offset < len(content) && utf8.ValidString(content) && !utf8.RuneStart(content[offset]) {
			t.Fatalf("offset %d is inside a character", offset)
		}
		edited, _ := text.Edit(Range{at, at}, insert, enc)
		if want := content[:offset] + insert + content[offset:]; edited.String() != want {
			t.Fatalf("got %q, want %q", edited.String(), want)
		}
	})
}
