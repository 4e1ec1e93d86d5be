package daemon

import (
	"os"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/status"
	"github.com/towline-dev/towline/starlark/config"
)

// publish builds the status anew if something changed.
func (c *core) publish() {
	if problem, other := c.store.changed(); other {
		c.dirty = true
		if problem != nil {
			c.tell("error", problem.Error())
		}
	}
	if !c.dirty {
		return
	}
	c.dirty = false
	var cluster api.ClusterStatus // none where the project needs none
	if good := c.tiltfile.good; good == nil || c.session.remote || c.store.record.needsCluster(good) {
		cluster = c.session.status(allowedBy(good))
	}
	asks := c.asks()
	c.requests.opened(asks)
	words, asked := c.lastWords()
	s := status.Of(status.Facts{
		Daemon: api.DaemonInfo{
			Pid: os.Getpid(), Version: c.o.Version, Workspace: c.o.Endpoint.Workspace, Label: c.store.workspace(c.o.Endpoint.ID()),
			Started: started, LogFile: c.o.Endpoint.LogFile(), Path: os.Getenv("PATH"), Unwritten: c.store.unwritten(), Unwatched: c.sources.partly,
		},
		Tiltfile: c.session.tiltfile(c.o.Endpoint.Workspace), Args: c.session.request.Args,
		Cluster: cluster, Config: c.tiltfile.status(c.session.request.CI),
		Project: c.tiltfile.good, State: &c.state, Stopping: c.requests.down, Left: c.requests.left, Asks: asks,
		Targets: c.session.targets, Forwards: c.session.forwards, Steps: c.session.steps, Updates: c.progress.updates.resources, Synced: c.progress.updates.synced,
		Words: words,
	})
	asked()
	s = config.Scrubbed(c.secrets.Load(), s)
	now := time.Now()
	c.published.publish(s, c.progress.news.Follow(s, now)...)
	if left := c.progress.news.Again(now); left > 0 && !c.progress.again {
		c.progress.again = true
		c.queue.later(left, func(c *core) { c.progress.again, c.dirty = false, true })
	}
}
