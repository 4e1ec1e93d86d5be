package daemon

import (
	"context"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
)

// down takes the project down and answers when all is gone. What is up is
// known from the disk and from the cluster's labels: a Tiltfile that is broken
// does not keep it up. It is evaluated all the same, as for `down`, since it
// may have to undo what it did itself.
func (c *core) down(req api.DownRequest, answer func(error)) {
	if c.requests.afterDown(func() { c.down(req, answer) }) {
		return
	}
	if req.Forget {
		(&teardown{c: c, req: req, answer: answer}).begin()
		return
	}
	up := c.store.record.Up
	if up != nil && elsewhere(req.Context, req.Namespace, *up) {
		answer(otherTiltfileProblem(*up))
		return
	}
	importEnvironment(req.Env)
	if c.session.runner == nil {
		c.session.request = downRequest(req, up)
		c.session.open()
	} else if req.Args != nil {
		c.session.request.Args = req.Args
	}
	if c.session.cluster == nil && c.store.record.remote() {
		answer(c.session.lost)
		return
	}
	if problem := c.session.moved(c.store.record.pinned()); problem != nil {
		answer(problem)
		return
	}
	(&teardown{c: c, req: req, known: c.tiltfile.good, answer: answer}).begin()
}

// downRequest is what a Down is about where nothing is up in this daemon.
func downRequest(req api.DownRequest, up *api.UpRequest) api.UpRequest {
	r := api.UpRequest{Tiltfile: req.Tiltfile, Args: req.Args, Context: req.Context, Namespace: req.Namespace}
	if up != nil {
		r.Context, r.Namespace = up.Context, up.Namespace
		if r.Args == nil {
			r.Args = up.Args
		}
	}
	return r
}

// endRunner ends all work in the cluster's direction and calls then when it
// has ended. It does not wait for that: local commands may take their time.
func (c *core) endRunner(then func()) {
	old := c.session.end()
	if old == nil {
		then()
		return
	}
	c.state, c.progress.updates, c.dirty = engine.State{}, newUpdates(), true
	c.spawn(func(context.Context) {
		_ = c.try(func() error { old.Close(); return nil }) // it is told, and what follows has to
		c.queue.put(func(*core) { then() })
	})
}
