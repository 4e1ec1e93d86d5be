package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/starlark/config"
)

// reachTimeout bounds how long Up waits for the cluster's first answer.
const reachTimeout = 10 * time.Second

// open opens the cluster of the current request.
func (c *core) open() {
	c.session.open(c.kubeconfig(), func(err error) { c.tell("warn", err.Error()) })
}

// up brings the project up and answers when the Tiltfile is evaluated and the
// cluster has answered. What is up already stays until the new request has
// proved to be good.
func (c *core) up(req api.UpRequest, answer func(error)) {
	if c.requests.afterDown(func() { c.up(req, answer) }) {
		return
	}
	if req.Tiltfile == "" {
		req.Tiltfile = filepath.Join(c.o.Endpoint.Workspace, "Tiltfile")
	}
	if _, err := os.Stat(req.Tiltfile); err != nil {
		answer(&config.Problem{
			Message: fmt.Sprintf("there is no Tiltfile in %s", filepath.Dir(req.Tiltfile)),
			Hint:    "name one with -f, or write one: `towline docs` has the reference of its built-ins",
			Pos:     config.Position{File: req.Tiltfile},
		})
		return
	}
	if up := c.store.record.Up; up != nil {
		if req.CI && !up.CI {
			answer(&config.Problem{
				Message: "the project is up" + place(*up) + ", for whoever develops it",
				Hint:    "take it down first: `towline down`; or run `towline ci` in a checkout of its own",
			})
			return
		}
		if elsewhere(req.Context, req.Namespace, *up) {
			answer(upElsewhere(*up))
			return
		}
		req.Context, req.Namespace = cmp.Or(up.Context, req.Context), cmp.Or(up.Namespace, req.Namespace)
		if req.Args == nil && req.Tiltfile == up.Tiltfile {
			req.Args = up.Args // whoever asks for what is up already does not know them, or means them
		}
	}
	adopt(req.Env)
	req.Env = nil // it is not written down
	before, cluster := c.session.request, c.session.cluster
	c.session.request = req
	if !c.session.remote {
		c.open()
	}
	if c.session.runner == nil {
		if problem := c.session.moved(c.store.record.pinned()); problem != nil {
			c.session = newSession()
			answer(problem)
			return
		}
	}
	answer = c.requests.asking(answer)
	turn := c.requests.turn
	c.evaluate(func(p *config.Project) {
		if turn != c.requests.turn {
			answer(overtaken)
			return
		}
		fail := func(err error) {
			c.session.request, c.session.cluster = before, cluster
			if c.session.lost != nil && cluster != nil {
				c.session.lost = nil // it was about the cluster that is not used
			}
			c.dirty = true
			if c.session.runner != nil && (before.Tiltfile != req.Tiltfile || !slices.Equal(before.Args, req.Args)) {
				c.evaluate(nil) // what is up goes on as it was asked for
			}
			answer(err)
		}
		if p.Error != nil {
			fail(p.Error)
			return
		}
		c.begun(req, func(err error) {
			if err != nil {
				fail(err)
				return
			}
			answer(nil)
		})
	})
}

// overtaken is the answer to an Up that another request came between.
var overtaken = &config.Problem{Message: "another request came between", Hint: "ask again: `towline up`"}

// pinOf names a cluster and a namespace beyond doubt.
func pinOf(id kube.Identity) string { return id.Pin() + "/" + id.Namespace }

// elsewhere reports whether a request names another place than the one where
// the project is up.
func elsewhere(context, namespace string, up api.UpRequest) bool {
	other := func(asked, is string) bool { return asked != "" && is != "" && asked != is }
	return other(context, up.Context) || other(namespace, up.Namespace)
}

func upElsewhere(up api.UpRequest) *config.Problem {
	return &config.Problem{
		Message: "the project is up" + place(up) + ", and not where this request points",
		Hint:    "take that down first: `towline down`",
	}
}

// place says where the project is up; nothing of one without a cluster.
func place(up api.UpRequest) string {
	if up.Context == "" {
		return ""
	}
	return fmt.Sprintf(" in context %s, namespace %s", up.Context, up.Namespace)
}

// adopt makes the environment of a command's terminal the daemon's own, as if
// it had been started there now.
func adopt(env []string) {
	if len(env) == 0 {
		return
	}
	owner := os.Getenv(command.OwnerName) // this daemon, whatever the terminal was started by
	os.Clearenv()
	defer func() { _ = os.Setenv(command.OwnerName, owner) }()
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok && name != "" {
			_ = os.Setenv(name, value) // fails for names that no environment holds
		}
	}
}

// allowedBy are the contexts that a Tiltfile allows, by name or with their
// certificate authority.
func allowedBy(p *config.Project) []string {
	if p == nil {
		return nil
	}
	return slices.Concat(p.Settings.AllowedContexts, p.Settings.Ours().Pins())
}

