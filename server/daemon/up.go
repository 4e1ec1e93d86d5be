package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
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
	c.session.open(c.d.kubeconfig(), func(err error) { c.d.tell("warn", err.Error()) })
}

// up brings the project up and answers when the Tiltfile is evaluated and the
// cluster has answered. What is up already stays until the new request has
// proved to be good.
func (c *core) up(req api.UpRequest, answer func(error)) {
	if c.requests.afterDown(func() { c.up(req, answer) }) {
		return
	}
	if req.Tiltfile == "" {
		req.Tiltfile = filepath.Join(c.d.o.Endpoint.Workspace, "Tiltfile")
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
				Message: fmt.Sprintf("the project is up in context %s, namespace %s, for whoever develops it", up.Context, up.Namespace),
				Hint:    "take it down first: `towline down`; or run `towline ci` in a checkout of its own",
			})
			return
		}
		if elsewhere(req.Context, req.Namespace, *up) {
			answer(upElsewhere(*up))
			return
		}
		req.Context, req.Namespace = up.Context, up.Namespace
		if req.Args == nil && req.Tiltfile == up.Tiltfile {
			req.Args = up.Args // whoever asks for what is up already does not know them, or means them
		}
	}
	adopt(req.Env)
	req.Env = nil // it is not written down
	before, cluster := c.session.request, c.session.cluster
	moves := c.session.runner == nil
	c.session.request = req
	if moves {
		c.open()
	}
	if up := c.store.record.Up; up != nil && moves {
		if problem := c.session.moved(c.store.record.Pin); problem != nil {
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
		c.begun(req, moves, func(err error) {
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
	return context != "" && context != up.Context || namespace != "" && namespace != up.Namespace
}

func upElsewhere(up api.UpRequest) *config.Problem {
	return &config.Problem{
		Message: fmt.Sprintf("the project is up in context %s, namespace %s, and not where this request points", up.Context, up.Namespace),
		Hint:    "take that down first: `towline down`",
	}
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

// begun goes on with up once the Tiltfile is evaluated.
func (c *core) begun(req api.UpRequest, moves bool, answer func(error)) {
	if c.session.cluster == nil {
		answer(c.session.lost)
		return
	}
	if ok, problem := kube.Allowed(c.session.cluster.Identity(), allowedBy(c.good)); !ok {
		p := *problem
		p.Pos = config.Position{File: c.good.Tiltfile, Line: 1, Col: 1}
		answer(&p)
		return
	}
	if err := mustKnow(c.good, req.Resources...); err != nil {
		answer(err)
		return
	}
	if !moves {
		c.want(req)
		answer(nil)
		return
	}
	turn, workspace := c.requests.turn, c.store.workspace(c.d.o.Endpoint.ID())
	cluster := c.session.cluster
	c.spawn(func(ctx context.Context) {
		environs, err := survey(ctx, cluster, workspace)
		c.d.queue.put(func(c *core) {
			switch {
			case turn != c.requests.turn:
				answer(overtaken)
			case err != nil:
				answer(err)
			case c.session.cluster == nil || cluster.Identity() != c.session.cluster.Identity() || c.good == nil:
				answer(overtaken)
			case c.session.runner != nil:
				c.want(req) // two that asked at once share a runner
				answer(nil)
			default:
				c.session.cluster = cluster
				c.start(environs)
				c.want(req)
				answer(nil)
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
		c.d.tell("warn", "cannot go on yet: "+err.Error())
		time.AfterFunc(resumePause, func() {
			c.d.queue.put(func(c *core) {
				if c.last == nil || c.last.Error == nil { // a Tiltfile's error waits for its save
					c.resume()
				}
			})
		})
	})
}

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

// start makes the runner for the cluster and hands it the good project.
func (c *core) start(s environs) {
	if s.made {
		c.d.tell("", fmt.Sprintf("made the namespace %s, which was not there; `towline down` deletes it", c.session.cluster.Identity().Namespace))
	}
	c.session.serial++
	c.session.environs = s
	o := c.runnerOptions(c.session.serial)
	o.Images = builderFor(c.session.cluster, s, filepath.Dir(c.good.Tiltfile))
	o.Sent = filepath.Join(c.d.o.Endpoint.State, "sent")
	c.session.runner = c.newRunner(o)
	c.state = engine.State{}
	if pin := pinOf(c.session.cluster.Identity()); c.store.record.Pin != pin {
		// What was built for another cluster says nothing about this one.
		c.store.record.Pin, c.store.record.Images = pin, map[string]imageRecord{}
	}
	c.configure()
	c.restore()
}

// runnerOptions are those of any runner of the session's cluster.
func (c *core) runnerOptions(serial int) run.Options {
	return run.Options{
		Workspace: c.store.workspace(c.d.o.Endpoint.ID()), Owner: ownerOf(c.d.o.Endpoint.Workspace), Take: c.requests.take(),
		Cluster: c.session.cluster, Namespace: c.session.namespace(), Kubeconfig: c.d.kubeconfig(),
		Agent: c.d.o.Agent, Sink: sink{d: c.d, up: serial}, Secrets: c.d.secrets.Load,
	}
}

// want tells the engine to bring resources up, and remembers it.
func (c *core) want(req api.UpRequest) {
	c.d.faces.keep(req.Keep)
	id := c.session.cluster.Identity()
	req.Context, req.Namespace = id.Context, id.Namespace // as they were meant, wherever the kubeconfig points tomorrow
	c.session.request.Context, c.session.request.Namespace = id.Context, id.Namespace
	c.requests.takeOver.Store(c.requests.takeOver.Load() || req.TakeOver)
	c.requests.left, req.TakeOver = "", false // it was for now
	c.store.record.Up, c.store.record.Leaving = &req, false
	c.store.save()
	c.step(engine.Wanted{Resources: req.Resources})
}
