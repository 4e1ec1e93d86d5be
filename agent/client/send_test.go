package client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/agent/wire"
)

// bases is a source that counts what may be a base.
type bases struct {
	Bytes
	arrived int
	takes   time.Duration // to find one
}

func (b *bases) Base(wire.File) ([]byte, wire.Digest, bool) {
	time.Sleep(b.takes)
	return nil, wire.Digest{}, false
}
func (b *bases) Arrived(wire.File) { b.arrived++ }

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
		s.arrived(nil)
		if source.arrived != test.want {
			t.Errorf("at %d bytes a second, delta=%v: %d bases, want %d", test.speed, test.delta, source.arrived, test.want)
		}
	}
}

// TestPatchesThatDoNotPay: a link that was measured in a slow moment is measured
// again, and one that is slow is not.
func TestPatchesThatDoNotPay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := wire.File{Kind: wire.KindRegular, Size: 10 << 20}
		for _, test := range []struct {
			speed, want int64
			takes       time.Duration
			delta       bool
		}{
			{speed: 50 << 20, takes: 250 * time.Millisecond, want: fastForPatch + 1},
			{speed: 50 << 20, takes: 150 * time.Millisecond, want: 50 << 20},
			{speed: 1 << 20, takes: 5 * time.Second, want: 1 << 20},
			{speed: 50 << 20, takes: time.Second, delta: true, want: 50 << 20},
			{speed: 0, takes: time.Second, want: 0},
		} {
			c := &Client{}
			c.speed.Store(test.speed)
			s := &sender{client: c, change: &Change{Source: &bases{takes: test.takes}, Delta: test.delta}}
			if _, _, err := s.patch(f); err != nil {
				t.Fatal(err)
			}
			if got := c.speed.Load(); got != test.want {
				t.Errorf("a patch of 10 MB in %v at %d bytes a second: now %d, want %d", test.takes, test.speed, got, test.want)
			}
		}
	})
}
