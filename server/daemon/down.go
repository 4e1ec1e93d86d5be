package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/server/run/deploy"
	"github.com/towline-dev/towline/starlark/config"
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
		c.requests.beginDown()
		c.downing(answer, func() {
			c.step(engine.Unwanted{})
			c.endRunner(func() { c.downed(nil, answer) })
		})
		return
	}
	up := c.store.record.Up
	if up != nil && elsewhere(req.Context, req.Namespace, *up) {
		answer(upElsewhere(*up))
		return
	}
	adopt(req.Env)
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
	c.requests.beginDown()
	c.downing(answer, func() {
		c.step(engine.Unwanted{})
		known := c.tiltfile.good
		c.endRunner(func() {
			c.downing(answer, func() { c.evaluateForDown(req, known, answer) })
		})
	})
}

// downing is a part of a Down. A defect in it ends the Down: whoever waits for
// that would wait for ever.
func (c *core) downing(answer func(error), part func()) {
	if err := c.try(func() error { part(); return nil }); err != nil {
		c.downed(err, answer)
	}
}

// evaluateForDown goes on with Down when nothing works any more. known is the
// project that was in force.
func (c *core) evaluateForDown(req api.DownRequest, known *config.Project, answer func(error)) {
	c.requests.subcommand = "down"
	asked := c.requests.asking(func(error) { c.requests.subcommand = "up" })
	c.evaluate(func(p *config.Project) {
		asked(nil)
		if known != nil {
			c.tiltfile.good = known // one for `down` is not what is to be up
		}
		c.downing(answer, func() { c.downWith(req, p, known, answer) })
	})
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

// downWith deletes what the workspace has applied: what the record says, and
// what its projects have, the evaluated one and the one that was in force.
func (c *core) downWith(req api.DownRequest, p, known *config.Project, answer func(error)) {
	wasUp := c.store.record.Up != nil
	remote := c.store.record.remote() || !wasUp && (inCluster(p) || p.Error != nil && c.session.cluster != nil)
	if problem := c.session.usable(p); remote && !wasUp && problem != nil {
		c.downed(nil, func(error) { answer(problem) })
		return
	}
	var broken error
	if p.Error != nil && !wasUp {
		incomplete := *p.Error
		incomplete.Hint = "what carries this workspace's label was deleted; mend the Tiltfile and run `towline down` again for the rest"
		broken = &incomplete
	}
	for _, project := range []*config.Project{known, p} {
		if !remote {
			break
		}
		for i := 0; project != nil && i < len(project.Resources); i++ {
			c.store.record.applies(project, &project.Resources[i])
		}
	}
	c.store.record.Leaving = true
	c.store.save()
	end := run.End{
		Cluster: deploy.End{Applied: c.store.record.Applied, Deploys: c.store.record.Deploys, Adopted: c.store.record.Named, Namespaces: req.DeleteNamespaces},
		Compose: slices.Sorted(maps.Keys(c.store.record.Compose)),
	}
	o := c.runnerOptions(-1)
	if remote {
		c.session.place(&o)
	}
	runner := c.newRunner(o)
	c.spawn(func(ctx context.Context) {
		err := c.try(func() error {
			defer runner.Close()
			return runner.Down(ctx, end)
		})
		c.queue.put(func(c *core) {
			c.downed(err, func(err error) { answer(errors.Join(err, broken)) })
		})
	})
}

// downed ends a Down and lets what waited for it go. Only what was seen gone is
// forgotten.
func (c *core) downed(err error, answer func(error)) {
	c.requests.subcommand = "up"
	if err == nil {
		c.store.record.forget()
		c.store.forgetTouched()
		c.faces.keep(false)
	} else {
		c.tell("error", "not all is down: "+err.Error())
	}
	c.store.save()
	waiting := c.requests.endDown(err)
	c.dirty = true
	answer(err)
	for _, f := range waiting {
		c.queue.put(func(*core) { f() })
	}
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
