package lsp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlacesInOutput has what tools print, each in its own form.
func TestPlacesInOutput(t *testing.T) {
	for name, test := range map[string]struct{ output, want string }{
		"go":    {"# example.com/api\n./main.go:48:2: syntax error: unexpected }\n./main.go:48:2: syntax error: unexpected }", "./main.go:48:2 syntax error: unexpected }"},
		"vet":   {"vet: ./a.go:3:7: undefined: x", "./a.go:3:7 undefined: x"},
		"test":  {"--- FAIL: TestX (0.00s)\n    a_test.go:12: got 1", "a_test.go:12:0 got 1"},
		"gcc":   {"lib.c: In function 'f':\nlib.c:7:3: error: 'x' undeclared\n    7 |   x = 1;\n      |   ^", "lib.c:7:3 error: 'x' undeclared"},
		"link":  {"lib.c:7: error: no", "lib.c:7:0 error: no"},
		"built": {"#12 0.532 \x1b[31mcmd/x.go:3:1: undefined: y\x1b[0m", "cmd/x.go:3:1 undefined: y"},
		"tsc": {"src/a.ts(3,5): error TS2304: Cannot find name 'x'.\nsrc/b.ts:4:6 - error TS2322: No.\n\n4 let x",
			"src/a.ts:3:5 error TS2304: Cannot find name 'x'.\nsrc/b.ts:4:6 - error TS2322: No."},
		"eslint": {"/w/src/a.js\n  12:5   error    'x' is not defined  no-undef\n  13:1   warning  Unexpected  no-console\n\n  99:1  error  of no file",
			"/w/src/a.js:12:5 'x' is not defined  no-undef\n/w/src/a.js:13:1 Unexpected  no-console"},
		"rustc":       {"error[E0425]: cannot find value `x`\n --> src/main.rs:2:5\n  |\n2 |     x;", "src/main.rs:2:5 error[E0425]: cannot find value `x`"},
		"rust panics": {"thread 'main' panicked at src/main.rs:4:9:\nindex out of bounds\nnote: run with RUST_BACKTRACE", "src/main.rs:4:9 index out of bounds"},
		"python": {"Traceback (most recent call last):\n  File \"/w/app.py\", line 3, in <module>\n    run()\n  File \"/usr/lib/python3/json.py\", line 9, in loads\n    raise\njson.decoder.JSONDecodeError: Expecting value",
			"1 /usr/lib/python3/json.py:9:0 json.decoder.JSONDecodeError: Expecting value\n1 /w/app.py:3:0 json.decoder.JSONDecodeError: Expecting value"},
		"python's syntax": {"  File \"app.py\", line 3\n    def f(:\n          ^\nSyntaxError: invalid syntax", "1 app.py:3:0 SyntaxError: invalid syntax"},
		"pytest":          {"tests/test_a.py:12: AssertionError", "tests/test_a.py:12:0 AssertionError"},
		"javac":           {"src/Foo.java:3: error: ';' expected", "src/Foo.java:3:0 error: ';' expected"},
		"maven":           {"[ERROR] /w/src/Foo.java:[12,8] cannot find symbol", "/w/src/Foo.java:12:8 cannot find symbol"},
		"kotlin":          {"e: file:///w/Foo.kt:3:5 Unresolved reference: x", "/w/Foo.kt:3:5 Unresolved reference: x"},
		"dotnet":          {"Foo.cs(3,5): error CS0103: The name 'x' [/w/a.csproj]", "Foo.cs:3:5 error CS0103: The name 'x' [/w/a.csproj]"},
		"node": {"/w/a.js:3\n    x.y()\nTypeError: x is undefined\n    at run (/w/a.js:3:7)\n    at Object.<anonymous> (/w/b.js:9:1)\n    at node:internal/main:1:1\nnext\n    at file:///w/c.mjs:1:2",
			"1 /w/a.js:3:7 TypeError: x is undefined\n1 /w/b.js:9:1 TypeError: x is undefined\n2 /w/c.mjs:1:2 next"},
		"esbuild": {"✘ [ERROR] Could not resolve \"x\"\n\n    src/a.ts:3:7:\n      3 │ import x", "src/a.ts:3:7 ✘ [ERROR] Could not resolve \"x\""},
		"webpack": {"ERROR in ./src/a.ts:3:5\nTS2304: Cannot find name 'x'.", "./src/a.ts:3:5 TS2304: Cannot find name 'x'."},
		"ruby":    {"a.rb:3:in `f': undefined method (NoMethodError)", "a.rb:3:0 undefined method (NoMethodError)"},
		"php":     {"PHP Parse error:  syntax error, unexpected '}' in /w/a.php on line 7", "/w/a.php:7:0 PHP Parse error:  syntax error, unexpected '}'"},
		"nothing": {"12:30:01: not a file\nhttp://localhost:8080/x.go: no\nstep 3/4 : RUN go build\nsee main.go:0:0: no line\nTypeError: no frames\nFile \"a.py\", line 3\ngo 1.26.1 is here\n2026-01-02T12:30:01.5: x", ""},
		"cut off": {"thread 'main' panicked at src/main.rs:4:9:", "src/main.rs:4:9 thread 'main' panicked at src/main.rs:4:9:"},
	} {
		var got []string
		for _, p := range placesIn(strings.Split(test.output, "\n")) {
			text := fmt.Sprintf("%s:%d:%d %s", p.file, p.line, p.col, p.message)
			if p.stack > 0 {
				text = fmt.Sprint(p.stack, " ", text)
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(test.want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestPlacesAreBounded: by number, and a line's length.
func TestPlacesAreBounded(t *testing.T) {
	lines := []string{strings.Repeat("x", outputLine) + ".go:1:1: far away"}
	for i := range 3 * outputPlaces {
		lines = append(lines, fmt.Sprintf("a.go:%d: no", i+1))
	}
	if got := placesIn(lines); len(got) != outputPlaces || got[0].file != "a.go" {
		t.Errorf("%d places, first %+v", len(got), got[0])
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add("x.js:1:2\n  at f (x.js:1:2)\n\n  at g (y.js:3)\nFile \"a.py\", line 3\nE_Error: no\na.ts\n 1:2 error x")
	f.Fuzz(func(t *testing.T, output string) {
		for _, p := range placesIn(strings.Split(output, "\n")) {
			if p.line < 1 || p.message == "" || p.file == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}
