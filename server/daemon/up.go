package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// reachTimeout bounds how long Up waits for the cluster's first answer.
const reachTimeout = 10 * time.Second

// open opens the cluster of the current request. It does not talk to it. A
// kubeconfig that cannot be used leaves no cluster and its problem in lost.
func (c *core) open() {
	cluster, err := kube.Open(kube.Options{Context: c.request.Context, Namespace: c.request.Namespace, Warn: func(text string) {
		c.d.logs.add(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "warn", Text: text})
	}})
	if err != nil {
		c.lost = err
		return
	}
	c.cluster, c.lost = cluster, nil
}

// up brings the project up and answers when the Tiltfile is evaluated and the
// cluster has answered.
func (c *core) up(req api.UpRequest, answer func(error)) {
	if req.Tiltfile == "" {
		req.Tiltfile = filepath.Join(c.d.o.Endpoint.Workspace, "Tiltfile")
	}
	if _, err := os.Stat(req.Tiltfile); err != nil {
		answer(&config.Problem{
			Message: fmt.Sprintf("there is no Tiltfile in %s", filepath.Dir(req.Tiltfile)),
			Hint:    "name one with -f, or write one: https://docs.tilt.dev/tutorial has the built-ins' tutorial, `towline docs` the reference",
			Pos:     config.Position{File: req.Tiltfile},
		})
		return
	}
	if req.Context != c.request.Context || req.Namespace != c.request.Namespace || c.cluster == nil {
		c.endRunner()
		c.cluster = nil
	}
	c.request = req
	c.evaluate(func(p *config.Project) {
		if p.Error != nil {
			answer(p.Error)
			return
		}
		c.begun(req, answer)
	})
}

// begun goes on with up once the Tiltfile is evaluated.
func (c *core) begun(req api.UpRequest, answer func(error)) {
	if c.cluster == nil {
		c.open()
	}
	if c.cluster == nil {
		answer(c.lost)
		return
	}
	if ok, problem := kube.Allowed(c.cluster.Identity(), c.good.Settings.AllowedContexts); !ok {
		p := *problem
		p.Pos = config.Position{File: c.good.Tiltfile, Line: 1, Col: 1}
		answer(&p)
		return
	}
	if c.runner != nil {
		c.want(req)
		answer(nil)
		return
	}
	cluster, registry := c.cluster, c.good.Settings.DefaultRegistry
	go func() {
		surroundings, err := survey(c.ctx, cluster, registry)
		c.d.queue.put(func(c *core) {
			if err == nil && cluster == c.cluster && c.good != nil {
				c.start(surroundings)
				c.want(req)
			}
			answer(err)
		})
	}()
}

// surroundings are what a builder has to know of a cluster.
type surroundings struct {
	registry          *config.Registry
	platform, runtime string
}

// survey asks the cluster for its version, its nodes and its registry.
func survey(ctx context.Context, cluster *kube.Cluster, registry *config.Registry) (surroundings, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	s := surroundings{registry: registry}
	if _, err := cluster.ServerVersion(ctx); err != nil {
		return s, reachProblem(cluster, err)
	}
	if nodes, err := cluster.Nodes(ctx); err == nil && len(nodes) > 0 {
		s.platform, s.runtime = nodes[0].OS+"/"+nodes[0].Arch, nodes[0].Runtime
	}
	if s.registry == nil {
		found, err := cluster.DiscoverRegistry(ctx)
		if err != nil {
			return s, reachProblem(cluster, err)
		}
		s.registry = found
	}
	if ns := cluster.Identity().Namespace; ns != "default" {
		if _, err := cluster.EnsureNamespace(ctx, ns, nil); err != nil && !kube.IsKind(err, kube.Forbidden) {
			return s, reachProblem(cluster, err)
		}
	}
	return s, nil
}

// reachProblem says which cluster did not answer, and where that is decided.
func reachProblem(cluster *kube.Cluster, err error) error {
	var failed *kube.Error
	if !errors.As(err, &failed) {
		return err
	}
	p := *failed.Problem()
	p.Pos = config.Position{File: cluster.Kubeconfig()}
	return &p
}

