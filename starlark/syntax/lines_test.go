package syntax

import (
	"slices"
	"testing"
)

func TestLines(t *testing.T) {
	src := "aé😀b\r\n\tx\rlast\n"
	l := NewLines(src)
	if got := l.Count(); got != 4 {
		t.Fatalf("%d lines, want 4", got)
	}
	tests := []struct {
		off, line, utf8, utf16, utf32 int
	}{
		{0, 0, 0, 0, 0}, {1, 0, 1, 1, 1}, {3, 0, 3, 2, 2}, {7, 0, 7, 4, 3}, {8, 0, 8, 5, 4},
		{10, 1, 0, 0, 0}, {12, 1, 2, 2, 2}, {13, 2, 0, 0, 0}, {18, 3, 0, 0, 0},
	}
	for _, tt := range tests {
		for enc, want := range map[Encoding]int{UTF8: tt.utf8, UTF16: tt.utf16, UTF32: tt.utf32} {
			line, col := l.Position(tt.off, enc)
			if line != tt.line || col != want {
				t.Errorf("Position(%d, %d) = %d:%d, want %d:%d", tt.off, enc, line, col, tt.line, want)
			}
			if got := l.Offset(line, col, enc); got != tt.off {
				t.Errorf("Offset(%d, %d, %d) = %d, want %d", line, col, enc, got, tt.off)
			}
		}
	}
	for _, tt := range []struct{ line, col, want int }{{-1, 5, 0}, {0, 99, 8}, {99, 0, 18}, {0, 3, 3}, {1, -4, 10}} {
		if got := l.Offset(tt.line, tt.col, UTF16); got != tt.want {
			t.Errorf("Offset(%d, %d) = %d, want %d", tt.line, tt.col, got, tt.want)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add("aé😀b\r\nx", 3)
	f.Add("\xff\xf0\x9f\r", 1)
	f.Fuzz(func(t *testing.T, src string, off int) {
		l := NewLines(src)
		for _, enc := range []Encoding{UTF8, UTF16, UTF32} {
			line, col := l.Position(off, enc)
			back := l.Offset(line, col, enc)
			if line2, col2 := l.Position(back, enc); line2 != line || col2 != col || back > max(off, 0) {
				t.Errorf("%d -> %d:%d -> %d -> %d:%d", off, line, col, back, line2, col2)
			}
		}
	})
}

func FuzzLinesEdit(f *testing.F) {
	for _, text := range []string{"", "\n", "\r", "\r\n", "a\n\r", "é"} {
		for i := range 8 {
			f.Add("a\r\nb\rc\n\nd\r", i, 1+i/4, text)
		}
	}
	f.Fuzz(func(t *testing.T, src string, at, n int, text string) {
		at = int(uint(at) % uint(len(src)+1))
		end := at + int(uint(n)%uint(len(src)-at+1))
		got, want := NewLines(src).Edit(at, end, text), NewLines(src[:at]+text+src[end:])
		if got.src != want.src || !slices.Equal(got.starts, want.starts) {
			t.Errorf("%q[%d:%d] = %q: lines of %q at %v, want %q at %v", src, at, end, text, got.src, got.starts, want.src, want.starts)
		}
	})
}
