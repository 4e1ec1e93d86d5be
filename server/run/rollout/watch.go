package rollout

import (
	"context"
	"maps"
	"slices"
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
			s.box.Put(func(ctx context.Context, s *state) {
				switch e.Kind {
				case kube.Synced:
					s.listed[namespace] = true
				case kube.Refused:
					e.Object.Namespace = namespace
				}
				s.changed(ctx, e)
			})
		})
	})
}

// ours selects the objects that we applied; another program's carry no label.
func (s *state) ours() string { return kube.LabelWorkspace + "=" + s.Workspace }

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
			s.box.Put(func(ctx context.Context, s *state) { s.changed(ctx, e) })
		})
		s.box.Put(func(_ context.Context, s *state) { delete(s.kinds, kind) })
	})
}

// kindWatch is what watchKind follows.
type kindWatch struct {
	kube.Ref
	selector string
}

// left takes the end of an object that may have been ours to keep. What is
// nobody's, in a namespace that others use too, is not remembered.
func (s *state) left(ref kube.Ref) {
	if !s.mayHave(ref) {
		return
	}
	s.deleted[bare(ref)] = ref.UID
	for name, d := range s.applied {
		if slices.ContainsFunc(d.objects, func(o object) bool { return s.missing(o) }) {
			s.observe(name)
		}
	}
}

// mayHave reports whether a resource has an object of that name, as far as it is
// known which objects it has.
func (s *state) mayHave(ref kube.Ref) bool {
	for _, d := range s.applied {
		if !d.complete || slices.ContainsFunc(d.objects, func(o object) bool { return bare(o.ref) == bare(ref) }) {
			return true
		}
	}
	return false
}

// ended takes the end of what has pods, or is one. What succeeded before, as a
// Job with a time to live, is not missed.
func (s *state) ended(ref kube.Ref, last kube.Rollout) {
	if !last.Succeeded {
		s.left(ref)
		return
	}
	for _, d := range s.applied {
		for i := range d.objects {
			if o := &d.objects[i]; o.ref.UID == ref.UID && bare(o.ref) == bare(ref) {
				o.rollout = last
			}
		}
	}
}

// there takes the sight of an object.
func (s *state) there(ref kube.Ref) {
	if _, gone := s.deleted[bare(ref)]; !gone {
		return
	}
	delete(s.deleted, bare(ref))
	for name, d := range s.applied {
		if slices.ContainsFunc(d.objects, func(o object) bool { return bare(o.ref) == bare(ref) }) {
			s.observe(name)
		}
	}
}

// missing reports whether an object was deleted since it was applied.
func (s *state) missing(o object) bool {
	uid, gone := s.deleted[bare(o.ref)]
	return gone && uid == o.ref.UID
}

// changed takes one fact about objects that carry a resource's label.
func (s *state) changed(ctx context.Context, e kube.Event) {
	switch e.Kind {
	case kube.PodChanged:
		e.Pod.Said = s.pods[e.Pod.UID].Said
		s.pods[e.Pod.UID] = e.Pod
		s.followLogs(ctx, e.Pod)
		s.observe(s.resourceOf(e.Pod))
	case kube.PodGone:
		delete(s.pods, e.Pod.UID)
		maps.DeleteFunc(s.logs, func(k logKey, _ *containerLog) bool { return k.pod == e.Pod.UID })
		maps.DeleteFunc(s.complaints, func(k logKey, _ *output.Repeats) bool { return k.pod == e.Pod.UID })
		maps.DeleteFunc(s.seen, func(k logKey, _ time.Time) bool { return k.pod == e.Pod.UID })
		if e.Pod.Owner == (kube.Owner{}) { // else nobody applied it, and its name never comes again
			s.ended(kube.Ref{Kind: "Pod", Namespace: e.Pod.Namespace, Name: e.Pod.Name, UID: e.Pod.UID}, e.Pod.Rollout())
		}
		s.observe(s.resourceOf(e.Pod))
	case kube.WorkloadChanged:
		s.workloads[bare(e.Workload.Ref)] = e.Workload
		s.there(e.Workload.Ref)
		s.observe(s.resource(e.Workload.Labels))
	case kube.WorkloadGone:
		delete(s.workloads, bare(e.Workload.Ref))
		delete(s.refusals, e.Workload.Ref.UID)
		s.ended(e.Workload.Ref, e.Workload.Rollout)
		s.observe(s.resource(e.Workload.Labels))
	case kube.ObjectSeen:
		s.there(e.Object)
	case kube.ObjectGone:
		s.left(e.Object)
	case kube.Refused:
		s.refused[kube.Ref{Kind: e.Object.Kind, Namespace: e.Object.Namespace}] = e.Err
		for _, name := range slices.Sorted(maps.Keys(s.applied)) {
			s.observe(name)
		}
	case kube.Noticed:
		s.notice(e.Notice)
	case kube.Synced:
		s.Cluster(nil)
		for _, name := range slices.Sorted(maps.Keys(s.applied)) {
			s.observe(name)
		}
	case kube.Lost:
		s.Cluster(e.Err)
	}
}

