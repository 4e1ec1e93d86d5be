package daemon

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/server/status"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// core is what the loop's goroutine owns. Nobody else touches it.
type core struct {
	d     *Daemon
	ctx   context.Context
	store *store

	request api.UpRequest // of the last Up or evaluation
	good    *config.Project
	last    *config.Project // good, or the failed one after it
	eval    evaluation
	waiting []func(*config.Project) // for the end of the running evaluation

	state      engine.State
	cluster    *kube.Cluster
	runner     *run.Runner
	ups        int           // counts runners, so that a late event of an old one is known
	surveyed   *kube.Cluster // the one that the runner works on
	subcommand string        // that the Tiltfile is told
	asked      int           // requests of people that go on and want the Tiltfile to run
	downing    []func()      // what waits for the end of a Down; nil when none runs

	tree      *tree.Tree
	interests []interest
	roots     []string            // of the interests; replaced, never changed
	listed    map[string][]string // names in folders that the Tiltfile listed
	watcher   *watcher
	sweeper   *sweeper
	sweepKeep func(path string, dir bool) bool // keep, for the sweeper
	partly    bool                             // it was said that not all is watched
	unrest    unrest

	targets  map[engine.TargetID]status.Target
	forwards map[string][]api.Forward
	began    map[string]time.Time   // of a resource's running update
	updates  map[string]*api.Update // of a resource
	synced   map[engine.TargetID]*api.Update
	lost     error             // the cluster's last failure
	dirty    bool              // the status has to be published anew
	building map[string]string // spec of the last build of an image, by ref
}

// newCore returns a core that resumes what an earlier daemon was doing.
func newCore(ctx context.Context, d *Daemon) (*core, error) {
	c := &core{
		d: d, ctx: ctx, tree: tree.New(disk{}),
		targets:  map[engine.TargetID]status.Target{},
		forwards: map[string][]api.Forward{},
		began:    map[string]time.Time{},
		updates:  map[string]*api.Update{},
		synced:   map[engine.TargetID]*api.Update{},
		dirty:    true,
		building: map[string]string{}, subcommand: "up",
	}
	var err error
	if c.store, err = openStore(d.o.Endpoint.State); err != nil {
		return nil, err
	}
	c.sweeper = newSweeper(d.queue)
	c.watcher = newWatcher(watcherOptions{
		make:      d.notifier(),
		hint:      func(paths []string) { d.queue.put(func(c *core) { c.hint(paths, false) }) },
		attribute: func(paths []string) { d.queue.put(func(c *core) { c.hintAttributes(paths) }) },
		overflow:  c.sweeper.overflow,
	})
	c.sweeper.watcher = c.watcher
	return c, nil
}

// loop runs what others hand in until ctx ends.
func (c *core) loop(ctx context.Context) {
	sweeping, stop := context.WithCancel(ctx)
	var sweeps sync.WaitGroup
	sweeps.Go(func() { c.sweeper.loop(sweeping) })
	defer sweeps.Wait()
	defer stop()
	if up := c.store.record.Up; up != nil {
		c.d.o.Log.Info("resuming", "tiltfile", up.Tiltfile)
		c.d.faces.keep(up.Keep)
		c.protect((*core).resume)
	}
	c.protect((*core).publish)
	for {
		select {
		case <-ctx.Done():
			c.close()
			return
		case <-c.d.queue.ready:
			for _, f := range c.d.queue.take() {
				c.protect(f)
			}
			c.protect((*core).publish)
		}
	}
}

// protect keeps a defect from ending the daemon.
func (c *core) protect(f func(*core)) {
	defer func() {
		if v := recover(); v != nil {
			c.d.o.Log.Error("defect", "panic", v, "stack", stack())
			c.d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "error",
				Text: fmt.Sprintf("internal error: %v; please report it with %s", v, c.d.o.Endpoint.LogFile())})
		}
	}()
	f(c)
}

func (c *core) close() {
	if c.eval.cancel != nil {
		c.eval.cancel()
	}
	c.watcher.close()
	if c.runner != nil {
		c.runner.Close()
	}
	c.store.close()
}

