package daemon

import (
	"slices"
	"time"
)

// rateLimiter holds back what follows from itself again and again: evaluations of a
// Tiltfile that writes what it reads.
type rateLimiter struct {
	begun  []time.Time // of what a changed file caused, the latest
	pause  time.Duration
	paused bool // one is to begin when the pause ends
}

// When more than freely were caused by files within burst, the next one
// waits, and longer each time. One that is caused by what runs of the Tiltfile
// have been seen to change waits at once.
const (
	freely     = 5
	burst      = 10 * time.Second
	firstPause = time.Second
	ownPause   = 3 * time.Second
	lastPause  = time.Minute
)

// ask reports whether one may begin now; own says that the runs themselves seem
// to change its cause. When it may not, pause is how long to wait for release
// before the next, 0 when somebody waits already.
func (b *rateLimiter) ask(now time.Time, own bool) (may bool, pause time.Duration) {
	if b.paused {
		return false, 0
	}
	if len(b.begun) > 0 && now.Sub(b.begun[len(b.begun)-1]) > lastPause+burst {
		b.pause = 0
	}
	b.begun = slices.DeleteFunc(b.begun, func(at time.Time) bool { return now.Sub(at) > burst })
	if len(b.begun) < freely && !own {
		b.begun = append(b.begun, now)
		return true, 0
	}
	first := firstPause
	if own {
		first = ownPause
	}
	b.paused, b.pause = true, min(max(2*b.pause, first), lastPause)
	return false, b.pause
}

// release ends a pause.
func (b *rateLimiter) release(now time.Time) { b.paused, b.begun = false, []time.Time{now} }
