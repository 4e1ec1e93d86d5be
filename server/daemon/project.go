package daemon

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/status"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// evaluate runs the Tiltfile beside the loop, in place of a run that is under
// way, and calls then with the outcome.
func (c *core) evaluate(then func(*config.Project)) {
	if then != nil {
		c.tiltfile.waiting = append(c.tiltfile.waiting, then)
	}
	c.dirty = true
	up := c.session.runner != nil
	e := Evaluation{Tiltfile: c.session.tiltfile(c.o.Endpoint.Workspace), Args: c.session.request.Args, Subcommand: c.requests.subcommandFor(up, c.session.request.CI)}
	if !up && c.requests.asked == 0 {
		e.Allowed = c.store.record.allowed()
	}
	if !c.session.remote && !c.requests.down {
		c.session.open() // as the kubeconfig says now; without a cluster the Tiltfile is evaluated all the same
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
	c.tiltfile.begin(e, c.sources.roots, c.evaluated)
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
	c.dirty = true
	if problem := c.tiltfile.take(p, c.session.request.CI, c.state.Up); problem != nil {
		c.tell("error", problem.Error())
	}
	for _, w := range p.Warnings {
		c.tell("warn", w.Error())
	}
	changed := c.sources.follow(p, c.tiltfile.good, o.ahead)
	if p.Error == nil && c.session.runner != nil && !c.session.needsCluster(c.store.record.needsCluster(p)) {
		c.configure()
	}
	c.reevaluate(c.outdated(p, changed), true)
	if !c.tiltfile.answer(p) && p.Error == nil {
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
	files := append(c.tiltfile.writes.ended(), c.changed(changed, false)...)
	again := c.sources.unread(p, files)
	if file := c.sources.overtaken(p); file != "" {
		again = append(again, file)
	}
	for _, file := range files {
		if !slices.Contains(again, file) {
			c.tiltfile.writes.add(file)
		}
	}
	return again
}

// configure hands the good project to the runner and the engine.
func (c *core) configure() {
	c.session.runner.Configure(c.tiltfile.good)
	c.images.bases(c.tiltfile.good)
	c.step(engine.Configured{Project: c.tiltfile.good, BuildInputs: c.session.facts.inputs(c.tiltfile.good)})
}

// hint looks at paths again and tells the engine what changed. saved says that
// a person has just saved them.
func (c *core) hint(paths []string, saved bool) {
	if c.session.request.CI {
		return // what is there at the beginning is brought up
	}
	if saved {
		c.sources.poller.saved() // one that saves changes other files as well
	}
	changed, dir := c.sources.look(paths)
	files := c.changed(changed, saved)
	if dir != "" {
		files = append(files, dir)
	}
	if !saved {
		c.reevaluate(files, c.tiltfile.running)
		return
	}
	c.confirm()
	if len(files) > 0 {
		c.tiltfile.writes.note(files, false)
		c.evaluate(nil)
	}
}

// typed notes when a person last typed into files that are saved now.
func (c *core) typed(paths []string, at time.Time) {
	if at.IsZero() {
		return
	}
	var files []string
	for _, p := range paths {
		files = append(files, c.sources.names(filepath.Clean(p))...)
	}
	c.dirty = c.progress.news.Typed(files, at) || c.dirty
}

// rescan looks at everything again, after a command.
func (c *core) rescan() {
	if c.session.request.CI {
		return // see hint
	}
	c.reevaluate(c.changed(c.sources.scan(), false), c.tiltfile.running)
}

// changed tells the engine of changed files and returns those that the Tiltfile
// depends on. saved is as in hint.
func (c *core) changed(paths map[string]bool, saved bool) []string {
	defer c.readable()
	if len(paths) == 0 {
		return nil
	}
	e, files := c.sources.dependents(paths)
	e.Saved = saved
	c.sources.withholdDeletes(e.Images)
	c.dirty = c.dirty || len(c.sources.held) > 0 // what is asked may be another
	if len(e.Images)+len(e.Locals) > 0 {
		c.saves.saved(c.state.Batch + 1)
		c.progress.news.Saved(c.state.Batch+1, concerned(e), concerns(&c.state, e), time.Now())
		c.step(e)
	}
	return files
}

// readable has what failed tried again that can be read again.
func (c *core) readable() {
	e := c.sources.readable()
	for _, image := range e.Images {
		c.recalled(image, nil)
	}
	if len(e.Images)+len(e.Locals) > 0 {
		c.step(e)
	}
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

// concerns are the resources that depend on a change, each with its containers
// that run an image of changed files.
func concerns(s *engine.State, e engine.Changed) []status.Concern {
	var all []status.Concern
	for _, name := range s.Concerned(e) {
		c := status.Concern{Resource: name}
		for _, id := range s.TargetsOf(name) {
			if len(e.Images[s.Target(id).Image]) > 0 {
				c.Containers = append(c.Containers, id)
			}
		}
		all = append(all, c)
	}
	return all
}

// reevaluate evaluates because files changed, by themselves and not by a
// person's save; within says that it was during an evaluation.
func (c *core) reevaluate(files []string, within bool) {
	if len(files) > 0 && !c.session.request.CI {
		c.tiltfile.again(files, within, func() { c.evaluate(nil) })
	}
}

// swept takes what a sweep found.
func (c *core) swept(seen *tree.Tree, changed []string) {
	if dir := c.sources.renew(seen); dir != "" {
		c.reevaluate([]string{dir}, c.tiltfile.running)
	}
	if len(changed) > 0 {
		c.hint(changed, false)
	}
	c.readable()
	c.dirty = c.sources.unwatched() || c.dirty
}
