package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// evaluate runs the Tiltfile beside the loop, in place of a run that is under
// way, and calls then with the outcome.
func (c *core) evaluate(then func(*config.Project)) {
	if then != nil {
		c.eval.waiting = append(c.eval.waiting, then)
	}
	c.dirty = true
	up := c.session.runner != nil
	e := Evaluation{Tiltfile: c.session.tiltfile(c.o.Endpoint.Workspace), Args: c.session.request.Args, Subcommand: c.requests.told(up, c.session.request.CI)}
	if !up && c.requests.asked == 0 {
		e.Allowed = c.store.record.allowed()
	}
	if !c.session.remote && !c.requests.down {
		c.open() // as the kubeconfig says now; without a cluster the Tiltfile is evaluated all the same
	}
	if e.Subcommand == "down" { // a Tiltfile that does not end keeps nothing up
		e.Within = cmp.Or(c.o.DownWait, time.Minute)
	}
	if c.session.cluster != nil {
		e.Cluster, e.Kubeconfig = c.session.cluster.Identity(), c.kubeconfig()
	}
	if c.sources.interests == nil {
		// A first evaluation that hangs must not keep its mending from being seen.
		c.sources.follow(&config.Project{Tiltfile: e.Tiltfile, ConfigFiles: []string{e.Tiltfile}}, nil, nil)
	}
	c.eval.begin(e, c.sources.roots, c.evaluated)
}

// evaluated takes the outcome of an evaluation. A failed one leaves the last
// good project in force.
func (c *core) evaluated(o outcome) {
	p := o.project
	c.hide(p)
	o.said.tell(c.logs)
	if o.asked && c.store.record.allow(p.Read) {
		c.store.save()
	}
	c.last, c.dirty = p, true
	switch {
	case p.Error == nil && c.session.request.CI:
		c.good = p.Unattended()
	case p.Error == nil:
		c.good = p
	case p.Error.Cause == config.CauseHeld: // nothing is wrong
	default:
		if p.Error.Hint == "" {
			p.Error.Hint = "mend the Tiltfile: it is evaluated again as soon as it is saved"
			if c.state.Up {
				p.Error.Hint += ", and what runs stays as it is until then"
			}
		}
		c.tell("error", p.Error.Error())
	}
	for _, w := range p.Warnings {
		c.tell("warn", w.Error())
	}
	changed := c.sources.follow(p, c.good, o.ahead)
	if p.Error == nil && c.session.runner != nil && !c.joins() {
		c.configure()
	}
	c.reevaluate(c.outdated(p, changed), true)
	if !c.eval.answer(p) && p.Error == nil {
		c.resume() // a Tiltfile that was broken when this daemon began
	}
	if p.Error == nil {
		c.join()
	}
}

// outdated tells the engine of files that changed while the Tiltfile was
// evaluated, and returns those for which that has to be done again: that it
// wrote a file and then read it is no reason.
func (c *core) outdated(p *config.Project, changed map[string]bool) []string {
	files := append(c.eval.writes.ended(), c.changed(changed, false)...)
	again := c.sources.unread(p, files)
	if file := c.sources.overtaken(p); file != "" {
		again = append(again, file)
	}
	for _, file := range files {
		if !slices.Contains(again, file) {
			c.eval.writes.add(file)
		}
	}
	return again
}

// configure hands the good project to the runner and the engine.
func (c *core) configure() {
	c.session.runner.Configure(c.good)
	c.images.bases(c.good)
	c.step(engine.Configured{Project: c.good, BuildInputs: c.buildInputs(c.good)})
}

// hint looks at paths again and tells the engine what changed. saved says that
// a person has just saved them.
func (c *core) hint(paths []string, saved bool) {
	if c.session.request.CI {
		return // what is there at the beginning is brought up
	}
	if saved {
		c.sources.sweeper.saved() // one that saves changes other files as well
	}
	changed, dir := c.sources.look(paths)
	files := c.changed(changed, saved)
	if dir != "" {
		files = append(files, dir)
	}
	if !saved {
		c.reevaluate(files, c.eval.running)
		return
	}
	c.confirm()
	if len(files) > 0 {
		c.eval.writes.note(files, false)
		c.evaluate(nil)
	}
}

// rescan looks at everything again, after a command.
func (c *core) rescan() {
	if c.session.request.CI {
		return // see hint
	}
	c.reevaluate(c.changed(c.sources.scan(), false), c.eval.running)
}

// changed tells the engine of changed files and returns those that the Tiltfile
// depends on. saved is as in hint.
func (c *core) changed(paths map[string]bool, saved bool) []string {
	if len(paths) == 0 {
		return nil
	}
	e, files := c.sources.dependents(paths)
	e.Saved = saved
	c.sources.hold(e.Images)
	c.dirty = c.dirty || len(c.sources.held) > 0 // what is asked may be another
	if len(e.Images)+len(e.Locals) > 0 {
		c.progress.news.Saved(c.state.Batch+1, concerned(e), c.state.Concerned(e), time.Now())
		c.step(e)
	}
	return files
}

// concerned are the files of a change that somebody depends on.
func concerned(e engine.Changed) []string {
	var files []string
	for _, paths := range e.Images {
		files = append(files, paths...)
	}
	for _, paths := range e.Own {
		files = append(files, paths...)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// reevaluate evaluates because files changed, by themselves and not by a
// person's save; within says that it was during an evaluation. One that goes on
// is overtaken, unless it seems to change them itself, or that was done so often
// that it would never come to an end.
func (c *core) reevaluate(files []string, within bool) {
	if len(files) == 0 || c.session.request.CI {
		return
	}
	path, own := c.eval.writes.note(files, within)
	if own && c.eval.running {
		c.putOff(files)
		return
	}
	may, pause := c.limiter.ask(time.Now(), own)
	if may {
		c.evaluate(nil)
		return
	}
	if pause == 0 {
		return
	}
	c.tell("warn", fmt.Sprintf(
		"%s changes again and again; the Tiltfile is evaluated again in %s. If the Tiltfile writes it, let it do so only when the content is another", path, pause))
	time.AfterFunc(pause, func() {
		c.queue.put(func(c *core) {
			c.limiter.release(time.Now())
			c.evaluate(nil)
		})
	})
}

// putOff leaves files to the end of the evaluation that goes on, within reason.
func (c *core) putOff(files []string) {
	patience, serial := c.eval.writes.await(files), c.eval.serial
	if patience == 0 {
		return
	}
	time.AfterFunc(patience, func() {
		c.queue.put(func(c *core) {
			if c.eval.running && c.eval.serial == serial {
				c.evaluate(nil)
			}
		})
	})
}

// swept takes what a sweep found.
func (c *core) swept(seen *tree.Tree, changed []string) {
	if dir := c.sources.renew(seen); dir != "" {
		c.reevaluate([]string{dir}, c.eval.running)
	}
	if len(changed) > 0 {
		c.hint(changed, false)
	}
	c.sources.unwatched()
}
