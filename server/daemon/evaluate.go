package daemon

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// Evaluate runs a Tiltfile. The project is never nil. It is called by one
// goroutine at a time, unless a cancelled call does not end.
type Evaluate func(context.Context, Evaluation) *config.Project

// Evaluation says what to evaluate.
type Evaluation struct {
	Tiltfile   string // absolute
	Args       []string
	Subcommand string
	Cluster    kube.Identity // zero when there is no kubeconfig
	Kubeconfig string
	Log        func(line string)
	Allowed    func(read map[string]config.Content) bool // see eval.Options
}

// evaluation is the one that runs, if any.
type evaluation struct {
	cancel  context.CancelFunc
	done    <-chan struct{} // closed when the last one that was begun has ended
	serial  int
	running bool
	took    time.Duration
	at      time.Time
}

// lastWords is how long a cancelled evaluation may take to end before the next
// one begins beside it.
const lastWords = 3 * time.Second

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
	before, done := c.eval.done, make(chan struct{})
	c.eval.serial++
	c.eval.cancel, c.eval.running, c.eval.done = cancel, true, done
	c.dirty = true
	serial, began := c.eval.serial, time.Now()
	said := &saying{}
	e := Evaluation{Tiltfile: c.tiltfile(), Args: c.request.Args, Subcommand: c.subcommandNow(), Log: said.add, Allowed: c.allowed()}
	if c.runner == nil && c.downing == nil {
		c.open() // as the kubeconfig says now; without a cluster the Tiltfile is evaluated all the same
	}
	if c.cluster != nil {
		e.Cluster, e.Kubeconfig = c.cluster.Identity(), c.kubeconfig()
	}
	if c.interests == nil {
		// A first evaluation that hangs must not keep its mending from being seen.
		c.follow(&config.Project{Tiltfile: e.Tiltfile, ConfigFiles: []string{e.Tiltfile}}, nil)
	}
	known := c.roots
	go func() {
		defer cancel()
		awaitEnd(before)
		if ctx.Err() != nil {
			close(done)
			return // another one has taken its place
		}
		p := c.d.evaluate(ctx, e)
		close(done)
		ahead := readAhead(ctx, p, known)
		c.d.queue.put(func(c *core) {
			if serial == c.eval.serial {
				c.eval.running, c.eval.took, c.eval.at = false, time.Since(began), began
				c.hide(p)
				said.tell(c.d.logs)
				if e.Allowed == nil {
					c.allow(p.Read)
				}
				c.evaluated(p, ahead)
			}
		})
	}()
}

// awaitEnd waits for a cancelled evaluation, but not for ever.
func awaitEnd(done <-chan struct{}) {
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-time.After(lastWords):
	}
}

// evaluate is o.Evaluate whose defects are problems of the project.
func (d *Daemon) evaluate(ctx context.Context, e Evaluation) (p *config.Project) {
	defer func() {
		if v := recover(); v != nil {
			d.o.Log.Error("defect", "panic", v, "stack", stack())
			p = &config.Project{Tiltfile: e.Tiltfile, ConfigFiles: []string{e.Tiltfile}, Error: d.defect(v)}
		}
	}()
	return d.o.Evaluate(ctx, e)
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
func (c *core) evaluated(p *config.Project, ahead *tree.Tree) {
	c.last, c.dirty = p, true
	switch {
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
		c.d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "error", Text: p.Error.Error()})
	}
	for _, w := range p.Warnings {
		c.d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "warn", Text: w.Error()})
	}
	changed := c.follow(p, ahead)
	if p.Error == nil && c.runner != nil && c.surveyed == c.cluster {
		c.configure()
	}
	waiting := c.waiting
	c.waiting = nil
	if !c.changed(changed) {
		c.overtake(p)
	}
	for _, then := range waiting {
		then(p)
	}
	if len(waiting) == 0 && p.Error == nil {
		c.resume() // a Tiltfile that was broken when this daemon began
	}
}

// configure hands the good project to the runner and the engine.
func (c *core) configure() {
	c.runner.Configure(c.good)
	c.step(engine.Configured{Project: c.good})
}