// step tells the engine an event and performs what it asks for.
func (c *core) step(e engine.Event) {
	next, effects := engine.Step(c.state, e)
	c.state = next
	c.dirty = true
	for _, effect := range effects {
		c.perform(effect)
	}
}

// perform notes what an effect begins and hands it to the runner.
func (c *core) perform(e engine.Effect) {
	if c.runner == nil {
		return
	}
	if live, ok := e.(engine.Live); ok && live.Initial {
		live.Files = c.syncable(c.state.Targets[live.Target].Image)
		e = live
	}
	if live, ok := e.(engine.Live); ok {
		for i := range live.Files { // they are the effect's own
			live.Files[i].Seen, _ = c.tree.Entry(live.Files[i].Local)
		}
	}
	switch e := e.(type) {
	case engine.Live:
		paths := make([]string, len(e.Files))
		for i, f := range e.Files {
			paths[i] = f.Local
		}
		if err := c.store.touch(paths); err != nil {
			c.d.o.Log.Error("journal", "err", err)
		}
		c.synced[e.Target] = &api.Update{Kind: "live-update", Began: time.Now(), Files: len(e.Files), Reason: first(paths)}
	case engine.Build:
		c.building[e.Image.Ref] = engine.ImageSpec(&e.Image)
		for _, name := range engine.Users(c.state.Project, e.Image.Ref) {
			c.begin(name, "build", e.Reason)
		}
	case engine.Apply:
		c.begin(e.Resource.Name, "deploy", "")
	case engine.RunLocal:
		c.begin(e.Resource.Name, "local", e.Reason)
	}
	c.runner.Perform(e)
}

// syncable returns every file that an image's sync steps cover.
func (c *core) syncable(ref string) []engine.File {
	img := c.state.ImageConfig(ref)
	var files []engine.File
	for _, in := range c.interests {
		if in.image != ref {
			continue
		}
		for _, p := range in.files(c.tree) {
			files = append(files, engine.SyncFiles(img, p)...)
		}
	}
	return files
}

// begin notes the start of a resource's update, unless one goes on.
func (c *core) begin(resource, kind, reason string) {
	if _, running := c.began[resource]; !running {
		c.began[resource] = time.Now()
	}
	c.updates[resource] = &api.Update{Kind: kind, Began: c.began[resource], Reason: reason}
}

// event takes one event of a runner.
func (c *core) event(e engine.Event) {
	switch e := e.(type) {
	case engine.LiveDone:
		if u := c.synced[e.Target]; u != nil {
			c.synced[e.Target] = ended(u, u.Began)
		}
	case engine.Built:
		if e.Problem == nil {
			c.remember(e.Ref)
		} else {
			for _, name := range engine.Users(c.good, e.Ref) {
				c.failed(name)
			}
		}
	case engine.Applied:
		if e.Problem != nil {
			c.failed(e.Resource)
		}
	case engine.Observed:
		if began, ok := c.began[e.Resource]; ok && e.Ready {
			if u := c.updates[e.Resource]; u != nil {
				c.updates[e.Resource] = ended(u, began)
			}
			delete(c.began, e.Resource)
		}
	case engine.LocalDone:
		c.rescan() // what the command wrote comes before what follows from it
	}
	c.step(e)
}

// ended is an update that has ended now. The old one is part of a status that
// others read.
func ended(u *api.Update, began time.Time) *api.Update {
	done := *u
	done.Took = time.Since(began)
	return &done
}

// failed ends a resource's update without a success.
func (c *core) failed(resource string) {
	if u := c.updates[resource]; u != nil {
		done := ended(u, u.Began)
		done.Kind = "failed " + strings.TrimPrefix(u.Kind, "failed ")
		c.updates[resource] = done
	}
	delete(c.began, resource)
}

// remember writes down what an image was built from.
func (c *core) remember(ref string) {
	files := map[string]tree.Hash{}
	for _, in := range c.interests {
		if in.image != ref {
			continue
		}
		for _, p := range in.files(c.tree) {
			entry, _ := c.tree.Entry(p)
			files[p] = entry.Hash
		}
	}
	// A file that changed while the build ran counts as changed since.
	for p := range c.state.Images[ref].Dirty {
		if c.state.Images[ref].Dirty[p] > c.state.Images[ref].Started {
			delete(files, p)
		}
	}
	c.store.record.Images[ref] = imageRecord{Spec: c.building[ref], Result: c.runner.Built(ref), Files: files}
	c.save()
}

