package daemon

import (
	"errors"
	"time"
)

// resumePause is the time between attempts to go on with what an earlier
// daemon had up.
const resumePause = 5 * time.Second

// resume goes on with what an earlier daemon had up, now or, when the Tiltfile
// or the cluster does not allow it yet, later.
func (c *core) resume() {
	up := c.store.record.resumes()
	if up == nil || c.session.runner != nil {
		return
	}
	c.up(*up, func(err error) {
		if err == nil {
			c.hindered.Reset()
			return
		}
		if text := c.hindered.Tell("cannot go on yet: " + err.Error()); text != "" {
			c.tell("warn", text)
		}
		c.queue.later(resumePause, func(c *core) {
			if c.tiltfile.last == nil || c.tiltfile.last.Error == nil { // a Tiltfile's error waits for its save
				c.resume()
			}
		})
	})
}

// join takes a project that is up without a cluster to one, since its Tiltfile
// has come to need it. Until then what is up stays as it was.
func (c *core) join() {
	up := c.store.record.Up
	if up == nil || c.session.runner == nil || !c.session.needsCluster(c.store.record.needsCluster(c.tiltfile.good)) || c.requests.asked > 0 || c.session.joining {
		return
	}
	if c.session.retry != nil {
		c.session.retry.Stop()
	}
	turn := c.requests.turn
	c.session.joining = true
	c.session.open()
	joined := func(err error) {
		if turn == c.requests.turn {
			c.joined(err)
		}
	}
	if err := c.session.usable(c.tiltfile.good); err != nil {
		joined(err)
		return
	}
	c.openCluster(*up, joined) // resources that it named and that left the Tiltfile are no obstacle
}

// joined takes the answer to join. That the cluster cannot be had is tried again
// and again, and told once.
func (c *core) joined(err error) {
	c.session.joining = false
	if err == nil {
		return
	}
	c.session.retry = c.queue.later(resumePause, (*core).join)
	if errors.Is(err, overtaken) {
		return
	}
	if c.session.missed != err.Error() {
		c.tell("error", "the Tiltfile has come to need a cluster, and what is up stays as it was until there is one: "+err.Error())
	}
	c.session.lost, c.session.missed, c.dirty = err, err.Error(), true
}
