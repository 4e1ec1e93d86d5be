// Package run performs the engine's effects and tells what came of them.
//
// A Runner owns everything that touches the world on behalf of one project
// that is up: builds, applies, the watch of its pods, the connections to the
// agents, local commands and port-forwards. Each effect runs in a goroutine of
// its own and ends with one event to the Sink; Close cancels them all and
// waits for them.
package run

import (
	"context"
	"sync"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/forward"
	"github.com/towline-dev/towline/server/run/local"
	"github.com/towline-dev/towline/server/run/output"
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

// Facts are what a face shows and no plan depends on. Exactly one field is
// set.
type Facts struct {
	Target   *TargetFacts
	Forwards *ForwardFacts
	Cluster  *ClusterFacts
	Objects  []map[string]any // that were applied and stand in no Tiltfile: their Secrets are to be hidden
}

// TargetFacts describes one container. A zero Pod UID means that it is gone.
type TargetFacts struct {
	ID       engine.TargetID
	Resource string
	PodUID   string
	Image    string
	Ready    bool
	Restarts int
	Process  wire.Process
	Problem  *config.Problem // why no agent answers, nil when all is well
}

// ForwardFacts are the ports of a resource that answer on this machine.
type ForwardFacts = forward.Facts

// Forward is one such port.
type Forward = forward.Forward

// ClusterFacts say whether the cluster answers.
type ClusterFacts struct {
	Connected bool
	Err       error
}

// Options are what a Runner works with.
type Options struct {
	Workspace  string // id, labels the objects
	Cluster    *kube.Cluster
	Kubeconfig string // of that cluster alone, for the developer's own commands
	Images     *build.Builder
	Agent      map[string][]byte // the agent's binaries for linux by architecture, "amd64"
	Sink       Sink
	Sent       string                 // folder for the large files that were sent last; "": none are kept
	Secrets    func() *config.Secrets // the values that no log may show; nil: there are none
}

// Runner performs effects. Its methods may be called concurrently.
type Runner struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	out      output.Log
	shell    command.Shell
	local    *local.Commands
	forwards *forward.Forwards

	mu         sync.Mutex
	project    *config.Project
	set        config.Ours                   // of project
	built      map[string]builtImage         // by ref
	deployed   map[string]*deployment        // by resource
	pods       map[string]kube.Pod           // by UID
	workloads  map[kube.Ref]kube.Workload    //
	targets    map[engine.TargetID]*target   //
	logs       map[logKey]context.CancelFunc //
	watches    map[string]context.CancelFunc // by namespace
	neighbours map[string]*neighbourhood     // by namespace
	listed     map[string]bool               // namespaces, and adoptions, whose pods are all known
	turns      map[string]*turn              // the last apply or deletion of a resource
	sent       *sent                         // the large files that were sent last
	agentRef   string                        // of the agent's pushed image, "" before the first use
}

// New returns a Runner. It does nothing until it is asked to.
func New(ctx context.Context, o Options) *Runner {
	ctx, cancel := context.WithCancel(ctx)
	r := &Runner{
		o: o, ctx: ctx, cancel: cancel,
		built:      map[string]builtImage{},
		deployed:   map[string]*deployment{},
		pods:       map[string]kube.Pod{},
		workloads:  map[kube.Ref]kube.Workload{},
		targets:    map[engine.TargetID]*target{},
		logs:       map[logKey]context.CancelFunc{},
		watches:    map[string]context.CancelFunc{},
		neighbours: map[string]*neighbourhood{},
		listed:     map[string]bool{},
		turns:      map[string]*turn{},
	}
	r.out = output.Log{Emit: o.Sink.Log, Secrets: o.Secrets}
	r.shell = command.Shell{Kubeconfig: o.Kubeconfig, Log: r.out}
	r.local = local.Start(ctx, r.shell, o.Sink.Event)
	r.forwards = forward.Start(ctx, r, r.out, func(f forward.Facts) { o.Sink.Facts(Facts{Forwards: &f}) })
	var err error
	if r.sent, err = newSent(o.Sent); err != nil {
		r.log("", "towline", "warn", err.Error()+"; files travel whole")
	}
	return r
}

// Configure tells of the project that later effects belong to. What needs no
// apply, port-forwards and the meaning of "ready", follows it at once.
func (r *Runner) Configure(p *config.Project) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.project, r.set = p, p.Settings.Ours()
	for id := range r.targets {
		r.spawn(func() { r.govern(id) })
	}
	r.forwards.Follow(p)
	for _, res := range p.Resources {
		if d := r.deployed[res.Name]; d != nil && d.applied {
			d.readiness = res.PodReadiness
			r.spawn(func() { r.observe(res.Name) })
		}
	}
}

// ours are the towline module's settings of the project.
func (r *Runner) ours() config.Ours {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.set
}

// Perform starts an effect.
func (r *Runner) Perform(e engine.Effect) {
	switch e := e.(type) {
	case engine.Build:
		r.spawn(func() { r.build(e) })
	case engine.Apply:
		ctx, begin, end := r.turn(e.Resource.Name)
		r.spawn(func() {
			defer end()
			begin()
			r.apply(ctx, e)
		})
	case engine.RunLocal:
		r.local.Run(e)
	case engine.StopLocal:
		r.local.Stop(e.Resource)
	case engine.Attach:
		r.attach(e)
	case engine.Detach:
		r.detach(e.Target)
	case engine.Live:
		r.spawn(func() { r.live(e) })
	case engine.Forget:
		r.forgetInTurn(e)
	}
}

func (r *Runner) spawn(f func()) { r.work.Go(f) }

// Close cancels all work, ends local commands and connections, and waits.
func (r *Runner) Close() {
	r.cancel()
	r.mu.Lock()
	targets := make([]engine.TargetID, 0, len(r.targets))
	for id := range r.targets {
		targets = append(targets, id)
	}
	r.mu.Unlock()
	for _, id := range targets {
		r.detach(id)
	}
	r.local.Close()
	r.forwards.Close()
	r.work.Wait()
	r.sent.close()
}

// log tells a line on behalf of a resource.
func (r *Runner) log(resource, source, level, text string) {
	r.o.Sink.Log(Line{Resource: resource, Source: source, Level: level, Text: text})
}

// logKey names one container's log stream.
type logKey struct{ pod, container, instance string }
