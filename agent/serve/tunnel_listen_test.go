//go:build linux

package serve

import (
	"testing"
	"time"

	"github.com/towline-dev/towline/agent/proc"
)

// A request waits for a program that may listen soon, and for no other.
func TestMayListen(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		status   proc.Status
		debugged bool
		want     bool
	}{
		"it is replaced":                 {proc.Status{State: proc.Stopped}, false, true},
		"it has just begun":              {proc.Status{State: proc.Running, Started: now.Add(-time.Second)}, false, true},
		"it has run for long":            {proc.Status{State: proc.Running, Started: now.Add(-time.Minute)}, false, false},
		"it stands in a debugger":        {proc.Status{State: proc.Running, Started: now.Add(-time.Minute)}, true, true},
		"it ended by itself":             {proc.Status{State: proc.Exited}, false, false},
		"it ended while it was debugged": {proc.Status{State: proc.Exited}, true, false},
	} {
		if got := mayListen(test.status, now, test.debugged); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
