// Package rollout knows how far each resource of a project has come in the
// cluster: which objects were applied, which pods run for them, whether all is
// ready, and if not, why.
//
// A Follower watches the namespaces that objects were applied to, takes what
// agents say of the processes they supervise, and judges a resource anew with
// each fact. It tells the judgement, each container's facts, and the lines of
// the pods' logs.
package rollout

import (
	"context"
	"slices"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// Kube is what a Follower asks of the cluster. Watch ends only with its
// context, as WatchKind does for a kind that the cluster knows; both call emit
// for one event after the other.
type Kube interface {
	WatchKind(ctx context.Context, kind kube.Ref, selector string, emit func(kube.Event)) error
	Watch(ctx context.Context, namespace, selector string, emit func(kube.Event)) error
	Logs(ctx context.Context, o kube.LogOptions, line func(kube.LogLine)) error
}

// Container describes one container. A zero Pod UID means that it is gone.
type Container struct {
	ID       engine.TargetID
	Resource string
	PodUID   string
	Image    string
	Ready    bool
	Restarts int
	Process  wire.Process
	Problem  *config.Problem // why no agent answers, nil when all is well
	Covered  []Covered       // files that are not brought there, in the order of their names
}

// Options are what a Follower works with. The functions may be called from any
// goroutine and must not block.
type Options struct {
	Workspace string // id, by which our own objects are found
	Namespace string // the project's, "" where it is not known
	Kube      Kube
	Log       output.Log
	Reached   func(pod, container string) time.Time // of the last line that is known already; nil: none is
	Tell      func(engine.Event)
	Container func(Container)
	Cluster   func(err error) // the cluster answers, or why it does not
}

// Follower follows a project's resources. Its methods may be called
// concurrently; those that tell it something do not wait. One goroutine owns
// all that is known and judges by it; each watch of a namespace and each log
// has one that blocks on the cluster.
type Follower struct {
	box *inbox.Inbox[state]
}

// state is all that is known. Its owner alone calls its methods.
type state struct {
	Options
	box        *inbox.Inbox[state]
	images     map[string]string             // pushed references, by the project's
	applied    map[string]*deployment        // by resource
	pods       map[string]kube.Pod           // by UID
	workloads  map[kube.Ref]kube.Workload    //
	deleted    map[kube.Ref]string           // UIDs of objects that were deleted, under their names
	refused    map[kube.Ref]error            // why workloads of a kind in a namespace may not be seen
	kinds      map[kindWatch]bool            // kinds in namespaces with a watch of their own
	watched    map[string]bool               // namespaces with a watch of our own objects
	listed     map[string]bool               // of them, those whose pods are all known
	spaces     map[string]*space             // namespaces in which others applied something
	agents     map[engine.TargetID]Agent     // what they said last
	told       map[engine.TargetID]Container //
	logs       map[logKey]*containerLog      // of containers that have run
	complaints map[logKey]*output.Repeats    // of the cluster about a pod, by reason
	refusals   map[string]kube.Notice        // of pods that could not be made, last, by their workload's UID
	covers     map[string]bool               // what was said to be mounted over what, by resource and sentence
	seen       map[logKey]time.Time          // when programs were first seen to run
	waking     map[string]bool               // resources that are judged anew when a moment has passed
}

// Agent is what an agent said of its container, or why it does not answer.
type Agent struct {
	ID       engine.TargetID
	Resource string
	Process  wire.Process
	Problem  *config.Problem
	Refused  bool // the problem does not pass by itself
	Covered  map[string]wire.Covered
}

// Object is an applied object and the hash of its pod template, "" where it
// has none.
type Object struct {
	kube.Applied
	Template string
}

// Start returns a Follower that knows of nothing yet.
func Start(ctx context.Context, o Options) *Follower {
	s := &state{
		Options: o,
		images:  map[string]string{}, applied: map[string]*deployment{}, pods: map[string]kube.Pod{},
		workloads: map[kube.Ref]kube.Workload{}, watched: map[string]bool{}, listed: map[string]bool{},
		deleted: map[kube.Ref]string{}, refused: map[kube.Ref]error{}, kinds: map[kindWatch]bool{},
		spaces: map[string]*space{}, agents: map[engine.TargetID]Agent{}, told: map[engine.TargetID]Container{},
		logs: map[logKey]*containerLog{}, complaints: map[logKey]*output.Repeats{}, refusals: map[string]kube.Notice{}, covers: map[string]bool{}, seen: map[logKey]time.Time{}, waking: map[string]bool{},
	}
	f := &Follower{box: inbox.Start(ctx, s)}
	f.box.Put(func(context.Context, *state) { s.box = f.box })
	return f
}

// Close ends all watches and waits for them.
func (f *Follower) Close() { f.box.Close() }

// Configure tells of the project: what counts as ready follows it at once.
func (f *Follower) Configure(p *config.Project) {
	f.box.Put(func(ctx context.Context, s *state) {
		for _, res := range p.Resources {
			d := s.applied[res.Name]
			if d == nil || !d.complete {
				continue
			}
			if before := d.meant; !before.samePods(meantBy(res)) {
				s.abandon(res.Name)
				d.meant = meantBy(res)
				s.adopt(ctx, res.Name, d)
			}
			d.meant = meantBy(res)
			s.observe(res.Name)
		}
	})
}

// Image tells what an image of the project became. A container that runs
// another build is no target.
func (f *Follower) Image(ref, pushed string) {
	f.box.Put(func(_ context.Context, s *state) { s.images[ref] = pushed })
}

// Begin tells that a resource is being applied: until Applied it is not ready.
func (f *Follower) Begin(res config.Resource) {
	f.box.Put(func(_ context.Context, s *state) {
		s.abandon(res.Name)
		s.applied[res.Name] = &deployment{meant: meantBy(res)}
	})
}

// Applied tells which objects of a resource the server has, and whether they
// are all of it.
func (f *Follower) Applied(res config.Resource, objects []Object, complete bool) {
	f.box.Put(func(ctx context.Context, s *state) {
		d := &deployment{meant: meantBy(res), complete: complete}
		for _, o := range objects {
			d.objects = append(d.objects, objectOf(o))
			s.watch(ctx, o.Ref.Namespace)
			s.watchKind(ctx, o.Ref, s.ours())
		}
		s.applied[res.Name] = d
		s.adopt(ctx, res.Name, d)
	})
}

// Live says which containers of a resource have an agent for its LiveImage.
type Live struct {
	Ref        string
	Containers []string
}

// Adopted tells what another program applied for a resource. Its pods carry
// none of our labels: they are known by their owners.
func (f *Follower) Adopted(res config.Resource, objects []kube.Applied, live Live) {
	f.box.Put(func(ctx context.Context, s *state) {
		s.abandon(res.Name)
		d := &deployment{meant: meantBy(res), complete: true, external: true, live: live}
		for _, a := range objects {
			d.objects = append(d.objects, objectOf(Object{Applied: a}))
			s.watchKind(ctx, a.Ref, "")
		}
		s.applied[res.Name] = d
		s.adopt(ctx, res.Name, d)
	})
}

// Updating tells that the program that applied a resource's objects runs again,
// or that it has ended.
func (f *Follower) Updating(resource string, is bool) {
	f.box.Put(func(_ context.Context, s *state) {
		if d := s.applied[resource]; d != nil && d.updating != is {
			d.updating = is
			s.observe(resource)
		}
	})
}

// Leaving tells of objects that are about to be deleted, by us: nobody shall
// be told that they are missing.
func (f *Follower) Leaving(objects []kube.Ref) {
	f.box.Put(func(_ context.Context, s *state) {
		for _, d := range s.applied {
			d.objects = slices.DeleteFunc(d.objects, func(o object) bool {
				return slices.ContainsFunc(objects, func(r kube.Ref) bool {
					return r.Group == o.ref.Group && r.Kind == o.ref.Kind && r.Name == o.ref.Name && (r.Namespace == "" || r.Namespace == o.ref.Namespace)
				})
			})
		}
	})
}

// Dropped tells that nothing of some resources stays.
func (f *Follower) Dropped(resources []string) {
	f.box.Put(func(_ context.Context, s *state) {
		for _, name := range resources {
			s.abandon(name)
			delete(s.applied, name)
		}
	})
}

// Observe judges a resource by what is known, and tells.
func (f *Follower) Observe(resource string) {
	f.box.Put(func(_ context.Context, s *state) { s.observe(resource) })
}

// Agent tells what an agent said.
func (f *Follower) Agent(a Agent) {
	f.box.Put(func(_ context.Context, s *state) {
		s.agents[a.ID] = a
		c := s.told[a.ID] // its pod may not have been seen yet
		c.ID, c.Resource, c.Process, c.Problem, c.Covered = a.ID, a.Resource, a.Process, a.Problem, s.covered(a)
		s.tell(c)
		s.observe(a.Resource)
	})
}

// AgentGone tells that a container's agent was given up.
func (f *Follower) AgentGone(id engine.TargetID) {
	f.box.Put(func(_ context.Context, s *state) {
		delete(s.agents, id)
		s.gone(id)
	})
}

// Pods returns a resource's pods, oldest first.
func (f *Follower) Pods(ctx context.Context, resource string) []kube.Pod {
	return inbox.Ask(ctx, f.box, func(_ context.Context, s *state) []kube.Pod { return s.podsOf(resource) })
}
