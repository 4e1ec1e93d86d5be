package logs

import (
	"strings"
	"testing"
	"time"
)

// TestLastWords: what a program said last, and of a stack trace what went wrong;
// the next daemon knows it as well.
func TestLastWords(t *testing.T) {
	for said, want := range map[string]string{
		"":                             "",
		"one\ntwo\n\n  ":               "two",
		"\x1b[31mno database\x1b[0m\r": "no database",
		"up\npanic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:7 +0x1d":                                                             "panic: boom",
		"Traceback (most recent call last):\n  File \"/app/app.py\", line 3, in <module>\n    f()\nValueError: no such thing":                        "ValueError: no such thing",
		"/app/x.js:3\n  throw new Error(\"lost\")\n  ^\n\nError: lost\n    at Object.<anonymous> (/app/x.js:3:9)\n\nNode.js v22.1.0":                 "Error: lost",
		"Exception in thread \"main\" java.lang.IllegalStateException: a\n\tat A.b(A.java:3)\nCaused by: java.io.IOException: b\n\tat A.c(A.java:9)": "Caused by: java.io.IOException: b",
		strings.Repeat("x", 300): strings.Repeat("x", 200) + "…",
	} {
		dir := t.TempDir()
		s := opened(t, dir)
		for _, text := range strings.Split(said, "\n") {
			s.Add(line(text))
		}
		other := line("of a sidecar")
		other.Container, other.Time = "sidecar", other.Time.Add(time.Second)
		s.Add(other)
		here := func(p Place) bool { return p.Container == "c" }
		if got := s.LastWords("web", here); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
		if got := s.LastWords("web", func(Place) bool { return true }); got != "of a sidecar" {
			t.Errorf("of all containers: %q", got)
		}
		if got := s.LastWords("api", here); got != "" {
			t.Errorf("of another resource: %q", got)
		}
		s.Close()
		s = opened(t, dir)
		s.Reached(Place{}) // whoever follows logs asks
		if got := s.LastWords("web", here); got != want {
			t.Errorf("%q, after a restart: %q, want %q", said, got, want)
		}
	}
}
