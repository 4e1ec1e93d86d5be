package daemon

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// Evaluate runs a Tiltfile. The project is never nil. It is called from one
// goroutine at a time.
type Evaluate func(context.Context, Evaluation) *config.Project

// Evaluation says what to evaluate.
type Evaluation struct {
	Tiltfile   string // absolute
	Args       []string
	Subcommand string
	Cluster    kube.Identity // zero when there is no kubeconfig
	Kubeconfig string
	Log        func(line string)
}

// evaluation is the one that runs, if any.
type evaluation struct {
	cancel  context.CancelFunc
	serial  int
	running bool
	took    time.Duration
	at      time.Time
}

// evaluate runs the Tiltfile beside the loop, in place of a run that is under
// way, and calls then with the outcome.
func (c *core) evaluate(then func(*config.Project)) {
	if then != nil {
		c.waiting = append(c.waiting, then)
	}
	if c.eval.cancel != nil {
		c.eval.cancel()
	}
	ctx, cancel := context.WithCancel(c.ctx)
	c.eval.serial++
	c.eval.cancel, c.eval.running = cancel, true
	c.dirty = true
	serial, began := c.eval.serial, time.Now()
	said := &saying{}
	e := Evaluation{Tiltfile: c.tiltfile(), Args: c.request.Args, Subcommand: c.subcommand, Log: said.add}
	if c.runner == nil && c.downing == nil {
		c.open() // as the kubeconfig says now; without a cluster the Tiltfile is evaluated all the same
	}
	if c.cluster != nil {
		e.Cluster, e.Kubeconfig = c.cluster.Identity(), c.kubeconfig()
	}
	go func() {
		defer cancel()
		p := c.d.o.Evaluate(ctx, e)
		c.d.queue.put(func(c *core) {
			if serial == c.eval.serial {
				c.eval.running, c.eval.took, c.eval.at = false, time.Since(began), began
				c.hide(p)
				said.tell(c.d.logs)
				c.evaluated(p)
			}
		})
	}()
}

// saying is what a Tiltfile says while it is evaluated. It is told at the end,
// since only then all Secrets are known whose values it may hold; that of an
// evaluation that was overtaken is never told.
type saying struct {
	mu    sync.Mutex
	lines []api.LogLine
	bytes int
}

func (s *saying) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := api.LogLine{Time: time.Now(), Source: api.LogBuild, Text: line}
	if s.bytes += size(l); s.bytes <= maxLogBytes {
		s.lines = append(s.lines, l)
	}
}

func (s *saying) tell(logs *logStore) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		logs.add(l)
	}
	if s.bytes > maxLogBytes {
		logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "warn", Text: "the Tiltfile said more than is kept; the rest was dropped"})
	}
}

// tiltfile is the file that is evaluated.
func (c *core) tiltfile() string {
	if c.request.Tiltfile != "" {
		return c.request.Tiltfile
	}
	return filepath.Join(c.d.o.Endpoint.Workspace, "Tiltfile")
}

// evaluated takes the outcome of an evaluation. A failed one leaves the last
// good project in force.
func (c *core) evaluated(p *config.Project) {
	c.last, c.dirty = p, true
	if p.Error == nil {
		c.good = p
	} else {
		if p.Error.Hint == "" {
			p.Error.Hint = "mend the Tiltfile: it is evaluated again as soon as it is saved"
			if c.state.Up {
				p.Error.Hint += ", and what runs stays as it is until then"
			}
		}
		c.d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "error", Text: p.Error.Error()})
	}
	for _, w := range p.Warnings {
		c.d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "warn", Text: w.Error()})
	}
	changed := c.follow(p)
	if p.Error == nil && c.runner != nil && c.surveyed == c.cluster {
		c.configure()
	}
	c.changed(changed)
	waiting := c.waiting
	c.waiting = nil
	for _, then := range waiting {
		then(p)
	}
	if len(waiting) == 0 && p.Error == nil {
		c.resume() // a Tiltfile that was broken when this daemon began
	}
}

// follow looks at all the files of a project, watches them from now on, and
// returns those that changed since they were last looked at.
// The files of the last good one stay watched beside those of a failed one.
func (c *core) follow(p *config.Project) map[string]bool {
	watched := p
	if p.Error != nil && c.good != nil {
		merged := *c.good
		merged.ConfigFiles = slices.Concat(c.good.ConfigFiles, p.ConfigFiles)
		watched = &merged
	}
	interests, problems := interestsOf(watched)
	for _, problem := range problems {
		c.d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "warn", Text: problem.Error()})
	}
	// A file that nobody depended on until now is new here, but not changed.
	old := &core{interests: c.interests}
	c.interests = interests
	changed := map[string]bool{}
	var roots []string
	for _, in := range interests {
		roots = append(roots, in.roots...)
		for _, root := range in.roots {
			found, err := c.tree.Scan(root, c.keep)
			if err != nil {
				c.d.o.Log.Warn("scanning", "root", root, "err", err)
			}
			for _, path := range found {
				if old.keep(path, false) {
					changed[path] = true
				}
			}
		}
	}
	own, _ := interestsOf(watched) // its filters are not safe for two goroutines
	shared := &core{interests: own}
	c.watcher.set(roots, shared.keep)
	return changed
}

// configure hands the good project to the runner and the engine.
func (c *core) configure() {
	c.runner.Configure(c.good)
	c.step(engine.Configured{Project: c.good})
}
