package rollout

import (
	"testing"
	"time"

	"github.com/towline-dev/towline/server/kube"
)

// TestClockJumps: the clock of this machine is not the node's, or is set while all is
// up: what has just started there is ready when it has lived for a moment here.
func TestClockJumps(t *testing.T) {
	for _, off := range []time.Duration{-24 * time.Hour, -time.Minute, 0, time.Minute, 24 * time.Hour} {
		inBubble(t, func(t *testing.T, b *bench) {
			b.Image("img", "img:1")
			b.Begin(web())
			b.Applied(web(), []Object{applied("t1")}, true)
			p := pod("web-1", "t1", "other:1") // no agent knows better
			p.Containers[0].StartedAt, p.CreatedAt = time.Now().Add(off), time.Now().Add(off)
			b.emit(ours, changed(p), workload(2, kube.Rollout{Ready: true}), kube.Event{Kind: kube.Synced})
			time.Sleep(2 * moment)
			b.is("web", verdict{ready: true})
			again := p
			again.Containers = append([]kube.Container(nil), p.Containers...)
			again.Containers[0].ID, again.Containers[0].StartedAt = "id-next", time.Now().Add(off)
			b.emit(ours, changed(again))
			time.Sleep(2 * moment)
			b.is("web", verdict{ready: true})
		})
	}
}
