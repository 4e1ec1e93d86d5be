package config

import (
	"encoding/base64"
	"reflect"
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

// TestScrubKnowsWords: what is a word, a name or a port stays, and a password
// never does.
func TestScrubKnowsWords(t *testing.T) {
	object := func(kind, name string, more map[string]any) Object {
		o := map[string]any{"kind": kind, "metadata": map[string]any{"name": name}}
		for k, v := range more {
			o[k] = v
		}
		return Object{Content: o}
	}
	secret := func(name string, values map[string]any) Object {
		return object("Secret", name, map[string]any{"stringData": values})
	}
	p := &Project{Settings: Settings{SecretScrub: true}, Resources: []Resource{{Name: "billing"}}, YAML: []Object{
		secret("cortex-db", map[string]any{
			"user": "cortex", "password": "s3cr3t-Passw0rd", "port": "5432", "ssl": "false", "role": "admin", "catalog": "trino", "host": "db.internal.example.com",
			"team": "billing", "app": "warehouse", "POSTGRES_DB": "cortex_development",
		}),
		secret("lazy", map[string]any{"password": "postgres", "admin-password": "trino-server", "token": "1234", "DB_PASS": "sunflower"}),
		secret("files", map[string]any{
			"url":               "postgres://app:Tr0ub4dor@db:5432/cortex",
			".env":              "PORT=5432\nexport API_TOKEN='abc-def-ghi'\nMODE=dev\n",
			".dockerconfigjson": `{"auths": {"registry": {"username": "robot", "password": "hunter2hunter"}}}`,
		}),
		object("Deployment", "trino-server", map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "warehouse"}}}}}}),
	}}
	s := SecretsOf(p)
	for _, text := range []string{
		"xtrinode, trino-node, trino_x", "connecting to cortex-db as cortex", "true false admin 5432 localhost:5432", "billing is ready",
		"container warehouse", "db.internal.example.com", "cortex_development", "mode dev, robot", "12345",
	} {
		if got := s.Scrub(text); got != text {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
	for _, text := range []string{
		"x s3cr3t-Passw0rd", "xs3cr3t-Passw0rdx", "as postgres", "password=trino-server", "token 1234", "hunter2hunter", "xTr0ub4dorx", "abc-def-ghi",
		"pw:sunflower@host", "catalog trino", "c3VuZmxvd2Vy",
	} {
		if got := s.Scrub(text); !strings.Contains(got, "[redacted secret ") {
			t.Errorf("%q is shown", text)
		}
	}
	if own := "Deployment trino-server in namespace dev"; s.ScrubOwn(own) != own {
		t.Errorf("our own line is shown as %q", s.ScrubOwn(own))
	}
	if got := s.ScrubOwn("the command printed s3cr3t-Passw0rd"); strings.Contains(got, "s3cr3t") {
		t.Errorf("our own line shows a password: %q", got)
	}
}

// TestScrubbedIsByConstruction: a field that nobody thought of is scrubbed too, and
// what others refer to by name is not.
func TestScrubbedIsByConstruction(t *testing.T) {
	type inner struct {
		New  []map[string]*string
		Name string `secrets:"name"`
	}
	type later struct {
		Any   any
		Array [1]inner
		Kind  Kind
		Bytes []byte
		own   string
	}
	value := "t0ps3cret"
	v := later{Any: map[string]any{"kind": "Secret", "metadata": "odd", "data": []any{value}}, Kind: Kind(value), own: value,
		Array: [1]inner{{New: []map[string]*string{{"a": &value, "nil": nil}}, Name: value}}}
	got := Scrubbed(SecretsOf(secretProject()), &v)
	if text := *got.Array[0].New[0]["a"]; strings.Contains(text, value) {
		t.Errorf("shown: %s", text)
	}
	if text := got.Any.(map[string]any)["data"].([]any)[0]; strings.Contains(text.(string), value) {
		t.Errorf("shown: %s", text)
	}
	if got.Array[0].Name != value || got.Kind != Kind(value) || got.own != value || value != "t0ps3cret" {
		t.Errorf("names were changed: %+v", got)
	}
}

// TestCanary has a value in every text of a project that is no name, of fields
// that are added tomorrow too.
func TestCanary(t *testing.T) {
	const canary = "t0ps3cret"
	var p Project
	plant(reflect.ValueOf(&p).Elem(), canary)
	shown := Scrubbed(SecretsOf(secretProject()), &p)
	if text := string(shown.AppendJSON(nil)); strings.Contains(text, canary) || strings.Count(text, "[redacted secret db:token]") < 40 {
		t.Errorf("%d redacted: %s", strings.Count(text, "[redacted secret db:token]"), text)
	}
}

// plant puts a text in everything that has room for one, and one element in
// everything that has elements.
func plant(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			v.SetString(text)
		}
	case reflect.Pointer:
		if v.Type() != reflect.TypeFor[*Secrets]() {
			v.Set(reflect.New(v.Type().Elem()))
			plant(v.Elem(), text)
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(text))
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			plant(v.Index(0), text)
		}
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String {
			value := reflect.New(v.Type().Elem()).Elem()
			plant(value, text)
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("secrets") != "name" {
				plant(v.Field(i), text)
			}
		}
	}
}

// TestScrubNamesThatAreValues has a value that stands in what is shown in
// place of values.
func TestScrubNamesThatAreValues(t *testing.T) {
	p := &Project{Settings: Settings{SecretScrub: true}, YAML: []Object{{Content: map[string]any{
		"kind": "Secret", "metadata": map[string]any{"name": "secret"}, "stringData": map[string]any{"password": "secret", "token": "redacted"},
	}}}}
	s := SecretsOf(p)
	got := s.Scrub("the secret is redacted")
	const want = "the [redacted secret secret:password] is [redacted secret secret:token]"
	if got != want || s.Scrub(got) != want {
		t.Errorf("%q, then %q, want %q twice", got, s.Scrub(got), want)
	}
	if got := s.Scrub("[redacted secret ]"); got != "[[redacted secret secret:token] [redacted secret secret:password] ]" {
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
