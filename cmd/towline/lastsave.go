package main

import (
	"fmt"
	"io"
	"time"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
)

// printLastSaves says what became of the last save of each resource that a person
// asked for.
func printLastSaves(w io.Writer, resources []api.ResourceStatus, now time.Time) {
	for i, r := range resources {
		if i == 0 {
			fmt.Fprintln(w)
		}
		text := lastSave(r, now)
		if text == "" {
			text = "nothing was saved since it is up"
		}
		say(w, fmt.Sprintf("last save of %s: %s", r.Name, text))
	}
}

// lastSave is a sentence about the last save of a resource, "" if there was none.
func lastSave(r api.ResourceStatus, now time.Time) string {
	if r.LastSave == nil {
		return ""
	}
	return fmt.Sprintf("%s (%s)", words.Line(r.LastSave.Text), words.Ago(now.Sub(r.LastSave.Saved)))
}
