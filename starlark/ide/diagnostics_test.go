package ide

import "testing"

// TestNUL has a byte at which Starlark takes a file for ended, and which a
// string may hold.
func TestNUL(t *testing.T) {
	for src, want := range map[string]int{
		"a = 1\n\x00b = 2\n": 6, "\x00": 0, "a = 1 \x00\n": 6, "# c\x00\na = 1\n": 3, "a = (1,\x00 2)\n": 7,
		"a = '\x00'\n": -1, "a = 1\n": -1,
	} {
		got := -1
		for _, d := range Diagnostics(&Analysis{}, load(src)) {
			if len(d.Fixes) == 1 && d.Fixes[0].Title == "Remove it" {
				got = d.Span.Start
			}
		}
		if got != want {
			t.Errorf("%q: said at %d, want %d", src, got, want)
		}
	}
}
