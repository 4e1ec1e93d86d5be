package logs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func TestFilters(t *testing.T) {
	s := opened(t, t.TempDir())
	at := func(sec int64, resource, text string) {
		s.Add(api.LogLine{Time: time.Unix(sec, 0), Resource: resource, Source: api.LogRuntime, Pod: resource, Text: text})
	}
	at(1, "api", "one")
	at(2, "api", `{"level":"warn","msg":"slow","path":"/a","ms":12}`)
	at(3, "api", "two")
	at(3, "web", `level=error msg="no db" path=/b`)
	at(4, "api", "panic: boom")
	at(4, "web", "between")
	at(4, "api", "goroutine 1 [running]:")
	at(4, "api", "main.handler()")
	at(5, "api", "three")
	at(6, "api-worker", "\x1b[31mFOUR\x1b[0m")
	at(7, "", "of the Tiltfile")
	labels := func(name string) []string { return map[string][]string{"web": {"front"}, "api": {"back"}}[name] }
	known := Known{Resources: []string{"api", "api-worker", "web"}, Labels: labels}
	panicked := []string{"panic: boom", "goroutine 1 [running]:", "main.handler()"}
	tests := []struct {
		name   string
		filter api.LogFilter
		want   []string // the beginnings
	}{
		{"text, whatever the case", api.LogFilter{Text: "four"}, []string{"\x1b[31mFOUR"}},
		{"text beyond colours", api.LogFilter{Regex: "^FOUR$"}, []string{"\x1b[31mFOUR"}},
		{"expression", api.LogFilter{Regex: "^(one|two)$"}, []string{"one", "two"}},
		{"level and above", api.LogFilter{Level: "warn"}, append([]string{`{"level":"warn"`, "level=error"}, panicked...)},
		{"level by another name", api.LogFilter{Level: "WARNING", Resources: []string{"web"}}, []string{"level=error"}},
		{"field", api.LogFilter{Field: []string{"path=/a"}}, []string{`{"level":"warn"`}},
		{"fields", api.LogFilter{Field: []string{"path", "ms=12"}}, []string{`{"level":"warn"`}},
		{"field that is no field of its own", api.LogFilter{Field: []string{"level=error"}}, []string{"level=error"}},
		{"no such value", api.LogFilter{Field: []string{"path="}}, nil},
		{"a trace is whole", api.LogFilter{Text: "main.handler"}, panicked},
		{"context is of what wrote it", api.LogFilter{Text: "slow", Context: 1}, []string{"one", `{"level":"warn"`, "two"}},
		{"context around a trace", api.LogFilter{Text: "boom", Context: 1}, append(append([]string{"two"}, panicked...), "three")},
		{"context that overlaps", api.LogFilter{Regex: "one|two", Context: 5}, append(append([]string{"one", `{"level"`, "two"}, panicked...), "three")},
		{"since", api.LogFilter{Since: time.Unix(6, 0)}, []string{"\x1b[31mFOUR", "of the"}},
		{"until", api.LogFilter{Until: time.Unix(1, 0)}, []string{"one"}},
		{"pattern", api.LogFilter{Resources: []string{"api-*"}}, []string{"\x1b[31mFOUR"}},
		{"label", api.LogFilter{Labels: []string{"front"}}, []string{"level=error", "between"}},
		{"label and name", api.LogFilter{Labels: []string{"front"}, Resources: []string{"api-worker"}}, []string{"level=error", "between", "\x1b[31mFOUR"}},
		{"the Tiltfile", api.LogFilter{Resources: []string{Tiltfile}}, []string{"of the"}},
		{"all at once", api.LogFilter{Level: "error", Text: "db", Labels: []string{"front"}, Since: time.Unix(3, 0), Until: time.Unix(3, 0)}, []string{"level=error"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			err := s.Serve(t.Context(), api.LogsRequest{LogFilter: test.filter}, known, func(lines []api.LogLine) error {
				for _, l := range lines {
					text := l.Text
					if n := len(got); n < len(test.want) && strings.HasPrefix(text, test.want[n]) {
						text = test.want[n]
					}
					got = append(got, text)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := texts(t, s, api.LogsRequest{LogFilter: api.LogFilter{Level: "warn"}, Tail: 3}); !cmp.Equal(got, panicked) {
		t.Errorf("the last 3 of a filter: %q", got)
	}
}

func TestFiltersThatCannotBe(t *testing.T) {
	names := []string{"web", "web-worker", "db", "cache", "queue", "mail", "auth", "search", "bill", "ship"}
	known := Known{Resources: names, Labels: func(string) []string { return []string{"backend"} }}
	tests := []struct {
		filter        api.LogFilter
		known         Known
		message, hint string
	}{
		{api.LogFilter{Resources: []string{"wbe"}}, known, `no resource "wbe"`, "did you mean web?"},
		{api.LogFilter{Resources: []string{"WEB"}}, known, `no resource "WEB"`, "did you mean web or web-worker?"},
		{api.LogFilter{Resources: []string{"db", "nope"}}, known, `no resource "nope"`, "there are auth, bill, cache, db, mail, queue, search, ship and 2 more"},
		{api.LogFilter{Resources: []string{"x*"}}, known, `no resource "x*"`, "there are"},
		{api.LogFilter{Resources: []string{""}}, known, `no resource ""`, "and 2 more"},
		{api.LogFilter{Resources: []string{"[a"}}, known, "no pattern", "* stands"},
		{api.LogFilter{Labels: []string{"front"}}, known, `label "front"`, "there are backend"},
		{api.LogFilter{Labels: []string{"front"}}, Known{Resources: names}, "labels", "name resources"},
		{api.LogFilter{Level: "loud"}, known, `no level "loud"`, "trace, debug, info, warn, error, fatal"},
		{api.LogFilter{Regex: "("}, known, "expression", "RE2"},
		{api.LogFilter{Regex: strings.Repeat("a", maxPattern+1)}, known, "at most", ""},
		{api.LogFilter{Context: -1}, known, "context", ""},
	}
	for _, test := range tests {
		_, err := NewFilter(test.filter, test.known)
		var p *config.Problem
		if !errors.As(err, &p) || !strings.Contains(p.Message, test.message) || !strings.Contains(p.Hint, test.hint) {
			t.Errorf("%+v: %+v", test.filter, p)
		}
	}
	if _, err := NewFilter(api.LogFilter{Resources: []string{"to-come"}}, Known{}); err != nil {
		t.Errorf("a resource that may come: %v", err)
	}
}
