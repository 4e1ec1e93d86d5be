package lsp

import (
	"context"
	"time"

	"github.com/towline-dev/towline/server/workspace"
)

// The times for which a check lets requests go first: a key is usually followed
// by one at once, and the user waits for its answer.
const (
	yieldStep = time.Millisecond / 4
	yieldMost = 10 * time.Millisecond // in all
)

// dropWithin is for how long after a change the check of a text that was edited
// again is dropped. Who types on and on sees diagnostics at least that often.
const dropWithin = 500 * time.Millisecond

// pause is for how long nothing is edited when somebody who typed faster than
// texts can be checked has paused. Until then each check would be dropped, and
// take the time of the answers that are waited for.
const pause = 20 * time.Millisecond

// awaitPause waits until nothing was edited for a pause, or some document has
// waited for long.
func (d *diagnoser) awaitPause(ctx context.Context) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for !d.waitedLong() {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-d.wake:
			timer.Reset(pause)
		}
	}
}

// waitedLong reports whether the diagnostics of a document that changed were not
// published for long.
func (d *diagnoser) waitedLong() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for u := range d.dirty {
		if time.Since(d.since[u]) >= dropWithin {
			return true
		}
	}
	return false
}

// giveWay returns what the check of a document asks between its steps: it waits
// for requests that are being answered, and ends the check, which sets stopped,
// when the document was edited meanwhile.
func (d *diagnoser) giveWay(ctx context.Context, snap *workspace.Snapshot, u string, stopped *bool) func() bool {
	waited := time.Duration(0)
	return func() bool {
		for d.s.asked.Load() > 0 && waited < yieldMost && ctx.Err() == nil {
			time.Sleep(yieldStep)
			waited += yieldStep
		}
		*stopped = ctx.Err() != nil || d.overtaken(snap, u)
		return *stopped
	}
}

// overtaken reports whether there is a newer text of a document, and whoever
// looks at its diagnostics has not waited for long.
func (d *diagnoser) overtaken(snap *workspace.Snapshot, u string) bool {
	now := d.s.docs.Snapshot()
	if now == snap || now.Document(u) == snap.Document(u) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Since(d.since[u]) < dropWithin
}
