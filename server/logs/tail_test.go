package logs

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
)

// TestTailIsTheEndOfAll asks for the last lines, more and more of them: each time
// they are the last of all that the filter picks. Two pods write, and one's stack
// trace lies between the other's lines.
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
		all := texts(t, s, api.LogsRequest{LogFilter: filter})
		for n := 1; n <= len(all)+1; n++ {
			got := texts(t, s, api.LogsRequest{LogFilter: filter, Tail: n})
			if diff := cmp.Diff(all[max(0, len(all)-n):], got); diff != "" {
				t.Errorf("%s, the last %d (-want +got):\n%s", name, n, diff)
			}
		}
	}
}
