package daemon

import (
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run"
)

// sink takes what a runner tells to the core.
type sink struct {
	shared *shared
	queue  *queue[*core]
	up     int // of the runner: what an ended one still says is dropped
}

func (s sink) Event(e engine.Event) {
	s.queue.put(func(c *core) {
		if s.up == c.session.serial {
			c.event(e)
		}
	})
}

func (s sink) Log(l run.Line) {
	if l.Time.IsZero() {
		l.Time = time.Now()
	}
	s.shared.logs.Add(api.LogLine{
		Time: l.Time, Resource: l.Resource, Source: api.LogSource(l.Source), Stream: l.Stream,
		Namespace: l.Namespace, Pod: l.Pod, UID: l.UID, Container: l.Container, Level: l.Level, Text: l.Text,
	})
}

func (s sink) Facts(f run.Facts) {
	s.queue.put(func(c *core) {
		if s.up != c.session.serial {
			return
		}
		c.dirty = true
		c.session.take(f)
		if f.Removed != nil && !serves(c.tiltfile.good, &c.state, f.Removed) {
			c.store.record.removed(f.Removed)
			c.store.unsaved = true
		}
		if c.tiltfile.good != nil && c.tiltfile.good.Settings.SecretScrub {
			c.hideObjects(f.Objects)
		}
		if c.store.record.applied(f.Objects) {
			c.store.save()
		}
	})
}