// inCluster reports whether anything of a project runs in a cluster.
func inCluster(p *config.Project) bool {
	isK8s := func(r config.Resource) bool { return r.Kind == config.KindK8s }
	return len(p.YAML) > 0 || slices.ContainsFunc(p.Resources, isK8s)
}

// needsCluster reports whether a project cannot be brought up without a
// cluster: something of it, or of what it was, is there.
func (c *core) needsCluster(p *config.Project) bool { return inCluster(p) || c.store.record.remote() }

// usable says why the session's cluster cannot be used for a project, nil if it
// can.
func (c *core) usable(p *config.Project) error {
	if c.session.cluster == nil {
		return c.session.lost
	}
	ok, problem := kube.Allowed(c.session.cluster.Identity(), allowedBy(p))
	if ok {
		return nil
	}
	located := *problem
	located.Pos = config.Position{File: p.Tiltfile, Line: 1, Col: 1}
	return &located
}

// begun goes on with up once the Tiltfile is evaluated.
func (c *core) begun(req api.UpRequest, answer func(error)) {
	remote := c.needsCluster(c.tiltfile.good)
	var problem error
	if remote {
		problem = c.usable(c.tiltfile.good)
	}
	if problem == nil {
		problem = mustKnow(c.tiltfile.good, req.Resources...)
	}
	switch {
	case problem != nil:
		answer(problem)
	case c.session.runner != nil && (c.session.remote || !remote):
		c.want(req)
		answer(nil)
	case remote:
		c.enter(req, answer)
	default:
		c.start(false, environs{})
		c.want(req)
		answer(nil)
	}
}

// enter goes on with begun in a cluster that is not in use yet. What is up
// without one is handed over: its servers are started anew.
func (c *core) enter(req api.UpRequest, answer func(error)) {
	turn, workspace := c.requests.turn, c.store.workspace(c.o.Endpoint.ID())
	cluster := c.session.cluster
	c.spawn(func(ctx context.Context) {
		environs, err := survey(ctx, cluster, workspace)
		c.queue.put(func(c *core) {
			switch {
			case turn != c.requests.turn:
				answer(overtaken)
			case err != nil:
				answer(err)
			case c.session.cluster == nil || cluster.Identity() != c.session.cluster.Identity() || c.tiltfile.good == nil:
				answer(overtaken)
			case c.session.remote:
				c.want(req) // two that asked at once share a runner
				answer(nil)
			default:
				c.endRunner(func() {
					if turn != c.requests.turn || c.session.runner != nil || c.tiltfile.good == nil {
						answer(overtaken)
						return
					}
					c.session.cluster = cluster
					c.start(true, environs)
					c.want(req)
					answer(nil)
				})
			}
		})
	})
}

// resumePause is the time between attempts to go on with what an earlier
// daemon had up.
const resumePause = 5 * time.Second

// resume goes on with what an earlier daemon had up, now or, when the Tiltfile
// or the cluster does not allow it yet, later.
func (c *core) resume() {
	up := c.store.record.resumes()
	if up == nil || c.session.runner != nil {
		return
	}
	c.up(*up, func(err error) {
		if err == nil {
			return
		}
		c.tell("warn", "cannot go on yet: "+err.Error())
		time.AfterFunc(resumePause, func() {
			c.queue.put(func(c *core) {
				if c.tiltfile.last == nil || c.tiltfile.last.Error == nil { // a Tiltfile's error waits for its save
					c.resume()
				}
			})
		})
	})
}

// join takes a project that is up without a cluster to one, since its Tiltfile
// has come to need it. Until then what is up stays as it was.
func (c *core) join() {
	up := c.store.record.Up
	if up == nil || c.session.runner == nil || !c.joins() || c.requests.asked > 0 || c.session.joining {
		return
	}
	turn := c.requests.turn
	c.session.joining = true
	if c.session.retry != nil {
		c.session.retry.Stop()
	}
	c.open()
	c.begun(*up, func(err error) {
		c.session.joining = false
		if err == nil || turn != c.requests.turn {
			return
		}
		if c.session.missed != err.Error() { // it is tried again and again, and told once
			c.tell("error", "the Tiltfile has come to need a cluster, and what is up stays as it was until there is one: "+err.Error())
		}
		c.session.lost, c.session.missed, c.dirty = err, err.Error(), true
		c.session.retry = time.AfterFunc(resumePause, func() { c.queue.put((*core).join) })
	})
}

// joins reports whether the good project waits for a cluster that what is up
// does without.
func (c *core) joins() bool { return !c.session.remote && c.needsCluster(c.tiltfile.good) }

// environs are what a builder has to know of a cluster.
type environs struct {
	registry          *config.Registry // the cluster's own
	unread            string           // why the cluster could not be asked for its own
	platform, runtime string
	made              bool // the namespace was made
}

