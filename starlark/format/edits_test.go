package format

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/towline-dev/towline/starlark/syntax"
)

// apply applies edits, which must be in order and apart from each other.
func apply(t *testing.T, src string, edits []Edit) string {
	t.Helper()
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.Span.Start < at || e.Span.End < e.Span.Start {
			t.Fatalf("edits out of order: %v", edits)
		}
		b.WriteString(src[at:e.Span.Start] + e.Text)
		at = e.Span.End
	}
	return b.String() + src[at:]
}

func TestDiff(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	random := func() string {
		var b strings.Builder
		for range rng.Intn(12) {
			b.WriteByte("abc\n\n"[rng.Intn(5)])
		}
		return b.String()
	}
	for range 20000 {
		a, b := random(), random()
		if got := apply(t, a, diff(a, b)); got != b {
			t.Fatalf("%q -> %q, want %q", a, got, b)
		}
	}
	long := strings.Repeat("a\n", 2000)
	if got := apply(t, long, diff(long, strings.Repeat("b\n", 1000))); got != strings.Repeat("b\n", 1000) {
		t.Error("a long difference")
	}
}

func TestEdits(t *testing.T) {
	src := "x = 1\ny=2\nz = 3\nw=4\n"
	f := syntax.ParseString("t", src)
	edits, ok := Edits(f)
	want := []Edit{{syntax.Span{Start: 6, End: 10}, "y = 2\n"}, {syntax.Span{Start: 16, End: 20}, "w = 4\n"}}
	if diff := cmp.Diff(want, edits); diff != "" || !ok {
		t.Error(ok, diff)
	}
	edits, _ = RangeEdits(f, syntax.Span{Start: 17, End: 18})
	if diff := cmp.Diff(want[1:], edits); diff != "" {
		t.Error(diff)
	}
	if edits, ok := Edits(syntax.ParseString("t", "x = (\n")); ok || edits != nil {
		t.Error("a file with errors was formatted")
	}
}

// TestOnNewline types a newline where the bar is.
func TestOnNewline(t *testing.T) {
	tests := []struct {
		src  string
		want int
	}{
		{"def f():\n|", 4}, {"x = 1\n    |", 0}, {"if x:\n    y\n|", 4}, {"if x:\n    return\n    |", 0},
		{"f(\n|", 4}, {"f(\n    a,\n|", 4}, {"f([\n        |", 4}, {"f(\n    a,\n    |)", 0}, {"x = '''\n  |", -1},
		{"if x:\n    f(\n        a)\n|", 4}, {"|", 0}, {"f(\n|)", 4}, {"x = [\n|]", 4}, {"x = {\n|}", 4}, {"f(a,\n|)", 0},
		{"def f():\n    return 1\n    |", 0}, {"def f():\n    return [\n        1,\n    ]\n    |", 0}, {"def f():\n    returned = 1\n|", 4},
		{"if x:\n    f(\n|", 8}, {"for x in y:\n    if z:\n        pass\n        |", 4},
	}
	for _, tt := range tests {
		at := strings.Index(tt.src, "|")
		src := strings.Replace(tt.src, "|", "", 1)
		f := syntax.ParseString("t", src)
		got := apply(t, src, OnNewline(f, at))
		line := strings.Split(got, "\n")[strings.Count(src[:at], "\n")]
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if tt.want < 0 && got != src || tt.want >= 0 && indent != tt.want {
			t.Errorf("%q: %q, want %d", tt.src, got, tt.want)
		}
	}
}

// TestLineEnds formats files with each sort of line ends, which stay, in strings
// too; where they are mixed the most frequent one wins. Each line that stays as
// it is stays out of the edits.
func TestLineEnds(t *testing.T) {
	const src, want = "x=1\ndef f():\n  return \"\"\"a\n  b\"\"\" # c\n\ny = 2\n", "x = 1\n\ndef f():\n    return \"\"\"a\n  b\"\"\"  # c\n\ny = 2\n"
	for _, end := range []string{"\n", "\r\n", "\r"} {
		in, out := strings.ReplaceAll(src, "\n", end), strings.ReplaceAll(want, "\n", end)
		if got := check(t, in); got != out {
			t.Errorf("%q, want %q", got, out)
		}
		edits, ok := Edits(syntax.ParseString("t", in))
		if got := apply(t, in, edits); !ok || got != out {
			t.Errorf("edits give %q", got)
		}
		if kept := strings.Index(in, "y = 2"); edits[len(edits)-1].Span.End > kept {
			t.Errorf("%q: edits of lines that stay: %v", end, edits)
		}
		if edits, _ := Edits(syntax.ParseString("t", out)); edits != nil {
			t.Errorf("%q: it never settles: %v", end, edits)
		}
	}
	for src, want := range map[string]string{
		"a = 1\r\nb = 2\r\nc = 3\n": "a = 1\r\nb = 2\r\nc = 3\r\n", "a = 1\r\nb = 2\n": "a = 1\nb = 2\n", "a = 1\rb = 2\rc = 3\n": "a = 1\rb = 2\rc = 3\r", "a = 1": "a = 1\n",
	} {
		if got := check(t, src); got != want {
			t.Errorf("%q becomes %q, want %q", src, got, want)
		}
	}
}
