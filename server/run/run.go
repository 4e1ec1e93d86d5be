// Package run performs the engine's effects and tells what came of them.
//
// A Runner wires what touches the world on behalf of one project that is up,
// each part with an owner of its own: server/run/deploy applies and deletes,
// server/run/rollout follows what runs in the cluster, server/run/agents
// brings files into the containers, server/run/compose has Docker Compose
// services, server/run/local runs commands on this
// machine and server/run/forward holds its ports. Facts travel one way, from
// the agents to the rollout, which alone judges, and from there to the Sink.
package run

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/compose"
	"github.com/towline-dev/towline/server/run/deploy"
	"github.com/towline-dev/towline/server/run/forward"
	"github.com/towline-dev/towline/server/run/local"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/server/run/rollout"
	"github.com/towline-dev/towline/starlark/config"
)

// Sink is told what happens. Its methods may be called from any goroutine and
// must not block.
type Sink interface {
	Event(engine.Event)
	Log(Line)
	Facts(Facts)
}

// Line is one line of a resource's log.
type Line = output.Line

// Place is what writes a log.
type Place = output.Place

// Facts are what a face shows and no plan depends on. Exactly one field is
// set.
type Facts struct {
	Target   *TargetFacts
	Forwards *ForwardFacts
	Cluster  *ClusterFacts
	Step     *StepFacts       // of a build
	Removed  *config.Compose  // a service of which nothing is left
	Paused   *kube.Controller // what holds objects for a GitOps tool is about to be paused
	Objects  []map[string]any // that were applied and stand in no Tiltfile: their Secrets are to be hidden
}

// TargetFacts describes one container. A zero Pod UID means that it is gone.
type TargetFacts = rollout.Container

// StepFacts say what an image's build is at; "" when it has ended.
type StepFacts struct{ Image, Text string }

// ForwardFacts are the ports of a resource that answer on this machine.
type ForwardFacts = forward.Facts

// Forward is one such port.
type Forward = forward.Forward

// ClusterFacts say whether the cluster answers.
type ClusterFacts struct {
	Connected bool
	Err       error
}

// Cluster is the part of a cluster that a Runner uses.
type Cluster interface {
	rollout.Kube
	deploy.Cluster
	deploy.Owner
	agents.Pods
}

// Images makes images.
type Images interface {
	Configure(p *config.Project)
	Build(ctx context.Context, r build.Request) (build.Result, error)
	Prune(ctx context.Context, o config.DockerPrune, keep []string) (removed []string, err error)
	AgentImage(ctx context.Context, binaries map[string][]byte, near string) (ref string, err error)
	ImageConfig(ctx context.Context, ref string) (build.ImageConfig, error)
}

// Options are what a Runner works with.
type Options struct {
	WorkspaceID string                        // id, labels the objects
	Owner       string                        // whose it is, for a person who finds its objects
	Take        func(owner string) bool       // whether another workspace's object is taken over; nil: none is
	Decided     func(id string) config.GitOps // see deploy.Options
	Cluster     Cluster                       // nil: nothing is applied to one
	Namespace   string                        // the project's
	Kubeconfig  string                        // of that cluster alone, for the developer's own commands
	Images      Images
	Docker      compose.Docker    // nil: the developer's docker command
	Agent       map[string][]byte // the agent's binaries for linux by architecture, "amd64"
	Sink        Sink
	AgentDir    string                 // folder for the agent's binaries, from which docker mounts them; "": none are brought
	Sent        string                 // folder for the large files that were sent last; "": none are kept
	Secrets     func() *config.Secrets // the values that no log may show; nil: there are none
	// Reached is the time of the last line that is known of a container's log,
	// which is read from there on; nil: none is.
	Reached func(output.Place) time.Time
}

// Runner performs effects. Its methods may be called concurrently. Effects are
// taken in the order of the calls; none waits.
type Runner struct {
	o        Options
	out      output.Log
	cancel   context.CancelFunc
	images   *images
	rollout  *rollout.Follower
	agents   *agents.Agents
	deploy   *deploy.Deployer
	local    *local.Commands
	compose  *compose.Services
	forwards *forward.Forwards

	mu      sync.Mutex
	project *config.Project
}

