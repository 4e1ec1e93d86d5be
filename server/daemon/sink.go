package daemon

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/logs"
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
	s.heard(&l)
}

// wordsPause is how soon the status has what crashed programs say.
const wordsPause = 100 * time.Millisecond

// heard has the status made anew where a crashed program's line came after the
// news of its crash.
func (s sink) heard(l *run.Line) {
	crashed := s.shared.crashed.Load()
	if l.Source != string(api.LogRuntime) || crashed == nil || !(*crashed)[l.Resource] || s.shared.hears.Swap(true) {
		return
	}
	s.queue.later(wordsPause, func(c *core) {
		c.hears.Store(false)
		c.dirty = true
	})
}

// lastWords are what programs said last, as a status asks for them: what they say
// from then on has it made anew.
func (c *core) lastWords() (words func(resource, container, sentence string) string, done func()) {
	asked := map[string]bool{}
	words = func(resource, container, sentence string) string {
		asked[resource] = true
		return c.logs.LastWords(resource, func(p logs.Place) bool {
			named := container == "" && (!strings.Contains(sentence, "container ") || speaksOf(sentence, "container "+p.Container))
			return speaksOf(sentence, p.Pod) && (named || p.Container == container)
		})
	}
	return words, func() { c.crashed.Store(&asked) }
}

// speaksOf reports whether a sentence has a name, and not one that only begins or
// ends so.
func speaksOf(sentence, name string) bool {
	whole, err := regexp.Compile(`(?:^|[^a-z0-9.-])` + regexp.QuoteMeta(name) + `(?:$|[^a-z0-9-])`)
	return err == nil && name != "" && whole.MatchString(sentence)
}

func (s sink) Facts(f run.Facts) {
	s.queue.put(func(c *core) {
		if s.up != c.session.serial {
			return
		}
		c.dirty = true
		lost := c.session.lost
		c.session.take(f)
		if f.Cluster != nil {
			c.tellCluster(lost, f.Cluster.Err)
		}
		if f.Removed != nil && !serves(c.tiltfile.good, &c.state, f.Removed) {
			c.store.record.removed(f.Removed)
			c.store.unsaved = true
		}
		if c.tiltfile.good != nil && c.tiltfile.good.Settings.SecretScrub {
			c.hideObjects(f.Objects)
		}
		if c.store.record.applied(f.Objects) || c.store.record.pauses(f.Paused) {
			c.store.save()
		}
	})
}

// tellCluster writes into the log that the cluster is lost, or back.
func (c *core) tellCluster(before, now error) {
	switch {
	case before == nil && now != nil:
		c.tell("warn", fmt.Sprintf("the cluster does not answer: %v; what is up goes on, and what is saved arrives when it answers", now))
	case before != nil && now == nil:
		c.tell("", "the cluster answers again")
	}
}
