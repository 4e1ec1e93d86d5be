package main

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
)

// TestViewEnded: that what is up stays up is said only where it is up.
func TestViewEnded(t *testing.T) {
	for _, c := range []struct {
		last *api.Status
		want string
	}{
		{&api.Status{Up: true, State: api.StateReady}, "what is up stays up"},
		{&api.Status{Up: true, State: api.StateStopping}, "going down goes on"},
		{&api.Status{}, "shows what is up"},
		{nil, "shows what is up"},
	} {
		if got := viewEnded(c.last); !strings.Contains(got, c.want) || strings.Contains(got, "stays up") != (c.want == "what is up stays up") {
			t.Errorf("after %+v: %q, want %q", c.last, got, c.want)
		}
	}
}