// New returns a Runner. It does nothing until it is asked to.
func New(ctx context.Context, o Options) *Runner {
	ctx, cancel := context.WithCancel(ctx)
	out := output.Log{Emit: o.Sink.Log, Secrets: o.Secrets}
	shell := command.Shell{WorkspaceID: o.WorkspaceID, Kubeconfig: o.Kubeconfig, Log: out}
	r := &Runner{o: o, out: out, cancel: cancel}
	r.rollout = rollout.Start(ctx, rollout.Options{
		WorkspaceID: o.WorkspaceID, Namespace: o.Namespace, Kube: o.Cluster, Log: out, Tell: o.Sink.Event, Reached: o.Reached,
		Container: func(c rollout.Container) { o.Sink.Facts(Facts{Target: &c}) },
		Cluster:   func(err error) { o.Sink.Facts(Facts{Cluster: &ClusterFacts{Connected: err == nil, Err: err}}) },
	})
	r.images = startImages(ctx, o, out, r.rollout.Image)
	r.agents = agents.Start(ctx, agents.Options{
		Connect: func(ctx context.Context, id engine.TargetID) (agents.Agent, error) {
			if id.Composed() {
				return r.compose.Connect(ctx, id)
			}
			return agents.Connect(ctx, o.Cluster, o.WorkspaceID, id)
		},
		Log: out, Tell: o.Sink.Event, Sent: o.Sent,
		Status: func(s agents.Status) { r.judgeOf(s.ID).Agent(s) },
		Gone:   func(id engine.TargetID) { r.judgeOf(id).AgentGone(id) },
	})
	r.local = local.Start(ctx, shell, o.Sink.Event)
	docker := o.Docker
	if docker == nil {
		docker = compose.CLI{Shell: shell}
	}
	r.compose = compose.Start(ctx, compose.Options{
		Docker: docker, Owner: o.WorkspaceID, Log: out, Tell: o.Sink.Event, Reached: o.Reached,
		Image: r.localImage, Agent: r.agentFile,
		Container: func(c agents.Container) { o.Sink.Facts(Facts{Target: &c}) },
		Removed:   func(c config.Compose) { o.Sink.Facts(Facts{Removed: &c}) },
	})
	r.forwards = forward.Start(ctx, r, out, func(f forward.Facts) { o.Sink.Facts(Facts{Forwards: &f}) })
	r.deploy = deploy.Start(ctx, deploy.Options{
		WorkspaceID: o.WorkspaceID, Owner: o.Owner, Take: o.Take, Decided: o.Decided, Cluster: o.Cluster, Namespace: o.Namespace, Images: r.images, Shell: shell, Rollout: r.rollout, Tell: o.Sink.Event,
		Deployed: func(res config.Resource) { r.forwards.Open(res.Name, res.PortForwards) },
		Dropped:  r.forwards.End,
		Paused:   func(c kube.Controller) { o.Sink.Facts(Facts{Paused: &c}) },
		Objects:  func(objects []map[string]any) { o.Sink.Facts(Facts{Objects: objects}) },
	})
	return r
}

// judgeOf is who judges a container by what its agent says.
func (r *Runner) judgeOf(id engine.TargetID) interface {
	Agent(agents.Status)
	AgentGone(engine.TargetID)
} {
	if id.Composed() {
		return r.compose
	}
	return r.rollout
}

// Configure tells of the project that later effects belong to. What needs no
// apply, such as port-forwards and the meaning of "ready", follows it at once.
func (r *Runner) Configure(p *config.Project) {
	r.mu.Lock()
	r.project = p
	r.mu.Unlock()
	r.images.configure(p)
	r.deploy.Configure(p)
	r.compose.Configure(p)
	r.rollout.Configure(p)
	r.agents.Configure(p)
	r.forwards.Follow(p)
}

func (r *Runner) configured() *config.Project {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.project
}

// Perform starts an effect.
func (r *Runner) Perform(e engine.Effect) {
	switch e := e.(type) {
	case engine.Build:
		r.images.build(e, engine.Users(r.configured(), e.Image.Ref))
	case engine.StopBuild:
		r.images.stop(e.Ref)
	case engine.Apply:
		if e.Resource.Kind == config.KindCompose {
			r.compose.Apply(e)
			return
		}
		r.deploy.Apply(e)
	case engine.Restart:
		if e.Resource.Kind == config.KindLocal {
			r.local.Restart(e.Resource)
			return
		}
		r.compose.Restart(e.Resource.Name)
	case engine.RunLocal:
		r.local.Run(e)
	case engine.StopLocal:
		r.local.Stop(e.Resource)
	case engine.Attach:
		r.agents.Attach(e)
	case engine.Detach:
		r.agents.Detach(e.Target)
	case engine.Live:
		r.agents.Live(e)
	case engine.Forget:
		r.compose.Forget(e)
		if r.o.Cluster != nil {
			r.deploy.Forget(e)
		}
	}
}

// Close cancels all work, ends local commands and connections, and waits.
func (r *Runner) Close() {
	r.cancel()
	for _, part := range []interface{ Close() }{r.deploy, r.compose, r.images, r.agents, r.local, r.forwards, r.rollout} {
		part.Close()
	}
}

// End says what is to be taken down.
type End struct {
	Cluster deploy.End
	Compose []string // Compose projects, by name
}

// Down takes down what the workspace has brought up, in the cluster and here; see
// deploy.Deployer.Down and compose.Services.Down. What fails on one side does not
// keep the other up.
func (r *Runner) Down(ctx context.Context, end End) error {
	err := r.compose.Down(ctx, end.Compose)
	if r.o.Cluster == nil {
		return err
	}
	return errors.Join(err, r.deploy.Down(ctx, r.o.Cluster, end.Cluster))
}
