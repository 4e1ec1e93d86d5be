package config

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAppendJSON: what a person or a script reads, to the byte.
func TestAppendJSON(t *testing.T) {
	p := &Project{
		Tiltfile:  "/w/Tiltfile",
		Resources: []Resource{{Name: "<a> & é", Kind: KindLocal, Local: &Local{Cmd: Command{Argv: []string{"echo", "<&>"}, Dir: "/w"}}}},
		YAML: []Object{{Key: "<b>", Content: map[string]any{
			"z": []any{int64(1), 2.5, 1e30, nil, []any{}, map[string]any{}}, "inf": math.Inf(1), "a": []any{math.NaN(), "\x01\u2028"}, "odd": map[any]any{1: 2},
		}}},
	}
	got := string(p.AppendJSON([]byte("before")))
	for _, want := range []string{
		"before{\n  \"schema_version\": ",
		"\n      \"name\": \"\\u003ca\\u003e \\u0026 é\",\n", // a type that writes its own JSON: as encoding/json does
		"\n        \"argv\": [\n          \"echo\",\n          \"\\u003c\\u0026\\u003e\"\n        ],\n",
		"\n      \"key\": \"<b>\",\n",
		"\n      \"content\": {\n        \"a\": [\n          null,\n          \"\\u0001\\u2028\"\n        ],\n        \"inf\": null,\n        \"odd\": null,\n" +
			"        \"z\": [\n          1,\n          2.5,\n          1e+30,\n          null,\n          [],\n          {}\n        ]\n      }\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q", want)
		}
	}
	if !strings.HasSuffix(got, "\n}\n") {
		t.Errorf("it ends with %q", got[len(got)-5:])
	}
	if t.Failed() {
		t.Log(got)
	}
	if !math.IsInf(p.YAML[0].Content["inf"].(float64), 1) {
		t.Error("the project itself was changed")
	}
	finite := &Project{Tiltfile: "/w/Tiltfile"}
	if diff := cmp.Diff(string(finite.AppendJSON(nil)), string(finite.printable().AppendJSON(nil))); diff != "" {
		t.Errorf("a project without such numbers differs:\n%s", diff)
	}
}