func (c *core) save() {
	if err := c.store.save(); err != nil {
		c.d.o.Log.Error("state", "err", err)
	}
}

// restore tells the engine what an earlier daemon had built.
func (c *core) restore() {
	for ref, rec := range c.store.record.Images {
		now := map[string]bool{}
		var changed []string
		for _, in := range c.interests {
			if in.image != ref {
				continue
			}
			for _, p := range in.files(c.tree) {
				now[p] = true
				if entry, _ := c.tree.Entry(p); rec.Files[p] != entry.Hash {
					changed = append(changed, p)
				}
			}
		}
		for p := range rec.Files {
			if !now[p] {
				changed = append(changed, p)
			}
		}
		for p := range c.store.touched {
			if c.holds(ref, p) {
				changed = append(changed, p)
			}
		}
		slices.Sort(changed)
		c.runner.Adopt(ref, rec.Result)
		c.step(engine.Restored{Ref: ref, Spec: rec.Spec, Pushed: rec.Result.Ref, Dirty: slices.Compact(changed)})
	}
}

// holds reports whether an image depends on a file, be it there or not.
func (c *core) holds(ref, path string) bool {
	return slices.ContainsFunc(c.interests, func(in interest) bool { return in.image == ref && in.holds(path) })
}

// hint looks at paths again and tells the engine what changed. saved says that
// a person has just saved them.
func (c *core) hint(paths []string, saved bool) {
	if saved {
		c.sweeper.saved() // one that saves changes other files as well
	}
	changed := map[string]bool{}
	var dirs []string
	for _, p := range paths {
		if !filepath.IsAbs(p) {
			continue
		}
		p = filepath.Clean(p)
		dirs = append(dirs, p, filepath.Dir(p))
		for _, found := range c.tree.Hint(p, c.keep) {
			changed[found] = true
		}
	}
	dir := c.listing(dirs)
	switch file := c.depend(changed); {
	case file == "" && dir == "":
	case saved:
		c.evaluate(nil)
	default:
		c.reevaluate(cmp.Or(file, dir))
	}
}

// rescan looks at everything again.
func (c *core) rescan() {
	changed := map[string]bool{}
	for _, in := range c.interests {
		for _, root := range in.roots {
			found, err := c.tree.Scan(root, c.keep)
			if err != nil {
				c.d.o.Log.Warn("scanning", "root", root, "err", err)
			}
			for _, p := range found {
				changed[p] = true
			}
		}
	}
	c.changed(changed)
}

// changed tells the engine of changed files and evaluates if the Tiltfile read
// one of them, which it reports.
func (c *core) changed(paths map[string]bool) bool {
	file := c.depend(paths)
	if file != "" {
		c.reevaluate(file)
	}
	return file != ""
}

// depend sorts changed files by who depends on them, tells the engine, and
// returns one that the Tiltfile read, "" if it read none.
func (c *core) depend(paths map[string]bool) string {
	if len(paths) == 0 {
		return ""
	}
	e := engine.Changed{Images: map[string][]string{}}
	config := ""
	for _, in := range c.interests {
		hit := ""
		for _, p := range slices.Sorted(maps.Keys(paths)) {
			if !in.holds(p) {
				continue
			}
			hit = p
			if in.image != "" {
				e.Images[in.image] = append(e.Images[in.image], p)
			}
		}
		if hit != "" && in.resource != "" {
			e.Locals = append(e.Locals, in.resource)
		}
		if in.config {
			config = hit
		}
	}
	if len(e.Images)+len(e.Locals) > 0 {
		c.step(e)
	}
	return config
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// builderFor makes the builder for a cluster and a project's registry.
func builderFor(cluster *kube.Cluster, registry *config.Registry, platform, runtime, dir string) *build.Builder {
	id := cluster.Identity()
	return build.New(build.Options{
		Dir: dir,
		Cluster: build.Cluster{
			Product: string(id.Product), Name: id.Cluster, Context: id.Context,
			Runtime: runtime, Platform: platform, Registry: registry,
		},
	})
}
