package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// This file has what a person may ask of what is up, but for Up and Down.

// toggle turns resources on or off, and remembers it until Down.
func (c *core) toggle(req api.SwitchRequest) error {
	if c.session.runner == nil || c.tiltfile.good == nil {
		return notUp
	}
	if err := checkResourceNames(c.tiltfile.good, req.Resources...); err != nil {
		return err
	}
	c.store.record.toggle(req.On, req.Resources...)
	c.store.unsaved = true
	c.step(engine.Switched{On: c.store.record.Switched})
	return nil
}

// look looks at all files, and answers when what changed is known. Notifications that
// are on their way come first: a sweep that finds more has all folders watched anew.
func (c *core) look(answer func(error)) {
	if c.session.runner == nil || c.session.request.CI {
		answer(nil) // nothing follows from files
		return
	}
	c.queue.later(2*quiet, func(c *core) { c.sources.poller.look(func() { answer(nil) }) })
}

// trigger asks for an update of a resource that is up: what is not would go
// again with the next look at the Tiltfile.
func (c *core) trigger(resource string) error {
	if !c.state.Resource(resource).Wanted {
		return resourceDown(resource)
	}
	c.confirm()
	c.step(engine.Triggered{Resource: resource})
	return nil
}

// runButton runs the command of a button, with what a person filled in.
func (c *core) runButton(req api.ButtonRequest) error {
	if err := c.mustRun(req.Resource); err != nil {
		return err
	}
	var command config.Local
	for i := range c.tiltfile.good.Resources {
		if r := &c.tiltfile.good.Resources[i]; r.Name == req.Resource && r.Local != nil {
			command = *r.Local
		}
	}
	if time.Now().Before(command.StartAfter) {
		return &config.Problem{
			Message: fmt.Sprintf("a button starts %s from %s on", req.Resource, command.StartAfter.Format(time.RFC3339)),
			Hint:    "press it then, or take start_after out of its start_on; `towline trigger " + req.Resource + "` starts it now",
		}
	}
	for _, b := range c.tiltfile.good.Buttons {
		if b.Name != req.Button || !slices.Contains(command.Buttons, b.Name) {
			continue
		}
		env, problem := b.Env(req.Inputs)
		if problem != nil {
			return problem
		}
		c.step(engine.Triggered{Resource: req.Resource, Env: env})
		return nil
	}
	return &config.Problem{Message: fmt.Sprintf("%s has no button %q", req.Resource, req.Button), Hint: "`towline button` lists what there is"}
}

// restart restarts what runs of a resource, where it runs: the processes that an
// agent supervises, the containers of a Compose service, a local server.
func (c *core) restart(resource string) error {
	if problem := restartable(c.tiltfile.good, &c.state, resource); problem != nil {
		return problem
	}
	c.step(engine.RestartAsked{Resource: resource})
	return nil
}

// mustRun says why nothing can be asked of a resource, nil if something can.
func (c *core) mustRun(resource string) error {
	if c.session.runner == nil || c.tiltfile.good == nil {
		return notUp
	}
	return checkResourceNames(c.tiltfile.good, resource)
}

// confirm lets go of what is held back.
func (c *core) confirm() {
	if e := c.sources.releaseDeletes(); len(e.Images) > 0 {
		c.step(e)
	}
}

// setArgs evaluates the Tiltfile with other arguments and brings up what it
// then enables; what it no longer does is taken down, and what stays is left
// alone. The resources that Up named are part of what is replaced.
func (c *core) setArgs(args []string, answer func(error)) {
	if c.requests.afterDown(func() { c.setArgs(args, answer) }) {
		return
	}
	up := c.store.record.Up
	if up == nil {
		answer(&config.Problem{
			Message: "the project is not up, so that nothing has arguments to change",
			Hint:    "bring it up with them: `towline up -- ARGS`",
		})
		return
	}
	c.up(api.UpRequest{
		Tiltfile: up.Tiltfile, Args: append([]string{}, args...), Context: up.Context, Namespace: up.Namespace, Keep: up.Keep,
	}, answer)
}

// askedFor evaluates the Tiltfile as a person wants it who allows it to run
// its commands, and answers with what is wrong with it.
func (c *core) askedFor(answer func(error)) {
	if c.requests.afterDown(func() { c.askedFor(answer) }) {
		return
	}
	answer = c.requests.asking(answer)
	c.evaluate(func(p *config.Project) {
		if p.Error != nil {
			answer(p.Error)
			return
		}
		answer(nil)
	})
}
