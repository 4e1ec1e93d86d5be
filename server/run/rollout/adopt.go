package rollout

import (
	"context"
	"maps"
	"slices"

	"github.com/towline-dev/towline/server/kube"
)

// space is all that is in a namespace: one watch serves all resources that
// adopted something there.
type space struct {
	pods      map[string]kube.Pod
	workloads map[kube.Ref]kube.Workload
	synced    bool
	adopters  map[string]*adoption // by resource
}

// adoption is what belongs to a resource in one namespace without our labels:
// workloads that another program applied, pods with the labels that
// extra_pod_selectors ask for, and the names of all these pods.
type adoption struct {
	workspace string
	label     string              // the resource's
	owners    map[kube.Owner]bool // workloads, and pods of their own
	selectors []map[string]string
	pods      map[string]bool // names
}

// hasPods reports whether an object's pods are looked for by their owner.
func hasPods(ref kube.Ref) bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet", "Job", "Pod"}, ref.Kind)
}

// adopt follows what belongs to a deployment and carries no label of ours: the
// workloads that another program applied, and pods that it selects. What is
// there already counts at once.
func (s *state) adopt(ctx context.Context, resource string, d *deployment) {
	found := map[string]*adoption{}
	in := func(namespace string) *adoption {
		if found[namespace] == nil {
			found[namespace] = &adoption{
				workspace: s.Workspace, label: kube.LabelValue(resource), selectors: d.selectors,
				owners: map[kube.Owner]bool{}, pods: map[string]bool{},
			}
		}
		return found[namespace]
	}
	for i := range d.objects {
		o := &d.objects[i]
		if d.external && hasPods(o.ref) {
			o.adopted = true
			in(o.ref.Namespace).owners[kube.Owner{Kind: o.ref.Kind, Name: o.ref.Name}] = true
		}
	}
	for _, namespace := range s.selectedFrom(d) {
		in(namespace)
	}
	for namespace, a := range found {
		sp := s.spaces[namespace]
		if sp == nil {
			sp = &space{pods: map[string]kube.Pod{}, workloads: map[kube.Ref]kube.Workload{}, adopters: map[string]*adoption{}}
			s.spaces[namespace] = sp
			s.watchAll(ctx, namespace)
		}
		sp.adopters[resource] = a
		for _, e := range sp.present() {
			if a.take(&e) {
				s.changed(ctx, e)
			}
		}
	}
}

// selectedFrom returns the namespaces that a deployment's selected pods are
// looked for in: those of its objects, or else the project's.
func (s *state) selectedFrom(d *deployment) []string {
	if len(d.selectors) == 0 {
		return nil
	}
	var found []string
	for _, o := range d.objects {
		if ns := o.ref.Namespace; ns != "" && !slices.Contains(found, ns) {
			found = append(found, ns)
		}
	}
	if len(found) == 0 && s.Namespace != "" {
		found = append(found, s.Namespace)
	}
	return found
}

// watchAll follows everything in a namespace.
func (s *state) watchAll(ctx context.Context, namespace string) {
	s.box.Go(func() {
		// Watch ends only with its context.
		_ = s.Kube.Watch(ctx, namespace, "", func(e kube.Event) {
			s.box.Put(func(ctx context.Context, s *state) {
				sp := s.spaces[namespace]
				sp.note(e)
				e.Object.Namespace = namespace
				if e.Kind == kube.Synced || e.Kind == kube.Lost || e.Kind == kube.Refused {
					s.changed(ctx, e)
					return
				}
				for _, a := range sp.adopters {
					if e := e; a.take(&e) {
						s.changed(ctx, e)
					}
				}
			})
		})
	})
}

// note takes a fact over.
func (sp *space) note(e kube.Event) {
	switch e.Kind {
	case kube.PodChanged:
		sp.pods[e.Pod.UID] = e.Pod
	case kube.PodGone:
		delete(sp.pods, e.Pod.UID)
	case kube.WorkloadChanged:
		sp.workloads[bare(e.Workload.Ref)] = e.Workload
	case kube.WorkloadGone:
		delete(sp.workloads, bare(e.Workload.Ref))
	case kube.Synced:
		sp.synced = true
	}
}

// present are the facts that tell what is there.
func (sp *space) present() []kube.Event {
	var events []kube.Event
	for _, w := range sp.workloads {
		events = append(events, kube.Event{Kind: kube.WorkloadChanged, Workload: w})
	}
	for _, p := range sp.pods {
		events = append(events, kube.Event{Kind: kube.PodChanged, Pod: p})
	}
	return events
}

// abandon ends what adopt began.
func (s *state) abandon(resource string) {
	d := s.applied[resource]
	if d == nil {
		return
	}
	for _, o := range d.objects {
		if o.adopted {
			delete(s.workloads, bare(o.ref))
		}
	}
	for namespace, sp := range s.spaces {
		a := sp.adopters[resource]
		if a == nil {
			continue
		}
		delete(sp.adopters, resource)
		maps.DeleteFunc(s.pods, func(_ string, p kube.Pod) bool {
			return p.Namespace == namespace && a.pods[p.Name] && (d.external || p.Labels[kube.LabelWorkspace] != s.Workspace)
		})
	}
}

// take gives what belongs to the adoption the resource's label, as if we had
// applied it; false for what belongs to others.
func (a *adoption) take(e *kube.Event) bool {
	switch e.Kind {
	case kube.PodChanged, kube.PodGone:
		if !a.owners[kube.Owner{Kind: "Pod", Name: e.Pod.Name}] && !a.owners[e.Pod.Owner] && !a.selects(e.Pod) {
			return false
		}
		a.pods[e.Pod.Name] = true
		e.Pod.Labels = a.labelled(e.Pod.Labels)
	case kube.WorkloadChanged, kube.WorkloadGone:
		if !a.owners[kube.Owner{Kind: e.Workload.Ref.Kind, Name: e.Workload.Ref.Name}] {
			return false
		}
		e.Workload.Labels = a.labelled(e.Workload.Labels)
	case kube.Noticed:
		about := e.Notice.About
		return a.pods[about.Name] || a.owners[kube.Owner{Kind: about.Kind, Name: about.Name}]
	}
	return true
}

// selects reports whether a pod is one that extra_pod_selectors ask for. A pod
// of another resource of the project stays with that one.
func (a *adoption) selects(p kube.Pod) bool {
	if of := p.Labels[kube.LabelResource]; p.Labels[kube.LabelWorkspace] == a.workspace && of != "" && of != a.label {
		return false
	}
	return matches(a.selectors, p.Labels)
}

// matches reports whether labels have all that one of the selectors asks for;
// one that asks for nothing selects nothing.
func matches(selectors []map[string]string, labels map[string]string) bool {
	return slices.ContainsFunc(selectors, func(want map[string]string) bool {
		if len(want) == 0 {
			return false
		}
		for k, v := range want {
			if got, ok := labels[k]; !ok || got != v {
				return false
			}
		}
		return true
	})
}

func (a *adoption) labelled(labels map[string]string) map[string]string {
	out := map[string]string{kube.LabelResource: a.label}
	for k, v := range labels {
		if k != kube.LabelResource {
			out[k] = v
		}
	}
	return out
}
