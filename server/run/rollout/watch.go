package rollout

import (
	"context"
	"maps"
	"time"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/output"
)

// watch follows our own objects of a namespace, unless it is followed already.
func (s *state) watch(ctx context.Context, namespace string) {
	if namespace == "" || s.watched[namespace] {
		return // the object lives in no namespace, or was followed before
	}
	s.watched[namespace] = true
	s.box.Go(func() {
		// Watch ends only with its context.
		_ = s.Kube.Watch(ctx, namespace, s.ours(), func(e kube.Event) {
			s.box.Put(func(_ context.Context, s *state) {
				switch e.Kind {
				case kube.Synced:
					s.facts.listed[namespace] = true
				case kube.Refused:
					e.Object.Namespace = namespace
				}
				s.changed(e)
			})
		})
	})
}

// ours selects the objects that we applied; another program's carry no label.
func (s *state) ours() string { return kube.LabelWorkspace + "=" + s.WorkspaceID }

// watchKind sees whether objects of a kind that has no pods stay there: those that
// a selector finds, "" for all.
func (s *state) watchKind(ctx context.Context, ref kube.Ref, selector string) {
	kind := kindWatch{kube.Ref{Group: ref.Group, Version: ref.Version, Kind: ref.Kind, Namespace: ref.Namespace}, selector}
	if hasPods(ref) || s.kinds[kind] {
		return // see watch
	}
	s.kinds[kind] = true
	s.box.Go(func() {
		// An error means that nobody can tell: the kind is not in the cluster.
		// Whoever applies one again watches it again.
		_ = s.Kube.WatchKind(ctx, kind.Ref, selector, func(e kube.Event) {
			s.box.Put(func(_ context.Context, s *state) { s.changed(e) })
		})
		s.box.Put(func(_ context.Context, s *state) { delete(s.kinds, kind) })
	})
}

// adopt follows what belongs to a deployment and carries no label of ours. What is
// there already counts at once.
func (s *state) adopt(ctx context.Context, resource string, d *deployment) {
	for namespace, c := range s.facts.claims(resource, d) {
		n := s.facts.namespaces[namespace]
		if n == nil {
			n = newNamespaceState()
			s.facts.namespaces[namespace] = n
			s.watchAll(ctx, namespace)
		}
		n.claims[resource] = c
		for _, e := range n.present() {
			if c.take(&e) {
				s.changed(e)
			}
		}
	}
}

// abandon ends what adopt began.
func (s *state) abandon(resource string) {
	for _, uid := range s.facts.abandon(resource) {
		s.logs.abandon(uid)
	}
}

// watchAll follows everything in a namespace.
func (s *state) watchAll(ctx context.Context, namespace string) {
	s.box.Go(func() {
		// Watch ends only with its context.
		_ = s.Kube.Watch(ctx, namespace, "", func(e kube.Event) {
			s.box.Put(func(_ context.Context, s *state) {
				n := s.facts.namespaces[namespace]
				n.note(e)
				e.Object.Namespace = namespace
				if e.Kind == kube.Synced || e.Kind == kube.Lost || e.Kind == kube.Refused {
					s.changed(e) // it is about no object, and nobody's alone
					return
				}
				for _, c := range n.claims {
					if e := e; c.take(&e) {
						s.changed(e)
					}
				}
			})
		})
	})
}

// changed takes one fact about objects that carry a resource's label, and judges
// anew whom it concerns.
func (s *state) changed(e kube.Event) {
	concerned := s.facts.take(e)
	s.askOwner(e)
	switch e.Kind {
	case kube.PodChanged:
		s.logs.follow(e.Pod, s.facts.resourceOf(e.Pod))
	case kube.PodGone:
		s.logs.gone(e.Pod.UID)
		maps.DeleteFunc(s.complaints, func(c complaint, _ *output.Repeats) bool { return c.pod == e.Pod.UID })
	case kube.Noticed:
		s.notice(e.Notice)
	case kube.Synced:
		s.Cluster(nil)
	case kube.Lost:
		s.Cluster(e.Err)
	}
	for _, name := range concerned {
		s.observe(name)
	}
}

// ownerTimeout is how long the cluster may take to say what became of an object.
const ownerTimeout = 5 * time.Second

// askOwner asks what became of an object that is missing: to a watch of our own
// objects, one that another workspace takes over looks as if it was deleted.
func (s *state) askOwner(e kube.Event) {
	reader, can := s.Kube.(Reader)
	ref := e.Object
	if e.Kind == kube.WorkloadGone {
		ref = e.Workload.Ref
	}
	if !can || e.Kind != kube.WorkloadGone && e.Kind != kube.ObjectGone || len(s.facts.asks(ref, true, "")) == 0 {
		return
	}
	s.box.Put(func(ctx context.Context, s *state) {
		s.box.Go(func() {
			owner := s.owner(ctx, reader, ref)
			s.box.Put(func(_ context.Context, s *state) {
				for _, name := range s.facts.asks(ref, false, owner) {
					s.observe(name)
				}
			})
		})
	})
}

// owner names whose an object is that was ours, "" where it is nobody's or not there.
func (s *state) owner(ctx context.Context, reader Reader, ref kube.Ref) string {
	ctx, cancel := context.WithTimeout(ctx, ownerTimeout)
	defer cancel()
	now, err := reader.Current(ctx, []map[string]any{ref.Object()})
	if err != nil || len(now) == 0 {
		return ""
	}
	if by := kube.WorkspaceOf(now[0].Content); by == "" || by == s.WorkspaceID {
		return ""
	}
	return kube.OwnedBy(now[0].Content)
}

// notice writes what the cluster complains of to the resource's log, and
// remembers what says why a pod is not ready.
func (s *state) notice(n kube.Notice) {
	if _, refused := kube.RefusalOf(n); refused {
		for _, name := range s.facts.refusedPod(n) {
			s.observe(name)
		}
		return
	}
	if !n.Warning || n.Reason == "Unhealthy" && s.facts.paused(n.About) {
		return // a program that stands at a breakpoint answers no probe
	}
	p, _ := s.facts.podNamed(n.About.Namespace, n.About.Name)
	if name := s.facts.resourceOf(p); name != "" {
		s.complain(name, p.UID, n)
		s.facts.complained(p, n)
		s.observe(name)
	}
}
