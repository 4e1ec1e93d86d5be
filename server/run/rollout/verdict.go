package rollout

import (
	"fmt"
	"slices"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
)

// verdict says whether something is ready, and if not, what it waits for, or
// that it will not become ready without a change.
type verdict struct {
	ready, broken bool
	message       string
	gone          bool         // with broken: it has to be applied again
	blocker       kube.Blocker // with neither: what the cluster goes on trying against
	taken         bool         // with gone: it is there, and another workspace's
	ended         bool         // with ready: what it ran has ended with success
}

// judgeAgent says what is known of a container that is to have an agent.
func judgeAgent(a Agent, id engine.TargetID) verdict {
	s := a.Standing(id)
	return verdict{ready: s.Ready, broken: s.Broken, message: s.Message}
}

// outOfMemory adds to what is said of a process that had not enough memory how much
// there is, and that the agent has its part of it.
func outOfMemory(v verdict, p wire.Process, limit int64) verdict {
	if v.broken && limit > 0 && p.Exit != nil && p.Exit.OOM {
		v.message += fmt.Sprintf(" (the container's limit is %s, and Towline's agent counts against it)", kube.Mebibytes(limit))
	}
	return v
}

// why prefers what a pod says to what its workload says, except of pods that
// it could not make.
func why(rollout kube.Rollout, pods []kube.Pod) string {
	if rollout.Blocker != (kube.Blocker{}) && rollout.Blocker != blockerOf(pods) {
		return rollout.Message
	}
	for _, p := range pods {
		if pr := p.Rollout(); !pr.Ready && pr.Message != "" {
			return p.Name + ": " + pr.Message
		}
	}
	return rollout.Message
}

// blockerOf is what keeps one of some pods from being run.
func blockerOf(pods []kube.Pod) kube.Blocker {
	for _, p := range pods {
		if b := p.Rollout().Blocker; b.By != "" {
			return b
		}
	}
	return kube.Blocker{}
}

// newest returns the pods of what was applied last.
func (d *deployment) newest(pods []kube.Pod) []kube.Pod {
	return podsThat(pods, func(p kube.Pod) bool {
		return matches(d.selectors, p.Labels) || slices.ContainsFunc(d.objects, func(o object) bool {
			return o.hasPods() && p.Labels[inject.LabelTemplate] == o.template
		})
	})
}

// newest returns the pods of one template.
func newest(pods []kube.Pod, template string) []kube.Pod {
	return podsThat(pods, func(p kube.Pod) bool { return p.Labels[inject.LabelTemplate] == template })
}

// latest returns the selected pods, of each workload those of its newest
// rollout. pods are in the order of their age.
func latest(pods []kube.Pod, selectors []map[string]string) []kube.Pod {
	newest := map[kube.Owner]string{}
	selected := podsThat(pods, func(p kube.Pod) bool { return matches(selectors, p.Labels) })
	for _, p := range selected {
		newest[p.Owner] = p.TemplateHash
	}
	return slices.DeleteFunc(selected, func(p kube.Pod) bool { return p.Owner.Kind != "" && p.TemplateHash != newest[p.Owner] })
}

// podsThat are those of some pods that stay and are as asked.
func podsThat(pods []kube.Pod, is func(kube.Pod) bool) []kube.Pod {
	var found []kube.Pod
	for _, p := range pods {
		if !p.Deleting && is(p) {
			found = append(found, p)
		}
	}
	return found
}
