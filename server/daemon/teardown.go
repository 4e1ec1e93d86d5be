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

// teardown is a Down that goes on. The core's goroutine alone uses it; it evaluates,
// deletes and waits beside that, one after the other, and each part ends it when
// it has a defect: whoever waits for its end would wait for ever.
type teardown struct {
	c       *core
	req     api.DownRequest
	known   *config.Project // the project that was in force, nil for none
	refused error           // why not all that is asked for is done, though nothing failed
	answer  func(error)
}

// begin ends what works for the project, and goes on when nothing does any more.
func (t *teardown) begin() {
	t.c.requests.beginDown()
	t.part(func() {
		t.c.step(engine.Unwanted{})
		t.c.endRunner(func() {
			if t.req.Forget {
				t.end(nil)
				return
			}
			t.part(t.evaluate)
		})
	})
}

// part is a part of it.
func (t *teardown) part(f func()) {
	if err := t.c.try(func() error { f(); return nil }); err != nil {
		t.end(err)
	}
}

// evaluate has the Tiltfile undo what it did itself.
func (t *teardown) evaluate() {
	c := t.c
	c.requests.subcommand = "down"
	asked := c.requests.asking(func(error) { c.requests.subcommand = "up" })
	c.evaluate(func(p *config.Project) {
		asked(nil)
		if t.known != nil {
			c.tiltfile.good = t.known // one for `down` is not what is to be up
		}
		t.part(func() { t.delete(p) })
	})
}

// delete deletes what the workspace has applied: what the record says, and
// what its projects have, the evaluated one and the one that was in force.
func (t *teardown) delete(p *config.Project) {
	c := t.c
	wasUp := c.store.record.Up != nil
	remote := c.store.record.remote() || !wasUp && (inCluster(p) || p.Error != nil && c.session.cluster != nil)
	if problem := c.session.usable(p); remote && !wasUp && problem != nil {
		t.refused = problem
		t.end(nil)
		return
	}
	if p.Error != nil && !wasUp {
		incomplete := *p.Error
		incomplete.Hint = "what carries this workspace's label was deleted; mend the Tiltfile and run `towline down` again for the rest"
		t.refused = &incomplete
	}
	for _, project := range []*config.Project{t.known, p} {
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
		Cluster: deploy.End{Applied: c.store.record.Applied, Deploys: c.store.record.Deploys, Adopted: c.store.record.Named, Namespaces: t.req.DeleteNamespaces, Paused: c.store.record.Paused},
		Compose: slices.Sorted(maps.Keys(c.store.record.Compose)),
	}
	o := c.runnerOptions(-1)
	if remote {
		c.session.setCluster(&o)
	}
	runner := c.newRunner(o)
	c.spawn(func(ctx context.Context) {
		err := c.try(func() error {
			defer runner.Close()
			return runner.Down(ctx, end)
		})
		c.queue.put(func(*core) { t.end(err) })
	})
}

// end ends a Down and lets what waited for it go. Only what was seen gone is
// forgotten.
func (t *teardown) end(err error) {
	c := t.c
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
	t.answer(errors.Join(err, t.refused))
	for _, f := range waiting {
		c.queue.put(func(*core) { f() })
	}
}
