package logs

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
)

// shown is what a line says, in a line: LEVEL|message|k=v k=v
func shown(text string) string {
	l := api.LogLine{Text: text}
	Recognise(&l)
	var fields []string
	for _, f := range l.Fields {
		fields = append(fields, f.Key+"="+f.Value)
	}
	out := l.Level + "|" + l.Message + "|" + strings.Join(fields, " ")
	if l.Logged != nil {
		out += "|" + l.Logged.UTC().Format("2006-01-02T15:04:05.999")
	}
	return out
}

func TestRecognise(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", "listening on :8080", "||"},
		{"zap", `{"level":"info","ts":1700000000.5,"caller":"a.go:1","msg":"up","port":8080}`, "info|up|caller=a.go:1 port=8080|2023-11-14T22:13:20.5"},
		{"slog", `{"time":"2026-01-02T03:04:05Z","level":"WARN","msg":"slow","req":{"id":7,"path":"/a"}}`, `warn|slow|req={"id":7,"path":"/a"}|2026-01-02T03:04:05`},
		{"pino", `{"level":50,"time":1700000000000,"pid":1,"msg":"no \"db\""}`, `error|no "db"|pid=1|2023-11-14T22:13:20`},
		{"python", `{"levelname": "CRITICAL", "message": "gone", "n": null, "ok": true, "l": [1, "a,b"]}`, `fatal|gone|n=null ok=true l=[1, "a,b"]`},
		{"structlog", `{"event": "login", "user": "ann", "level": "debug"}`, "debug|login|user=ann"},
		{"a level that is none stays a field", `{"msg":"x","level":"gold"}`, "|x|level=gold"},
		{"a time that is none stays a field", `{"msg":"x","time":"noon"}`, "|x|time=noon"},
		{"data is not a log line", `{"users":[1,2]}`, "||"},
		{"empty object", `{}`, "||"},
		{"torn JSON", `{"level":"error","msg":"a`, "||"},
		{"two objects", `{"msg":"a"} {"msg":"b"}`, "||"},
		{"a list", `[{"msg":"a"}]`, "||"},
		{"too deep", `{"msg":"a","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "||"},
		{"coloured JSON", "\x1b[32m" + `{"msg":"a","level":"info"}` + "\x1b[0m", "info|a|"},
		{"logfmt", `time=2026-01-02T03:04:05.25Z level=ERROR msg="no \"db\"" err=EOF n=3`, `error|no "db"|err=EOF n=3|2026-01-02T03:04:05.25`},
		{"go-kit", `ts=2026-01-02T03:04:05Z caller=main.go:3 level=info msg=up`, "info|up|caller=main.go:3|2026-01-02T03:04:05"},
		{"logfmt with an empty value", `level=info msg= a=`, "info||a="},
		{"an assignment", `PATH=/bin HOME=/root`, "||"},
		{"words between pairs", `level=info hello world=1`, "||"},
		{"a quote without end", `level=info msg="a`, "||"},
		{"bracketed", "[ERROR] no", "error||"},
		{"spring", "2026-01-02 03:04:05.123  WARN 1 --- [main] c.e.App : slow", "warn||"},
		{"uvicorn", "INFO:     127.0.0.1 - GET /", "info||"},
		{"coloured level", "\x1b[31mERROR\x1b[0m no", "error||"},
		{"gcc", "error: no such file", "error||"},
		{"klog", "E0102 15:04:05.123 1 a.go:1] no", "error||"},
		{"the word in a sentence", "no error was found, info follows", "||"},
		{"a key like a level", "ERROR=1 x", "||"},
		{"a word far behind", strings.Repeat("x ", 60) + "ERROR", "||"},
		{"go panic", "panic: boom", "error||"},
		{"java", "java.lang.IllegalStateException: no", "error||"},
		{"python error", "ValueError: no", "error||"},
		{"an error in a path", "pkg/SomeError: no", "||"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := shown(test.text); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	long := `{"level":"error","msg":"` + strings.Repeat("x", maxRecognised) + `"}`
	if got := shown(long); got != "||" {
		t.Errorf("a line beyond the limit: %.40s", got)
	}
	many := `{"msg":"x"` + strings.Repeat(`,"k":1`, 500) + "}"
	l := api.LogLine{Text: many}
	if Recognise(&l); len(l.Fields) >= maxFields {
		t.Errorf("%d fields", len(l.Fields))
	}
	own := api.LogLine{Source: api.LogTowline, Text: `{"level":"error","msg":"x"}`}
	if Recognise(&own); own.Level != "" || own.Message != "" {
		t.Errorf("a line of our own: %+v", own)
	}
}

func TestPlain(t *testing.T) {
	tests := map[string]string{
		"a":                              "a",
		"\x1b[1;31mred\x1b[0m.":          "red.",
		"\x1b]8;;http://x\x07link":       "link",
		"\x1b]8;;http://x\x1b\\link":     "link",
		"\x1b":                           "",
		"\x1b[12":                        "[12",
		"\x1b[\x01x":                     "[\x01x",
		"a\x1bcb":                        "ab",
		"\x1b\xffx":                      "\xffx",
		"no end \x1b]0;title and so on…": "no end ]0;title and so on…",
	}
	for text, want := range tests {
		if got := Plain(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzRecognise looks that nothing panics, that no byte of the original is lost,
// and that fields are found where encoding/json finds them.
func FuzzRecognise(f *testing.F) {
	for _, seed := range []string{`{"msg":"a","x":{"y":[1,"}"]},"level":"info"}`, `level=info msg="a b" c=d`, "\x1b[31mERROR\x1b[0m x", "goroutine 1 [running]:", "{ }", `{"a":1,"msg":"\u0000"}`, "/a.js:1", "\xff\xfe{"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := presented(api.LogLine{Text: text, Seq: 2})
		if Original(l) != text {
			t.Fatalf("the original of %q is %q", text, Original(l))
		}
		if len(Plain(text)) > len(text) {
			t.Fatalf("%q grew", text)
		}
		new(traces).head(&l)
		if _, err := json.Marshal(l); err != nil {
			t.Fatal(err)
		}
		fields, ok := jsonFields(text)
		var want map[string]json.RawMessage
		if !ok || depth(text) > maxDepth {
			return
		}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		got := map[string]bool{}
		for _, field := range fields {
			got[strings.ToValidUTF8(field.Key, "\uFFFD")] = true
		}
		if !strings.Contains(text, `\`) && strings.ToValidUTF8(text, "") == text && len(got) != len(want) {
			t.Fatalf("%q has fields %v, want %v", text, got, want)
		}
	})
}

// records shows which lines belong together: "1", "1+" of the same record.
func records(lines ...string) []int {
	var tr traces
	heads := map[uint64]int{}
	var out []int
	for i, text := range lines {
		l := api.LogLine{Seq: uint64(i + 1), Source: api.LogRuntime, Text: text}
		if l.Head = tr.head(&l); l.Head == 0 {
			heads[l.Seq] = len(heads) + 1
			out = append(out, heads[l.Seq])
			continue
		}
		out = append(out, heads[l.Head])
	}
	return out
}

func TestTraces(t *testing.T) {
	tests := []struct {
		name string
		text string // "| " before each line that belongs to the one before
	}{
		{"go panic", "before\npanic: boom\n| \n| goroutine 1 [running]:\n| main.main()\n| \t/app/main.go:7 +0x1d\n| main.(*T).run(0xc000, {0x1, 0x2})\n| created by main.x in goroutine 2\n| exit status 2\nafter"},
		{"go http panic", "2026/01/02 http: panic serving 1.2.3.4:5: boom\n| goroutine 7 [running]:\n| net/http.(*conn).serve.func1()\n| \t/go/server.go:1\nnext one"},
		{"go runtime", "fatal error: all goroutines are asleep - deadlock!\n| \n| goroutine 1 [select (no cases)]:\n| main.main()\nx: y()"},
		{"python", "ERROR:root:no\n| Traceback (most recent call last):\n|   File \"a.py\", line 1, in f\n|     g()\n| ValueError: no\n| \n| During handling of the above exception, another exception occurred:\n| \n| Traceback (most recent call last):\n|   File \"b.py\", line 2\n| KeyError\nINFO: next"},
		{"python alone", "hello\nTraceback (most recent call last):\n|   File \"a.py\", line 1\n| app.errors.Gone: x\nhello"},
		{"java", "2026 ERROR a.B - failed\n| java.lang.RuntimeException: no\n| \tat a.B.c(B.java:1)\n| \t... 12 more\n| Caused by: java.io.IOException: x\n| \tat d.E.f(E.java:2)\n2026 INFO a.B - on"},
		{"java alone", "Exception in thread \"main\" java.lang.X: no\n| \tat a.B.c(B.java:1)\nend"},
		{"node caught", "TypeError: x is not a function\n|     at f (/app/a.js:1:2)\n|     at g (/app/a.js:3:4) {\n|   code: 'E'\n| }\nlistening"},
		{"node uncaught", "/app/server.js:12\n|     throw new Error('x')\n|     ^\n| \n| Error: x\n|     at f (/app/server.js:12:9)\nnext"},
		{"indented text", "usage:\n  a\n  b"},
		{"a call is no panic", "hello\nmain.main()"},
		{"plain", "a\nb\n\nc"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var lines []string
			var want []int
			n := 0
			for text := range strings.SplitSeq(test.text, "\n") {
				rest, joined := strings.CutPrefix(text, "| ")
				if !joined {
					n++
				}
				lines, want = append(lines, rest), append(want, n)
			}
			if diff := cmp.Diff(want, records(lines...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestTracesAreBounded: a trace ends, whatever follows, and other origins have
// their own.
func TestTracesAreBounded(t *testing.T) {
	var tr traces
	own := 0
	for i := range 3 * maxTrace {
		l := api.LogLine{Seq: uint64(i + 1), Text: "\tat a.b(C.java:1)"}
		if tr.head(&l) == 0 {
			own++
		}
	}
	if own != 3 {
		t.Errorf("%d records, want 3", own)
	}
	for i := range 3 * maxOrigins {
		l := api.LogLine{Seq: uint64(i + 1), Pod: strings.Repeat("x", i%7) + string(rune(i))}
		tr.head(&l)
	}
	if len(tr.of) > maxOrigins {
		t.Errorf("%d origins are followed", len(tr.of))
	}
}
