package main

import (
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// TestLastSaves: who asks for a resource hears what became of its last save.
func TestLastSaves(t *testing.T) {
	now := time.Unix(1000, 0)
	saved := &api.LastSave{Saved: now.Add(-12 * time.Second), Text: "main.go: sent after 2 ms, applied 11 ms, ready 700 ms"}
	var out strings.Builder
	printLastSaves(&out, []api.ResourceStatus{{Name: "web", LastSave: saved}, {Name: "db"}}, now)
	want := "\nlast save of web: main.go: sent after 2 ms, applied 11 ms, ready 700 ms (12s ago)\nlast save of db: nothing was saved since it is up\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
