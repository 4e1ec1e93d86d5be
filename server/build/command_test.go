package build

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// cancelled is a context that a test ends.
func cancelled(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// alive reports whether a process runs; one that only waits to be reaped does
// not.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// diesSoon waits for the end of a process that was killed: the signal is not
// its end yet.
func diesSoon(pid string) bool {
	for range 5000 {
		if !alive(pid) {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}