// bare drops what two answers about one object may differ in.
func bare(ref kube.Ref) kube.Ref {
	return kube.Ref{Group: ref.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}

// resource finds the resource whose label an object carries.
func (s *state) resource(labels map[string]string) string {
	for name := range s.applied {
		if kube.LabelValue(name) == labels[kube.LabelResource] {
			return name
		}
	}
	return ""
}

// resourceOf finds the resource that a pod belongs to.
func (s *state) resourceOf(p kube.Pod) string {
	name := s.resource(p.Labels)
	if d := s.applied[name]; d != nil && d.only && !matches(d.selectors, p.Labels) {
		return ""
	}
	return name
}

// paused reports whether a pod's program stands still in its debugger.
func (s *state) paused(pod kube.Ref) bool {
	for id, a := range s.agents {
		if id.Pod == pod.Name && id.Namespace == pod.Namespace && a.Process.Paused {
			return true
		}
	}
	return false
}

// notice writes what the cluster complains of to the resource's log, and
// remembers what says why a pod is not ready.
func (s *state) notice(n kube.Notice) {
	if _, refused := kube.RefusalOf(n); refused {
		s.noticeRefusal(n)
		return
	}
	if !n.Warning || n.Reason == "Unhealthy" && s.paused(n.About) {
		return // a program that stands at a breakpoint answers no probe
	}
	for _, p := range s.pods {
		if p.Name == n.About.Name && p.Namespace == n.About.Namespace {
			if name := s.resourceOf(p); name != "" {
				s.complain(name, p.UID, n)
				p.Said = kube.Complaints(p.Said, n)
				s.pods[p.UID] = p
				s.observe(name)
			}
			return
		}
	}
}

// mostRefusals bounds what is remembered of workloads that may be others'.
const mostRefusals = 500

// noticeRefusal remembers that a workload's pod could not be made.
func (s *state) noticeRefusal(n kube.Notice) {
	if s.refusals[n.About.UID].At.After(n.At) || n.About.Kind == "ReplicaSet" { // its Deployment says so itself
		return
	}
	if len(s.refusals) >= mostRefusals {
		clear(s.refusals) // those that still hold are told again
	}
	s.refusals[n.About.UID] = n
	for name, d := range s.applied {
		if slices.ContainsFunc(d.objects, func(o object) bool { return o.ref.UID == n.About.UID }) {
			s.observe(name)
		}
	}
}

// complain writes a complaint about a pod, and of those that come again how
// often.
func (s *state) complain(resource, pod string, n kube.Notice) {
	key := logKey{pod: pod, container: n.Reason}
	if s.complaints[key] == nil {
		s.complaints[key] = &output.Repeats{}
	}
	if text := s.complaints[key].Tell(n.About.Name + ": " + n.Reason + ": " + n.Message); text != "" {
		s.Log.Say(resource, "warn", text)
	}
}
