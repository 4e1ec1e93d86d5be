package wire

import (
	"testing"
)

// A download goes on for as long as it takes after the client's end. A limit of
// yamux' cuts it, whatever flows.
func TestHalfClosedStreamHasNoTimeLimit(t *testing.T) {
	if limit := muxConfig(false).StreamCloseTimeout; limit != 0 {
		t.Errorf("the daemon's streams end %s after a half of them", limit)
	}
}
