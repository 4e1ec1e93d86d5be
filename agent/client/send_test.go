package client

import (
	"testing"

	"github.com/towline-dev/towline/agent/wire"
)

// bases is a source that counts what may be a base.
type bases struct {
	Bytes
	arrived int
}

func (b *bases) Base(wire.File) ([]byte, wire.Digest, bool) { return nil, wire.Digest{}, false }
func (b *bases) Arrived(wire.File)                          { b.arrived++ }

// TestBasesAreKeptForSlowLinksOnly: keeping a base costs as much as reading and
// writing the file.
func TestBasesAreKeptForSlowLinksOnly(t *testing.T) {
	files := []wire.File{{Kind: wire.KindRegular, Size: patchFrom}, {Kind: wire.KindRegular, Size: patchFrom - 1}, {Kind: wire.KindDir}, {Kind: wire.KindSymlink, Size: patchFrom}}
	for _, test := range []struct {
		speed int64
		delta bool
		want  int
	}{
		{0, false, 1}, // not known yet
		{fastForPatch, false, 1},
		{fastForPatch + 1, false, 0},
		{fastForPatch + 1, true, 1}, // towline.sync(mode='delta')
	} {
		c, source := &Client{}, &bases{}
		c.speed.Store(test.speed)
		s := &sender{client: c, change: &Change{Transaction: wire.Transaction{Files: files}, Source: source, Delta: test.delta}}
		s.arrived()
		if source.arrived != test.want {
			t.Errorf("at %d bytes a second, delta=%v: %d bases, want %d", test.speed, test.delta, source.arrived, test.want)
		}
	}
}
