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
	"maps"
	"sync"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
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
type Line struct {
	Time     time.Time // zero: now
	Resource string
	Source   string // "runtime", "build" or "towline"
	Pod      string
	Level    string // "", "warn" or "error"
	Text     string
}

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
type ForwardFacts struct {
	Resource string
	Forwards []Forward
}

// Forward is one such port.
type Forward struct {
	Spec    config.PortForward
	Local   string // host:port that is listened on
	Remote  int
	Problem string
}

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

	mu         sync.Mutex
	project    *config.Project
	set        config.Ours                   // of project
	built      map[string]builtImage         // by ref
	deployed   map[string]*deployment        // by resource
	pods       map[string]kube.Pod           // by UID
	workloads  map[kube.Ref]kube.Workload    //
	targets    map[engine.TargetID]*target   //
	locals     map[string]*local             // serve commands by resource
	running    map[string]context.CancelFunc // the commands before them, by resource
	forwards   map[string]*forwarder         // by resource
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
		locals:     map[string]*local{},
		running:    map[string]context.CancelFunc{},
		forwards:   map[string]*forwarder{},
		logs:       map[logKey]context.CancelFunc{},
		watches:    map[string]context.CancelFunc{},
		neighbours: map[string]*neighbourhood{},
		listed:     map[string]bool{},
		turns:      map[string]*turn{},
	}
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
	gone := maps.Clone(r.forwards)
	for _, res := range p.Resources {
		delete(gone, res.Name)
		if d := r.deployed[res.Name]; d != nil && d.applied {
			d.readiness = res.PodReadiness
			r.spawn(func() {
				r.serveForwards(res)
				r.observe(res.Name)
			})
		}
	}
	for name, f := range gone {
		f.stop()
		delete(r.forwards, name)
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
		ctx, done := r.beginLocal(e.Resource.Name)
		r.spawn(func() { defer done(); r.runLocal(ctx, e) })
	case engine.StopLocal:
		r.endLocal(e.Resource)
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
	r.work.Wait()
	r.sent.close()
}

// log tells a line on behalf of a resource.
func (r *Runner) log(resource, source, level, text string) {
	r.o.Sink.Log(Line{Resource: resource, Source: source, Level: level, Text: text})
}

// logKey names one container's log stream.
type logKey struct{ pod, container, instance string }
