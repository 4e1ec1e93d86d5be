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
		_ = s.Kube.Watch(ctx, namespace, kube.LabelWorkspace+"="+s.Workspace, func(e kube.Event) {
			s.box.Put(func(ctx context.Context, s *state) {
				if e.Kind == kube.Synced {
					s.listed[namespace] = true
				}
				s.changed(ctx, e)
			})
		})
	})
}

// changed takes one fact about objects that carry a resource's label.
func (s *state) changed(ctx context.Context, e kube.Event) {
	switch e.Kind {
	case kube.PodChanged:
		s.pods[e.Pod.UID] = e.Pod
		s.followLogs(ctx, e.Pod)
		s.observe(s.resourceOf(e.Pod))
	case kube.PodGone:
		delete(s.pods, e.Pod.UID)
		maps.DeleteFunc(s.logs, func(k logKey, _ bool) bool { return k.pod == e.Pod.UID })
		maps.DeleteFunc(s.complaints, func(k logKey, _ *output.Repeats) bool { return k.pod == e.Pod.UID })
		maps.DeleteFunc(s.seen, func(k logKey, _ time.Time) bool { return k.pod == e.Pod.UID })
		s.observe(s.resourceOf(e.Pod))
	case kube.WorkloadChanged:
		s.workloads[bare(e.Workload.Ref)] = e.Workload
		s.observe(s.resource(e.Workload.Labels))
	case kube.WorkloadGone:
		delete(s.workloads, bare(e.Workload.Ref))
		s.observe(s.resource(e.Workload.Labels))
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

// notice writes what the cluster complains of to the resource's log.
func (s *state) notice(n kube.Notice) {
	if !n.Warning || n.Reason == "Unhealthy" && s.paused(n.About) {
		return // a program that stands at a breakpoint answers no probe
	}
	for _, p := range s.pods {
		if p.Name == n.About.Name && p.Namespace == n.About.Namespace {
			if name := s.resourceOf(p); name != "" {
				s.complain(name, p.UID, n)
			}
			return
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
