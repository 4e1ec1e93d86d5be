//go:build linux

package serve

import (
	"testing"

	"github.com/towline-dev/towline/internal/podtest"
)

// TestNoHold: without a hold time nobody who came before the look is waited for.
func TestNoHold(t *testing.T) {
	h := newHold(0, false)
	defer h.join()()
	started := make(chan bool, 1)
	go func() { started <- h.wait() }()
	if !podtest.Within(t, started, "the start") {
		t.Error("the application is not started")
	}
	h.release()
	if h.wait() {
		t.Error("the application is started though a request saw to that")
	}
}