// start makes the runner for the cluster and hands it the good project.
func (c *core) start(s surroundings) {
	c.ups++
	builder := builderFor(c.cluster, s.registry, s.platform, s.runtime, filepath.Dir(c.good.Tiltfile))
	c.runner = run.New(c.ctx, run.Options{
		Workspace: c.d.o.Endpoint.ID(), Cluster: c.cluster, Images: builder, Agent: c.d.o.Agent,
		Sink: sink{d: c.d, up: c.ups},
	})
	c.state = engine.State{}
	if pin := c.cluster.Identity().Pin() + "/" + c.cluster.Identity().Namespace; c.store.record.Pin != pin {
		// What was built for another cluster says nothing about this one.
		c.store.record.Pin, c.store.record.Images = pin, map[string]imageRecord{}
	}
	c.configure()
	c.restore()
}

// want tells the engine to bring resources up, and remembers it.
func (c *core) want(req api.UpRequest) {
	c.d.faces.keep(req.Keep)
	c.store.record.Up = &req
	c.save()
	c.step(engine.Wanted{Resources: req.Resources})
}

// down takes the project down and answers when all is gone.
func (c *core) down(req api.DownRequest, answer func(error)) {
	if c.runner == nil {
		// Nothing is up in this daemon: find the cluster as Up would.
		up := api.UpRequest{Tiltfile: req.Tiltfile, Args: req.Args, Context: req.Context, Namespace: req.Namespace}
		if old := c.store.record.Up; old != nil && req.Context == "" && req.Namespace == "" {
			up.Context, up.Namespace = old.Context, old.Namespace
		}
		if up.Tiltfile == "" {
			up.Tiltfile = filepath.Join(c.d.o.Endpoint.Workspace, "Tiltfile")
		}
		c.request, c.cluster = up, nil
		c.evaluate(func(p *config.Project) { c.downWith(req, answer) })
		return
	}
	c.downWith(req, answer)
}

func (c *core) downWith(req api.DownRequest, answer func(error)) {
	if c.cluster == nil {
		answer(c.lost)
		return
	}
	var allowed []string
	if c.good != nil {
		allowed = c.good.Settings.AllowedContexts
	}
	if ok, problem := kube.Allowed(c.cluster.Identity(), allowed); !ok {
		answer(problem)
		return
	}
	c.step(engine.Unwanted{})
	c.endRunner()
	c.store.record.Up = nil
	if err := c.store.forgetTouched(); err != nil {
		c.d.o.Log.Error("journal", "err", err)
	}
	c.save()
	c.d.faces.keep(false)
	runner := run.New(c.ctx, run.Options{Workspace: c.d.o.Endpoint.ID(), Cluster: c.cluster, Sink: sink{d: c.d, up: -1}})
	project := c.good
	go func() {
		err := runner.Down(c.ctx, project, req.DeleteNamespaces)
		runner.Close()
		c.d.queue.put(func(c *core) { answer(err) })
	}()
}

// endRunner ends all work in the cluster's direction.
func (c *core) endRunner() {
	if c.runner == nil {
		return
	}
	c.runner.Close()
	c.runner = nil
	c.ups++
	c.state = engine.State{}
	clear(c.targets)
	clear(c.forwards)
	clear(c.began)
	clear(c.updates)
	clear(c.synced)
	c.dirty = true
}

// sink takes what a runner tells to the core.
type sink struct {
	d  *Daemon
	up int // of the runner: what an ended one still says is dropped
}

func (s sink) Event(e engine.Event) {
	s.d.queue.put(func(c *core) {
		if s.up == c.ups {
			c.event(e)
		}
	})
}

func (s sink) Log(l run.Line) {
	if l.Time.IsZero() {
		l.Time = time.Now()
	}
	s.d.logs.add(api.LogLine{Time: l.Time, Resource: l.Resource, Source: api.LogSource(l.Source), Pod: l.Pod, Level: l.Level, Text: l.Text})
}

func (s sink) Facts(f run.Facts) {
	s.d.queue.put(func(c *core) {
		if s.up != c.ups {
			return
		}
		c.dirty = true
		switch {
		case f.Target != nil && f.Target.PodUID == "" && f.Target.Resource == "":
			delete(c.targets, f.Target.ID)
		case f.Target != nil:
			c.targets[f.Target.ID] = *f.Target
		case f.Forwards != nil:
			c.forwards[f.Forwards.Resource] = f.Forwards.Forwards
		case f.Cluster != nil:
			c.lost = f.Cluster.Err
		}
	})
}
