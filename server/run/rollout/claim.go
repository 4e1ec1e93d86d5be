package rollout

import (
	"slices"

	"github.com/towline-dev/towline/server/kube"
)

// namespaceState is all that is in a namespace: one watch serves all resources
// that claim something there.
type namespaceState struct {
	pods      map[string]kube.Pod
	workloads map[kube.Ref]kube.Workload
	synced    bool
	claims    map[string]*claim // by resource
}

func newNamespaceState() *namespaceState {
	return &namespaceState{pods: map[string]kube.Pod{}, workloads: map[kube.Ref]kube.Workload{}, claims: map[string]*claim{}}
}

// note takes a fact over.
func (n *namespaceState) note(e kube.Event) {
	switch e.Kind {
	case kube.PodChanged:
		n.pods[e.Pod.UID] = e.Pod
	case kube.PodGone:
		delete(n.pods, e.Pod.UID)
	case kube.WorkloadChanged:
		n.workloads[withoutUID(e.Workload.Ref)] = e.Workload
	case kube.WorkloadGone:
		delete(n.workloads, withoutUID(e.Workload.Ref))
	case kube.Synced:
		n.synced = true
	}
}

// present are the facts that tell what is there.
func (n *namespaceState) present() []kube.Event {
	var events []kube.Event
	for _, w := range n.workloads {
		events = append(events, kube.Event{Kind: kube.WorkloadChanged, Workload: w})
	}
	for _, p := range n.pods {
		events = append(events, kube.Event{Kind: kube.PodChanged, Pod: p})
	}
	return events
}

// claim is what belongs to a resource in one namespace without our labels:
// workloads that another program applied, pods with the labels that
// extra_pod_selectors ask for, and the names of all these pods.
type claim struct {
	workspaceID string
	label       string              // the resource's
	owners      map[kube.Owner]bool // workloads, and pods of their own
	selectors   []map[string]string
	pods        map[string]bool // names
}

// take gives what is claimed the resource's label, as if we had applied it;
// false for what belongs to others.
func (c *claim) take(e *kube.Event) bool {
	switch e.Kind {
	case kube.PodChanged, kube.PodGone:
		if !c.owners[kube.Owner{Kind: "Pod", Name: e.Pod.Name}] && !c.owners[e.Pod.Owner] && !c.selects(e.Pod) {
			return false
		}
		c.pods[e.Pod.Name] = true
		e.Pod.Labels = c.labelled(e.Pod.Labels)
	case kube.WorkloadChanged, kube.WorkloadGone:
		if !c.owners[kube.Owner{Kind: e.Workload.Ref.Kind, Name: e.Workload.Ref.Name}] {
			return false
		}
		e.Workload.Labels = c.labelled(e.Workload.Labels)
	case kube.Noticed:
		about := e.Notice.About
		return c.pods[about.Name] || c.owners[kube.Owner{Kind: about.Kind, Name: about.Name}]
	}
	return true
}

// selects reports whether a pod is one that extra_pod_selectors ask for. A pod
// of another resource of the project stays with that one.
func (c *claim) selects(p kube.Pod) bool {
	if of := p.Labels[kube.LabelResource]; p.Labels[kube.LabelWorkspace] == c.workspaceID && of != "" && of != c.label {
		return false
	}
	return matches(c.selectors, p.Labels)
}

func (c *claim) labelled(labels map[string]string) map[string]string {
	out := map[string]string{kube.LabelResource: c.label}
	for k, v := range labels {
		if k != kube.LabelResource {
			out[k] = v
		}
	}
	return out
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

// hasPods reports whether an object's pods are looked for by their owner.
func hasPods(ref kube.Ref) bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "DaemonSet", "Job", "Pod"}, ref.Kind)
}

// withoutUID drops what two answers about one object may differ in: its version
// and its UID.
func withoutUID(ref kube.Ref) kube.Ref {
	return kube.Ref{Group: ref.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}
