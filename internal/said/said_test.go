package said

import (
	"strings"
	"testing"
)

func TestLast(t *testing.T) {
	for output, want := range map[string]string{
		"":                          "",
		"one\ntwo\r\n\n  \n":        "two",
		"Error: ENOENT\nbut it ran": "but it ran",
		"panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:7 +0x1d\nexit status 2\n":                                                                      "panic: boom",
		"fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [select]:\nmain.main()":                                                                         "fatal error: all goroutines are asleep - deadlock!",
		"Traceback (most recent call last):\n  File \"app.py\", line 3, in <module>\nValueError: none":                                                                     "ValueError: none",
		"/app/x.js:3\n  throw new Error(\"lost\")\n  ^\n\nError: lost\n    at Object.<anonymous> (/app/x.js:3:9)\n\nNode.js v22.1.0":                                       "Error: lost",
		"node:internal/loader:1\n  throw err;\n  ^\n\nError: Cannot find module './x'\nRequire stack:\n- /app/a.js\n    at A (b:1:2) {\n  code: 'X'\n}\n\nNode.js v20.1.0": "Error: Cannot find module './x'",
		"node:events:1\n\nError: listen EADDRINUSE: address already in use :::80\n    at A {\n  code: 'EADDRINUSE',\n  list: [\n]\n}\n\nNode.js v20":                       "Error: listen EADDRINUSE: address already in use :::80",
		"Exception in thread \"main\" A: a\n\tat A.b(A.java:3)\nCaused by: java.io.IOException: b\n\tat A.c(A.java:9)":                                                     "Caused by: java.io.IOException: b",
		"# shop/api\n./main.go:12:13: undefined: x\n./main.go:18:3: syntax error\n":                                                                                        "./main.go:12:13: undefined: x",
		"a.c:1:5: warning: unused 'y'\na.c:3:9: error: no 'x'\n    3 | x\n      | ^\na.c:4:1: error: later\nmake: *** [a] Error 1":                                         "a.c:3:9: error: no 'x'",
		"src/a.ts(3,5): error TS2304: Cannot find name 'x'.\nsrc/b.ts(1,1): error TS1005: ';' expected.\nFound 2 errors.":                                                  "src/a.ts(3,5): error TS2304: Cannot find name 'x'.",
		"./main.go:12:13: undefined: x\nno such host":                                                                                                                      "no such host",
		"main.go:12: listening\nmain.go:30: the database is gone":                                                                                                          "main.go:30: the database is gone",
		strings.Repeat("é", 300): strings.Repeat("é", most) + "…",
	} {
		if got := Last(output); got != want {
			t.Errorf("%q: %q, want %q", output, got, want)
		}
	}
}

// TestNext: who knows records says what goes on with them, and the next record is
// another one, though it follows a panic.
func TestNext(t *testing.T) {
	w := Words{}.Next("panic: boom", false).Next("main.main()", true)
	if w.Text != "panic: boom" {
		t.Errorf("within the record: %q", w.Text)
	}
	if w = w.Next("started again", false); w.Text != "started again" {
		t.Errorf("after it: %q", w.Text)
	}
}
