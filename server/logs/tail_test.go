package logs

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
)

// TestTailIsTheEndOfAll asks for the last lines, more and more of them: each time
// they are the last of all that the filter picks, and no stack trace is cut. Two pods
// write, and one's stack trace lies between the other's lines.
func TestTailIsTheEndOfAll(t *testing.T) {
	s := opened(t, t.TempDir())
	at := 0
	add := func(pod, text string) {
		at++
		s.Add(api.LogLine{Time: time.Unix(int64(at), 0), Resource: pod, Source: api.LogRuntime, Pod: pod, Text: text})
	}
	for round := range 3 {
		add("api", fmt.Sprintf("panic: boom %d", round))
		add("web", fmt.Sprintf("error: boom %d", round))
		add("api", "")
		add("api", "goroutine 1 [running]:")
		add("web", fmt.Sprintf("error: boom again %d", round))
		add("api", fmt.Sprintf("main.handler%d()", round))
		add("web", fmt.Sprintf("error: boom at last %d", round))
		add("web", "all is well")
	}
	for name, filter := range map[string]api.LogFilter{
		"text": {Text: "boom"}, "context": {Text: "again", Context: 2}, "one": {Text: "handler1"}, "level": {Level: "error"}, "all": {},
		"pod": {Resources: []string{"api"}, Text: "boom"},
	} {
		all := served(t, s, api.LogsRequest{LogFilter: filter})
		for n := 1; n <= len(all)+1; n++ {
			got := served(t, s, api.LogsRequest{LogFilter: filter, Tail: n})
			from := max(0, len(all)-n)
			if name != "all" {
				from = wholeFrom(all, from)
			}
			if diff := cmp.Diff(all[from:], got); diff != "" {
				t.Errorf("%s, the last %d (-want +got):\n%s", name, n, diff)
			}
		}
	}
}

// wholeFrom goes back to where all records begin of which there are lines.
func wholeFrom(all []api.LogLine, from int) int {
	for i := len(all) - 1; i >= 0; i-- {
		for j := range all {
			if i >= from && all[i].Head == all[j].Seq && j < from {
				return wholeFrom(all, j)
			}
		}
	}
	return from
}

// TestTailOfManyRecords: what is kept while a long log is read is cut at no other place.
func TestTailOfManyRecords(t *testing.T) {
	s := opened(t, t.TempDir())
	for n := range 1500 {
		for _, text := range []string{fmt.Sprintf("panic: boom %d", n), "", "goroutine 1 [running]:", "main.main()", "\t/app/main.go:7"} {
			s.Add(api.LogLine{Time: time.Unix(int64(n), 0), Resource: "api", Source: api.LogRuntime, Pod: "api", Text: text})
		}
	}
	got := texts(t, s, api.LogsRequest{LogFilter: api.LogFilter{Level: "error"}, Tail: 7})
	if len(got) != 10 || got[0] != "panic: boom 1498" || got[5] != "panic: boom 1499" {
		t.Errorf("the last 7, whole: %q", got)
	}
}
