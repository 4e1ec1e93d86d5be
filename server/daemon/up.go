package daemon

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// up brings the project up and answers when the Tiltfile is evaluated and the
// cluster has answered. What is up already stays until the new request has
// proved to be good.
func (c *core) up(req api.UpRequest, answer func(error)) {
	if c.requests.afterDown(func() { c.up(req, answer) }) {
		return
	}
	req, err := mergeUpRequest(c.store.record.Up, c.o.Endpoint.Workspace, req)
	if err == nil && req.CI && c.requests.developers > 0 {
		err = inUseProblem("is being brought up")
	}
	if err != nil {
		answer(err)
		return
	}
	if c.store.record.Up == nil && c.store.record.Logged { // what never came up pushes no older run out
		c.store.record.Logged, c.store.unsaved = false, true
		c.logs.Begin()
	}
	importEnvironment(req.Env)
	req.Env = nil // it is not written down
	before, cluster := c.session.request, c.session.cluster
	c.session.request = req
	if !c.session.remote {
		c.session.open()
	}
	if c.session.runner == nil {
		if problem := c.session.moved(c.store.record.pinned()); problem != nil {
			c.session.reset()
			answer(problem)
			return
		}
	}
	answer = c.requests.asking(answer)
	if !req.CI {
		answer = c.requests.count(&c.requests.developers, answer)
	}
	turn := c.requests.turn
	proved := func(err error) {
		if err != nil {
			c.revert(before, cluster)
		}
		answer(err)
	}
	c.evaluate(func(p *config.Project) {
		switch {
		case turn != c.requests.turn:
			answer(overtaken)
		case p.Error != nil:
			proved(refusedUp(p.Error, c.session.runner != nil))
		default:
			c.afterEvaluate(req, proved)
		}
	})
}

// revert gives up a request that proved to be none: what is up goes on as it was
// asked for.
func (c *core) revert(before api.UpRequest, cluster *kube.Cluster) {
	now := c.session.request
	c.session.request, c.session.cluster = before, cluster
	if cluster != nil {
		c.session.lost = nil // it was about the cluster that is not used
	}
	c.dirty = true
	if c.session.runner != nil && (before.Tiltfile != now.Tiltfile || !slices.Equal(before.Args, now.Args)) {
		c.evaluate(nil)
	}
}

// afterEvaluate goes on with up once the Tiltfile is evaluated.
func (c *core) afterEvaluate(req api.UpRequest, answer func(error)) {
	remote := c.store.record.needsCluster(c.tiltfile.good)
	var problem error
	if remote {
		problem = c.session.usable(c.tiltfile.good)
	}
	if problem == nil {
		problem = checkResourceNames(c.tiltfile.good, req.Resources...)
	}
	switch {
	case problem != nil:
		answer(problem)
	case c.session.runner != nil && (c.session.remote || !remote):
		c.setDesired(req)
		answer(nil)
	case remote:
		c.openCluster(req, answer)
	default:
		c.start(false, clusterFacts{})
		c.setDesired(req)
		answer(nil)
	}
}

// openCluster goes on in a cluster that is not in use yet. What is up
// without one is handed over: its servers are started anew.
func (c *core) openCluster(req api.UpRequest, answer func(error)) {
	turn, workspace := c.requests.turn, c.store.workspace(c.o.Endpoint.ID())
	cluster := c.session.cluster
	c.spawn(func(ctx context.Context) {
		var facts clusterFacts
		err := c.try(func() (err error) { facts, err = inspectCluster(ctx, cluster, workspace); return err })
		c.queue.put(func(c *core) {
			switch {
			case turn != c.requests.turn:
				answer(overtaken)
			case err != nil:
				answer(err)
			case c.session.cluster == nil || cluster.Identity() != c.session.cluster.Identity() || c.tiltfile.good == nil:
				answer(overtaken)
			case c.session.remote:
				c.setDesired(req) // two that asked at once share a runner
				answer(nil)
			default:
				c.endRunner(func() {
					if turn != c.requests.turn || c.session.runner != nil || c.tiltfile.good == nil {
						answer(overtaken)
						return
					}
					c.session.cluster = cluster
					c.start(true, facts)
					c.setDesired(req)
					answer(nil)
				})
			}
		})
	})
}

