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
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// Follower follows a project's resources. Its methods may be called
// concurrently; those that tell it something do not wait. One goroutine owns
// all that is known and judges by it, one which logs are read; each watch of a
// namespace and each log has one that blocks on the cluster.
type Follower struct {
	box  *inbox.Inbox[state]
	logs *logs
}

// Start returns a Follower that knows of nothing yet.
func Start(ctx context.Context, o Options) *Follower {
	s := &state{
		Options: o, facts: noFacts(o.WorkspaceID, o.Namespace), logs: startLogs(ctx, o),
		kinds: map[kindWatch]bool{}, watched: map[string]bool{}, told: map[engine.TargetID]Container{},
		complaints: map[complaint]*output.Repeats{}, covers: map[string]bool{}, waking: map[string]time.Time{},
	}
	f := &Follower{box: inbox.Start(ctx, s), logs: s.logs}
	f.box.Put(func(context.Context, *state) { s.box = f.box })
	return f
}

// Close ends all watches and waits for them.
func (f *Follower) Close() {
	f.box.Close()
	f.logs.close()
}

// Configure tells of the project: what counts as ready follows it at once.
func (f *Follower) Configure(p *config.Project) {
	f.box.Put(func(ctx context.Context, s *state) {
		for _, res := range p.Resources {
			d := s.facts.applied[res.Name]
			if d == nil || !d.complete {
				continue // what is being applied is what the project says
			}
			before, spec := d.readinessSpec, readinessSpecOf(res)
			if same := before.samePods(spec); !same {
				s.abandon(res.Name)
				d.readinessSpec = spec
				s.adopt(ctx, res.Name, d)
			}
			d.readinessSpec = spec
			s.observe(res.Name)
		}
	})
}

// Image tells what an image of the project became. A container that runs
// another build is no target.
func (f *Follower) Image(ref, pushed string) {
	f.box.Put(func(_ context.Context, s *state) { s.facts.setImage(ref, pushed) })
}

// Begin tells that a resource is being applied: until Applied it is not ready.
func (f *Follower) Begin(res config.Resource) {
	f.box.Put(func(_ context.Context, s *state) {
		s.abandon(res.Name)
		s.facts.applied[res.Name] = &deployment{readinessSpec: readinessSpecOf(res)}
	})
}

// Applied tells which objects of a resource the server has, and whether they
// are all of it.
func (f *Follower) Applied(res config.Resource, objects []Object, complete bool) {
	f.box.Put(func(ctx context.Context, s *state) {
		d := &deployment{readinessSpec: readinessSpecOf(res), complete: complete}
		for _, o := range objects {
			d.objects = append(d.objects, objectOf(o))
			s.watch(ctx, o.Ref.Namespace)
			selector := s.ours()
			if o.Theirs {
				selector = ""
			}
			s.watchKind(ctx, o.Ref, selector)
		}
		s.facts.applied[res.Name] = d
		s.adopt(ctx, res.Name, d)
		s.hear(res.Name)
	})
}

// hear reads the logs of a resource's pods that were seen before it was known that
// they are its own, and may never be told of again.
func (s *state) hear(resource string) {
	for _, p := range s.facts.podsOf(resource) {
		s.logs.follow(p, resource)
	}
}

// Adopted tells what another program applied for a resource. Its pods carry
// none of our labels: they are known by their owners.
func (f *Follower) Adopted(res config.Resource, objects []kube.Applied, live Live) {
	f.box.Put(func(ctx context.Context, s *state) {
		s.abandon(res.Name)
		d := &deployment{readinessSpec: readinessSpecOf(res), complete: true, external: true, live: live}
		for _, a := range objects {
			d.objects = append(d.objects, objectOf(Object{Applied: a}))
			s.watchKind(ctx, a.Ref, "")
		}
		s.facts.applied[res.Name] = d
		s.adopt(ctx, res.Name, d)
	})
}

// Updating tells that the program that applied a resource's objects runs again,
// or that it has ended.
func (f *Follower) Updating(resource string, is bool) {
	f.box.Put(func(_ context.Context, s *state) {
		if d := s.facts.applied[resource]; d != nil && d.updating != is {
			d.updating = is
			s.observe(resource)
		}
	})
}

// Leaving tells of objects that are about to be deleted, by us: nobody shall
// be told that they are missing.
func (f *Follower) Leaving(objects []kube.Ref) {
	f.box.Put(func(_ context.Context, s *state) { s.facts.leaving(objects) })
}

// Dropped tells that nothing of some resources stays.
func (f *Follower) Dropped(resources []string) {
	f.box.Put(func(_ context.Context, s *state) {
		for _, name := range resources {
			s.abandon(name)
			delete(s.facts.applied, name)
		}
	})
}

// Observe judges a resource by what is known, and tells.
func (f *Follower) Observe(resource string) {
	f.box.Put(func(_ context.Context, s *state) { s.observe(resource) })
}

// Agent tells what an agent said.
func (f *Follower) Agent(a Agent) {
	f.box.Put(func(_ context.Context, s *state) { s.agentSaid(a) })
}

// AgentGone tells that a container's agent was given up.
func (f *Follower) AgentGone(id engine.TargetID) {
	f.box.Put(func(_ context.Context, s *state) {
		delete(s.facts.agents, id)
		s.gone(id)
	})
}

// Pods returns a resource's pods, oldest first.
func (f *Follower) Pods(ctx context.Context, resource string) []kube.Pod {
	return inbox.Ask(ctx, f.box, func(_ context.Context, s *state) []kube.Pod { return s.facts.podsOf(resource) })
}
