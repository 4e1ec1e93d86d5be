package daemon

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// core is what the loop's goroutine owns. Nobody else touches it. It wires:
// files and evaluations lead to events, events to effects, and what comes of
// these to events again.
type core struct {
	*shared
	queue     *queue[*core]
	spawn     func(func(context.Context)) context.CancelFunc // runs something beside the loop, which waits for it at its end
	newRunner func(run.Options) runner                       // one that ends with the loop
	store     *store

	sources  *sources
	images   *images // what the record knows of the sources
	tiltfile tiltfile

	requests requests
	hindered output.Repeats // why what an earlier daemon had up cannot be gone on with yet
	session  session
	state    engine.State
	progress progress
	saves    saves
	dirty    bool // the status has to be published anew
}

// newCore returns a core that resumes what an earlier daemon was doing. What
// it begins ends with ctx.
func newCore(ctx context.Context, shared *shared, q *queue[*core]) (*core, error) {
	store, err := openStore(shared.o.Endpoint.State, shared.o.Log)
	if err != nil {
		return nil, err
	}
	c := &core{
		shared: shared, queue: q, store: store, dirty: true,
		requests: newRequests(),
		session:  newSession(shared.kubeconfig(), func(err error) { shared.tell("warn", err.Error()) }),
		progress: progress{updates: newUpdates()},
		saves:    saves{log: shared.logs},
		spawn: func(f func(context.Context)) context.CancelFunc {
			ctx, cancel := context.WithCancel(ctx)
			shared.work.Go(func() {
				defer cancel()
				shared.protect(func() { f(ctx) })
			})
			return cancel
		},
		newRunner: func(o run.Options) runner { return run.New(ctx, o) },
	}
	post := func(f func()) { q.put(func(*core) { f() }) }
	c.tiltfile = tiltfile{evaluator: evaluator{run: c.runTiltfile, spawn: c.spawn, post: post, try: c.try}, warn: func(text string) { c.tell("warn", text) }}
	c.sources = newSources(sourcesOptions{
		reader: cmp.Or[tree.Reader](c.o.reader, disk{}), post: post, swept: c.swept, warn: c.warn,
		watch: watcherOptions{
			make:      c.o.notify,
			hint:      func(paths []string) { q.put(func(c *core) { c.hint(paths, false) }) },
			attribute: func(paths []string) { q.put(func(c *core) { c.hint(c.sources.touched(paths), false) }) },
		},
	})
	c.images = &images{store: store, sources: c.sources, specs: map[string]string{}}
	return c, nil
}

// loop runs what others hand in until ctx ends.
func (c *core) loop(ctx context.Context) {
	c.spawn(c.sources.poller.loop)
	if c.store.damaged != "" {
		c.tell("warn", c.store.damaged)
	}
	if up := c.store.record.resumes(); up != nil {
		c.o.Log.Info("resuming", "tiltfile", up.Tiltfile)
		c.faces.keep(up.Keep)
		c.protect(c.resume)
	}
	c.protect(c.publish)
	for {
		select {
		case <-ctx.Done():
			c.close()
			return
		case <-c.queue.ready:
			for _, f := range c.queue.take() {
				if !c.protect(func() { f(c) }) {
					c.abandon()
				}
			}
			c.protect(c.publish)
		}
	}
}

// abandon gives up what requests began, after a defect that may have been in it:
// nobody shall wait for its end. A Down ends by itself, and what was up already is
// gone on with.
func (c *core) abandon() {
	c.requests.abandon()
	c.session.joining = false
	if !c.tiltfile.running {
		c.tiltfile.answer(&config.Project{Tiltfile: c.session.request.Tiltfile, Error: overtaken})
	}
	c.queue.later(resumePause, (*core).resume)
	c.queue.later(resumePause, (*core).join)
}

func (c *core) close() {
	if c.tiltfile.cancel != nil {
		c.tiltfile.cancel()
	}
	c.sources.watcher.close()
	if c.session.runner != nil {
		c.await("the runner", closeLimit, c.session.runner.Close)
	}
	c.await("what was begun", cancelGrace, c.work.Wait)
	c.store.close()
}

// closeLimit is how long the daemon's end waits for its runner, which ends local
// commands.
const closeLimit = 30 * time.Second

// await waits until something has ended, but not for ever.
func (s *shared) await(what string, limit time.Duration, end func()) {
	ended := make(chan struct{})
	go func() { defer close(ended); end() }()
	select {
	case <-ended:
	case <-time.After(limit):
		s.o.Log.Error("it does not end, and is left", "what", what, "after", limit)
	}
}

// step tells the engine an event and performs what it asks for.
func (c *core) step(e engine.Event) {
	next, effects := engine.Step(c.state, e)
	c.saves.follow(&c.state, &next, e)
	c.state = next
	c.dirty = true
	for _, effect := range effects {
		c.perform(effect)
	}
}

// perform notes what an effect begins and hands it to the runner.
func (c *core) perform(e engine.Effect) {
	if c.session.runner == nil {
		return
	}
	switch effect := e.(type) {
	case engine.Live:
		e = c.sending(effect)
	case engine.Build:
		c.images.began(effect.Image.Ref, c.state.Image(effect.Image.Ref).Spec)
	case engine.Apply:
		c.store.unsaved = c.store.record.applies(c.state.Project, &effect.Resource) || c.store.unsaved
	}
	c.progress.begins(&c.state, e, time.Now())
	c.saves.begins(&c.state, e)
	c.session.runner.Perform(e)
}

// sending completes a live update by what is known of its files.
func (c *core) sending(e engine.Live) engine.Live {
	img := c.state.ImageConfig(c.state.Target(e.Target).Image)
	e.Recall = e.Check && c.store.all
	if e.Initial {
		e.Files = c.sources.syncable(img)
	}
	e.Files = c.images.sent(img, e.Files)
	return e
}

// restore tells the engine and the runner what an earlier daemon had built.
func (c *core) restore() {
	for ref, rec := range c.store.record.Images {
		c.session.runner.Adopt(ref, rec.Result)
	}
	for _, e := range c.images.restored(c.state.ImageConfig) {
		c.step(e)
	}
}

// event takes one event of a runner.
func (c *core) event(e engine.Event) {
	switch e := e.(type) {
	case engine.LiveDone:
		c.recalled(c.state.Target(e.Target).Image, e.Brought)
		c.sources.invalidate(e.Unlike)
	case engine.Built:
		if e.Problem == nil && !e.Stopped {
			c.images.built(e.Ref, c.state.Image(e.Ref), c.session.runner.Built(e.Ref))
		}
	case engine.LocalDone:
		c.rescan() // what the command wrote comes before what follows from it
	}
	c.progress.ends(c.tiltfile.good, e)
	c.step(e)
}

// recalled takes what a container has that nobody here knows of: files that were
// sent while that could not be written down, and that went while no daemon ran.
// Of those of which it cannot be told it is asked again when they may be.
func (c *core) recalled(image string, brought []string) {
	img := c.state.ImageConfig(image)
	paths := slices.DeleteFunc(slices.Concat(brought, c.sources.unsure[image]), func(p string) bool { return len(engine.SyncFiles(img, p)) == 0 })
	slices.Sort(paths)
	images := map[string][]string{image: c.sources.gone(image, slices.Compact(paths))}
	c.sources.withholdDeletes(images)
	if len(images[image]) > 0 {
		c.step(engine.Changed{Images: images})
	}
}