// start makes the runner, for the cluster or for this machine alone, and hands it
// the good project.
func (c *core) start(remote bool, s clusterFacts) {
	if s.made {
		c.tell("", fmt.Sprintf("made the namespace %s, which was not there; `towline down` deletes it", c.session.cluster.Identity().Namespace))
	}
	c.session.serial++
	c.session.facts, c.session.remote = s, remote
	o := c.runnerOptions(c.session.serial)
	dir := filepath.Dir(c.tiltfile.good.Tiltfile)
	o.Images = build.New(build.Options{Workspace: o.WorkspaceID, Dir: dir, Cluster: build.Cluster{None: true}})
	if remote {
		c.session.setCluster(&o)
		o.Images = builderFor(c.session.cluster, s, o.WorkspaceID, o.Owner, dir)
		c.store.record.pin(pinOf(c.session.cluster.Identity()))
	}
	o.Sent = filepath.Join(c.o.Endpoint.State, "sent")
	o.AgentDir = filepath.Join(c.o.Endpoint.State, "agent")
	c.session.runner = c.newRunner(o)
	c.state = engine.State{}
	c.configure()
	c.restore()
}

// runnerOptions are those of any runner of the session, without a cluster.
func (c *core) runnerOptions(serial int) run.Options {
	o := run.Options{
		WorkspaceID: c.store.workspace(c.o.Endpoint.ID()), Owner: ownerOf(c.o.Endpoint.Workspace), Take: c.requests.take(), Decided: c.requests.decision,
		Agent: c.o.Agent, Sink: sink{shared: c.shared, queue: c.queue, up: serial}, Secrets: c.secrets.Load, Reached: c.reached,
	}
	if c.session.cluster != nil { // commands know it also where nothing else needs it
		o.Kubeconfig = c.kubeconfig()
	}
	return o
}

// setDesired tells the engine to bring resources up, and remembers it with what was
// asked for before.
func (c *core) setDesired(req api.UpRequest) {
	wanted := engine.Wanted{Resources: req.Resources}
	if c.state.Up { // else it is as it is written down
		c.store.record.toggle(true, downUnlessNamed(c.tiltfile.good, &c.state, req.Resources)...)
	}
	req.Resources = c.state.Asked(req.Resources)
	if up := c.store.record.Up; up != nil && up.Keep {
		req.Keep = true // until Down, as was asked
	}
	c.faces.keep(req.Keep)
	if c.session.remote {
		id := c.session.cluster.Identity()
		req.Context, req.Namespace = id.Context, id.Namespace // as they were meant, wherever the kubeconfig points tomorrow
		c.session.request.Context, c.session.request.Namespace = id.Context, id.Namespace
	}
	c.requests.takeOver.Store(c.requests.takeOver.Load() || req.TakeOver)
	c.requests.left, req.TakeOver = "", false // it was for now
	c.store.record.Up, c.store.record.Alone, c.store.record.Leaving, c.store.record.Logged = &req, !c.session.remote, false, true
	c.store.save()
	c.requests.decided.Store(&decisions{each: c.store.record.Decided, all: req.GitOps})
	c.step(engine.Switched{On: c.store.record.Switched})
	c.step(wanted)
	if left := leftServices(c.tiltfile.good, &c.state, c.store.record.Compose); len(left) > 0 {
		c.perform(engine.Forget{Services: left})
	}
}

// downUnlessNamed are those of some resources that would stay down though a
// person names them: turned off before, or not enabled in a project that is up
// whole.
func downUnlessNamed(p *config.Project, s *engine.State, names []string) []string {
	whole := len(s.Asked(names)) == 0
	var down []string
	for i := range p.Resources {
		r := &p.Resources[i]
		if slices.Contains(names, r.Name) && (s.SwitchedOff(r.Name) || whole && !r.Enabled) {
			down = append(down, r.Name)
		}
	}
	return down
}

// serves reports whether a service of Compose belongs to what is, or may be, up.
func serves(p *config.Project, s *engine.State, service *config.Compose) bool {
	return slices.ContainsFunc(p.Resources, func(r config.Resource) bool {
		return engine.SameService(r.Compose, service) && (r.Enabled || s.Resource(r.Name).Wanted)
	})
}

// leftServices are those of the services of Compose, by project, that an earlier
// daemon brought up and that left the Tiltfile since, or are disabled.
func leftServices(p *config.Project, s *engine.State, services map[string][]string) []config.Compose {
	var left []config.Compose
	for project, names := range services {
		for _, name := range names {
			service := config.Compose{Project: project, Service: name}
			if !serves(p, s, &service) {
				left = append(left, service)
			}
		}
	}
	return left
}
