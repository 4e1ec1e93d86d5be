package syntax

import (
	"fmt"
	"strings"
	"testing"
)

// TestDescribe breaks texts, and wants the first error at the place of the bar,
// with the bracket that is to blame.
func TestDescribe(t *testing.T) {
	for text, want := range map[string]string{
		"x = 1\nf('a', n=1|\ng('b')\n":                          "'(' in line 2",
		"f(\n  'a',\n  b=[g(1), h(2)|\n\ng('c')\n":              "'[' in line 3",
		"f('a',\n  b=[\n    g('x', '/y'|\n    h('z'),\n  ])\n":  "'(' in line 3",
		"f('a',\n  b=[\n    g('x'),\n    h('z')|\n  )\ng(1)\n":  "'[' in line 2",
		"f('a',\n  b=[\n    g('x'),\n    h('z'),\n  |)\ng(1)\n": "'[' in line 2",
		"def f():\n    g('x'|\n    h('y')\nf()\n":               "'(' in line 2",
		"def f(|\n    pass\n":                                   "'(' in line 1",
		"x = {\n  'a': 1,\n  'b': 2|\ny = 2\n":                  "'{' in line 1",
		"x = {'a': (1, 2|}\ny = 2\n":                            "'(' in line 1",
		"if (x == 1|:\n    f()\n":                               "'(' in line 1",
		"load('a', 'b'|\nf('x')\n":                              "'(' in line 1",
		"x = f(g(1)|":                                           "'(' in line 1",
		"x = [1, 2|)\ny = 2\n":                                  "'[' in line 1",
		"f(x,\r\n  y=[1|\r\ng()\r\n":                            "'[' in line 2",
		// Nothing is left open.
		"x = f(a |b)\n":                    "",
		"f('a'|\n  'b', c=1)\n":            "",
		"x = [\n  'a'|\n  f(b),\n]\n":      "",
		"f([a |b]\ng()\n":                  "",
		"x = 1|)\n":                        "",
		"x = = (1\ny = 2\n":                "",
		"f('a, c='|x')\ng()\n":             "",
		"f('abc\ng()\n":                    "",
		"x = (a|=1, b)\n":                  "",
		"x = |= 2\n":                       "",
		"f(1, 1|=2\n":                      "",
		"x = " + strings.Repeat("(", 1200): "",
	} {
		src := strings.Replace(text, "|", "", 1)
		f := ParseString("t", src)
		if len(f.Errors) == 0 {
			t.Errorf("%q: no error", src)
			continue
		}
		at, message := f.Describe(f.Errors[0])
		blamed, _, has := strings.Cut(message, " is not closed (")
		if !has {
			blamed = ""
		}
		if bar := strings.IndexByte(text, '|'); blamed != want || bar >= 0 && at.Start != bar {
			t.Errorf("%.80q: %s at %q, want %q", text, fmt.Sprintf("%.80s", message), src[:at.Start], want)
		}
	}
}
