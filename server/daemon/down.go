package daemon

import (
	"context"
	"errors"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// down takes the project down and answers when all is gone.
func (c *core) down(req api.DownRequest, answer func(error)) {
	if c.downing != nil {
		c.downing = append(c.downing, func() { c.down(req, answer) })
		return
	}
	up := c.store.record.Up
	if up != nil && elsewhere(req.Context, req.Namespace, *up) {
		answer(upElsewhere(*up))
		return
	}
	adopt(req.Env)
	if c.session.runner != nil {
		c.downWith(req, c.good, nil, answer)
		return
	}
	// Nothing is up in this daemon: find the cluster as Up would.
	c.session.request = api.UpRequest{Tiltfile: req.Tiltfile, Args: req.Args, Context: req.Context, Namespace: req.Namespace}
	if up != nil {
		c.session.request.Context, c.session.request.Namespace = up.Context, up.Namespace
	}
	c.open()
	c.subcommand = "down"
	c.asked++
	c.evaluate(func(p *config.Project) {
		c.asked--
		c.subcommand = "up"
		var broken error
		if p.Error != nil {
			incomplete := *p.Error
			incomplete.Hint = "what carries this workspace's label in the namespace was deleted; mend the Tiltfile and run `towline down` again for the rest"
			broken = &incomplete
		}
		c.downWith(req, p, broken, answer)
	})
}

// downWith deletes what the workspace has applied. broken is what is to be
// answered even when all of it is gone.
func (c *core) downWith(req api.DownRequest, project *config.Project, broken error, answer func(error)) {
	if c.session.cluster == nil {
		answer(c.session.lost)
		return
	}
	// What was applied by this workspace may be deleted by it.
	if ok, problem := kube.Allowed(c.session.cluster.Identity(), allowedBy(project)); !ok && c.store.record.Up == nil {
		answer(problem)
		return
	}
	c.downing = []func(){}
	c.step(engine.Unwanted{})
	cluster := c.session.cluster
	c.endRunner(func() {
		runner := c.newRunner(run.Options{Workspace: c.d.o.Endpoint.ID(), Cluster: cluster, Kubeconfig: c.kubeconfig(), Sink: sink{d: c.d, up: -1}, Secrets: c.d.secrets.Load})
		c.spawn(func(ctx context.Context) {
			err := runner.Down(ctx, project, req.DeleteNamespaces)
			runner.Close()
			c.d.queue.put(func(c *core) { c.downed(errors.Join(err, broken), answer) })
		})
	})
}

// downed ends a Down and lets what waited for it go.
func (c *core) downed(err error, answer func(error)) {
	c.store.record.Up = nil
	if err := c.store.forgetTouched(); err != nil {
		c.d.o.Log.Error("journal", "err", err)
	}
	c.save()
	c.d.faces.keep(false)
	waiting := c.downing
	c.downing = nil
	c.dirty = true
	answer(err)
	for _, f := range waiting {
		f()
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
	c.state, c.updates, c.dirty = engine.State{}, newUpdates(), true
	c.spawn(func(context.Context) {
		old.Close()
		c.d.queue.put(func(*core) { then() })
	})
}
