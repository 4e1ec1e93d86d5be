package main

import (
	"strings"
	"testing"
	"time"
)

const stream = `
{"config": {"scanner_name": "govulncheck"}}
{"finding": {"osv": "GO-1", "fixed_version": "v1.26.10", "trace": [{"module": "stdlib", "version": "v1.26.8", "package": "net/http", "function": "Get"}]}}
{"finding": {"osv": "GO-2", "fixed_version": "v0.62.0", "trace": [{"module": "golang.org/x/net", "version": "v0.57.0"}]}}
`

const called = `{"finding": {"osv": "GO-3", "fixed_version": "v2.0.1", "trace": [{"module": "example.com/m", "version": "v2.0.0", "package": "example.com/m", "function": "Do"}]}}`

func TestJudge(t *testing.T) {
	before, after := libraryUntil.AddDate(0, -1, 0), libraryUntil.AddDate(0, 0, 1)
	for _, test := range []struct {
		name, stream string
		now          time.Time
		want         string // in the error; "": none
		listed       string
	}{
		{"Go's own, in time", stream, before, "", "GO-1"},
		{"Go's own, too late", stream, after, "1 known fault", "GO-1"},
		{"a module's", stream + called, before, "1 known fault", "GO-3"},
	} {
		found, err := read(strings.NewReader(test.stream))
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err = judge(found, test.now, &out)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
		if !strings.Contains(out.String(), test.listed) || strings.Contains(out.String(), "GO-2") {
			t.Errorf("%s: listed %q", test.name, out.String())
		}
	}
	if _, err := read(strings.NewReader(`{"finding": `)); err == nil {
		t.Error("a stream that breaks off is taken for whole")
	}
}
