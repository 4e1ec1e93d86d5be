package daemon

import (
	"slices"
	"time"
)

// brake holds back what follows from itself again and again: evaluations of a
// Tiltfile that writes what it reads.
type brake struct {
	begun  []time.Time // of what a changed file caused, the latest
	pause  time.Duration
	paused bool // one is to begin when the pause ends
}

// When more than freely were caused by files within burst, the next one
// waits, and longer each time.
const (
	freely     = 5
	burst      = 10 * time.Second
	firstPause = time.Second
	lastPause  = time.Minute
)

// ask reports whether one may begin now. When it may not, pause is how long to
// wait for release before the next, 0 when somebody waits already.
func (b *brake) ask(now time.Time) (may bool, pause time.Duration) {
	if b.paused {
		return false, 0
	}
	if len(b.begun) > 0 && now.Sub(b.begun[len(b.begun)-1]) > lastPause+burst {
		b.pause = 0
	}
	b.begun = slices.DeleteFunc(b.begun, func(at time.Time) bool { return now.Sub(at) > burst })
	if len(b.begun) < freely {
		b.begun = append(b.begun, now)
		return true, 0
	}
	b.paused, b.pause = true, min(max(2*b.pause, firstPause), lastPause)
	return false, b.pause
}

// release ends a pause.
func (b *brake) release(now time.Time) { b.paused, b.begun = false, []time.Time{now} }
