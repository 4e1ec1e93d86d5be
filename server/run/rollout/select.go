package rollout

import (
	"slices"

	"github.com/towline-dev/towline/server/kube"
)

// judgeSelected judges a deployment by the pods that extra_pod_selectors ask
// for: all of them, and at least one where it has no others.
func (s *state) judgeSelected(d *deployment, pods []kube.Pod) verdict {
	for _, namespace := range s.selectedFrom(d) {
		if sp := s.spaces[namespace]; sp == nil || !sp.synced {
			return verdict{message: "asking the cluster for the pods of extra_pod_selectors"}
		}
	}
	selected := latest(pods, d.selectors)
	for _, p := range selected {
		if r := p.Rollout(); !r.Ready {
			return verdict{broken: r.Failed, message: p.Name + ": " + r.Message}
		}
	}
	switch {
	case len(d.selectors) == 0:
		return verdict{broken: true, message: "discovery_strategy='selectors-only' without extra_pod_selectors finds no pods: name their labels, or set pod_readiness='ignore'"}
	case len(selected) == 0 && (d.only || !d.hasPods()):
		return verdict{message: "waiting for a pod with the labels of extra_pod_selectors"}
	}
	return verdict{ready: true}
}

// hasPods reports whether an object of the deployment has pods of its own.
func (d *deployment) hasPods() bool {
	return slices.ContainsFunc(d.objects, func(o object) bool { return o.template != "" || o.adopted })
}

// latest returns the selected pods, of each workload those of its newest
// rollout. pods are in the order of their age.
func latest(pods []kube.Pod, selectors []map[string]string) []kube.Pod {
	newest := map[kube.Owner]string{}
	var selected []kube.Pod
	for _, p := range pods {
		if !p.Deleting && matches(selectors, p.Labels) {
			newest[p.Owner] = p.TemplateHash
			selected = append(selected, p)
		}
	}
	return slices.DeleteFunc(selected, func(p kube.Pod) bool { return p.Owner.Kind != "" && p.TemplateHash != newest[p.Owner] })
}
