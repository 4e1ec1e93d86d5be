package config

import (
	"encoding/base64"
	"strings"
	"testing"
)

const pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nMzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\nNMoSfm76\n-----END KEY-----\n"

// secretProject has a Secret with values of all sorts.
func secretProject() *Project {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return &Project{Settings: Settings{SecretScrub: true}, YAML: []Object{
		{Content: map[string]any{"kind": "Secret", "metadata": map[string]any{"name": "db"},
			"data": map[string]any{
				"password": b64("hunter2\n"), "flag": b64("1"), "on": b64("true"), "pin": b64("a7c"), "key": b64(pem),
				"quoted": b64(`say "hi" & go`), "wrapped": b64("line one of it")[:8] + "\n  " + b64("line one of it")[8:], "wrong": "not base64!",
			},
			"stringData": map[string]any{"token": "t0ps3cret", "more": "t0ps3cret-and-more", "number": int64(90210), "nothing": nil}}},
		{Content: map[string]any{"kind": "ConfigMap", "data": map[string]any{"a": "visible"}}},
	}}
}

func TestScrub(t *testing.T) {
	for text, want := range map[string]string{
		"login hunter2":            "login [redacted secret db:password]",
		"hunter2hunter2":           "[redacted secret db:password][redacted secret db:password]",
		"login aHVudGVyMgo=":       "login [redacted secret db:password]", // with the newline, as the object says it
		"login aHVudGVyMg==":       "login [redacted secret db:password]", // and without
		"login aHVudGVyMg":         "login [redacted secret db:password]",
		"t0ps3cret":                "[redacted secret db:token]",
		"t0ps3cret-and-more":       "[redacted secret db:more]",
		"dDBwczNjcmV0":             "[redacted secret db:token]",
		"pin a7c, word a7cd, _a7c": "pin [redacted secret db:pin], word a7cd, _a7c",
		"a7c":                      "[redacted secret db:pin]",
		"1 visible, 10 true":       "1 visible, 10 true",
		"zip 90210":                "zip [redacted secret db:number]",
		"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj": "[redacted secret db:key]",
		"x NMoSfm76 x":                 "x [redacted secret db:key] x",
		`{"q":"say \"hi\" & go"}`:      `{"q":"[redacted secret db:quoted]"}`,
		`{"q":"say \"hi\" \u0026 go"}`: `{"q":"[redacted secret db:quoted]"}`,
		"?q=say+%22hi%22+%26+go&x":     "?q=[redacted secret db:quoted]&x",
		"line one of it":               "[redacted secret db:wrapped]",
		"not base64!":                  "[redacted secret db:wrong]",
		"<nil> stays":                  "<nil> stays",
		"":                             "",
	} {
		s := SecretsOf(secretProject())
		got := s.Scrub(text)
		if got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
		if again := s.Scrub(got); again != got {
			t.Errorf("%q is scrubbed again to %q", got, again)
		}
	}
	for line := range strings.Lines(base64.StdEncoding.EncodeToString([]byte(pem))) {
		for _, n := range []int{64, 76} {
			if got := SecretsOf(secretProject()).Scrub("| " + line[:n]); strings.Contains(got, line[:n]) {
				t.Errorf("a line of %d bytes of base64 is shown: %q", n, got)
			}
		}
	}
}

// TestScrubNamesThatAreValues has a value that stands in what is shown in
// place of values.
func TestScrubNamesThatAreValues(t *testing.T) {
	p := &Project{Settings: Settings{SecretScrub: true}, YAML: []Object{{Content: map[string]any{
		"kind": "Secret", "metadata": map[string]any{"name": "secret"}, "stringData": map[string]any{"word": "secret", "other": "redacted"},
	}}}}
	s := SecretsOf(p)
	got := s.Scrub("the secret is redacted")
	const want = "the [redacted secret secret:word] is [redacted secret secret:other]"
	if got != want || s.Scrub(got) != want {
		t.Errorf("%q, then %q, want %q twice", got, s.Scrub(got), want)
	}
	if got := s.Scrub("[redacted secret ]"); got != "[[redacted secret secret:other] [redacted secret secret:word] ]" {
		t.Errorf("what only begins like it shows values: %q", got)
	}
}

func TestScrubIsSwitchedOff(t *testing.T) {
	p := secretProject()
	p.Settings.SecretScrub = false
	if got := SecretsOf(p).Scrub("login hunter2"); got != "login hunter2" {
		t.Errorf("with scrubbing off: %q", got)
	}
	if SecretsOf(nil) != nil || SecretsOf(&Project{Settings: Settings{SecretScrub: true}}) != nil {
		t.Error("no Secrets hide something")
	}
}

func TestMergedSecrets(t *testing.T) {
	one := func(v string) *Secrets {
		var s *Secrets
		return s.With(map[string]any{"kind": "Secret", "metadata": map[string]any{"name": "s"}, "stringData": map[string]any{v: v}})
	}
	var none *Secrets
	both := one("first").Merge(one("second")).Merge(none)
	if got := none.Merge(both).Scrub("first second third"); got != "[redacted secret s:first] [redacted secret s:second] third" {
		t.Errorf("%q", got)
	}
	if got := one("first").Longest(); got < len("first") || none.Longest() != 0 {
		t.Errorf("longest: %d", got)
	}
}

func TestScrubbedProblemsAndObjects(t *testing.T) {
	s := SecretsOf(secretProject())
	p := &Problem{Message: "bad hunter2", Hint: "not t0ps3cret", Stack: []Frame{{Name: "f", Text: "f('hunter2')"}}}
	got := s.ScrubProblem(p)
	if text := got.Message + got.Hint + got.Stack[0].Text; strings.Contains(text, "hunter2") || strings.Contains(text, "t0ps3cret") {
		t.Errorf("%+v", got)
	}
	if p.Message != "bad hunter2" || p.Stack[0].Text != "f('hunter2')" {
		t.Error("the problem itself was changed")
	}
	if s.ScrubProblem(nil) != nil {
		t.Error("a problem where there is none")
	}
	object := secretProject().YAML[0].Content
	shown := s.ScrubObject(object)
	if data := shown["data"].(map[string]any); data["flag"] != "[redacted secret db:flag]" {
		t.Errorf("a Secret's value is shown: %v", data)
	}
	if object["data"].(map[string]any)["flag"] != "MQ==" {
		t.Error("the object itself was changed")
	}
	other := s.ScrubObject(map[string]any{"kind": "Pod", "args": []any{"--password=hunter2", int64(7)}})
	if got := other["args"].([]any)[0]; got != "--password=[redacted secret db:password]" {
		t.Errorf("another object shows it: %v", got)
	}
}

func BenchmarkScrub(b *testing.B) {
	s := SecretsOf(secretProject())
	line := strings.Repeat("2026/11/21 18:00:01 GET /api/v1/things 200 12ms ", 4)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		s.Scrub(line)
	}
}