// survey asks the cluster for its version, its nodes and its registry.
func survey(ctx context.Context, cluster *kube.Cluster, workspace string) (environs, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	var s environs
	if _, err := cluster.ServerVersion(ctx); err != nil {
		return s, reachProblem(cluster, err)
	}
	if nodes, err := cluster.Nodes(ctx); err == nil && len(nodes) > 0 {
		s.platform, s.runtime = nodes[0].OS+"/"+nodes[0].Arch, nodes[0].Runtime
	}
	found, unread, err := cluster.DiscoverRegistry(ctx)
	if err != nil {
		return s, reachProblem(cluster, err)
	}
	s.registry, s.unread = found, unread
	if ns := cluster.Identity().Namespace; ns != "default" {
		labels := map[string]string{kube.LabelWorkspace: workspace, kube.LabelMade: workspace}
		made, err := cluster.EnsureNamespace(ctx, ns, labels)
		s.made = made
		if err != nil && !kube.IsKind(err, kube.Forbidden) {
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

// start makes the runner, for the cluster or for this machine alone, and hands it
// the good project.
func (c *core) start(remote bool, s environs) {
	if s.made {
		c.tell("", fmt.Sprintf("made the namespace %s, which was not there; `towline down` deletes it", c.session.cluster.Identity().Namespace))
	}
	c.session.serial++
	c.session.environs = s
	c.session.remote = remote
	o := c.runnerOptions(c.session.serial)
	dir := filepath.Dir(c.tiltfile.good.Tiltfile)
	o.Images = build.New(build.Options{Dir: dir, Cluster: build.Cluster{None: true}})
	if remote {
		o.Images = builderFor(c.session.cluster, s, dir)
		c.pin()
	}
	o.Sent = filepath.Join(c.o.Endpoint.State, "sent")
	c.session.runner = c.newRunner(o)
	c.state = engine.State{}
	c.configure()
	c.restore()
}

// pin remembers the cluster. What was built for another one says nothing about
// it.
func (c *core) pin() {
	if pin := pinOf(c.session.cluster.Identity()); c.store.record.Pin != pin {
		c.store.record.Pin, c.store.record.Images, c.store.record.Bases = pin, map[string]imageRecord{}, nil
	}
}

// runnerOptions are those of any runner of the session.
func (c *core) runnerOptions(serial int) run.Options {
	o := run.Options{
		Workspace: c.store.workspace(c.o.Endpoint.ID()), Owner: ownerOf(c.o.Endpoint.Workspace), Take: c.requests.take(),
		Agent: c.o.Agent, Sink: sink{shared: c.shared, queue: c.queue, up: serial}, Secrets: c.secrets.Load,
	}
	if c.session.cluster != nil { // commands know it also where nothing else needs it
		o.Kubeconfig = c.kubeconfig()
	}
	if c.session.remote {
		o.Cluster, o.Namespace = c.session.cluster, c.session.namespace()
	}
	return o
}

// named turns on those of some resources that would stay down though a person
// names them: turned off before, or not enabled in a project that is up whole.
func (c *core) named(names []string) {
	whole := len(c.state.Asked(names)) == 0
	for i := range c.tiltfile.good.Resources {
		r := &c.tiltfile.good.Resources[i]
		if slices.Contains(names, r.Name) && (c.state.SwitchedOff(r.Name) || whole && !r.Enabled) {
			c.store.record.toggle(true, r.Name)
		}
	}
}

// want tells the engine to bring resources up, and remembers it with what was
// asked for before.
func (c *core) want(req api.UpRequest) {
	wanted := engine.Wanted{Resources: req.Resources}
	if c.state.Up { // else it is as it is written down
		c.named(req.Resources)
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
	c.store.record.Up, c.store.record.Alone, c.store.record.Leaving = &req, !c.session.remote, false
	c.store.save()
	c.step(engine.Switched{On: c.store.record.Switched})
	c.step(wanted)
	c.removeLeft()
}

// serves reports whether a service of Compose belongs to what is, or may be, up.
func (c *core) serves(service *config.Compose) bool {
	return slices.ContainsFunc(c.tiltfile.good.Resources, func(r config.Resource) bool {
		return engine.SameService(r.Compose, service) && (r.Enabled || c.state.Resources[r.Name].Wanted)
	})
}

// removeLeft removes the services of Compose that an earlier daemon brought up
// and that left the Tiltfile since, or are disabled.
func (c *core) removeLeft() {
	var left []config.Compose
	for project, services := range c.store.record.Compose {
		for _, name := range services {
			service := config.Compose{Project: project, Service: name}
			if !c.serves(&service) {
				left = append(left, service)
			}
		}
	}
	if len(left) > 0 {
		c.perform(engine.Forget{Services: left})
	}
}
