package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// judge judges a deployment by all that is known at a moment. It changes nothing:
// the same facts and the same moment give the same verdict.
type judge struct {
	*facts
	d    *deployment
	pods []kube.Pod // the resource's, oldest first
	now  time.Time
}

// verdict judges by processes and by the cluster.
func (j judge) verdict() (verdict, young) {
	v := j.byCluster()
	if !j.d.complete || j.d.readiness == config.ReadinessIgnore || v.gone {
		return v, young{} // no process says more: there is none to ask, or nobody wants to know
	}
	own := j.d.newest(j.pods)
	p := j.byProcesses(own)
	switch {
	case p.broken:
		return p, young{} // the cluster, which sees the agent run, would say that it is not ready, and not why
	case v.blocker.By == kube.BlockedByNodes:
		return j.unscheduled(v, own) // for a while: room may be being made
	case !v.ready:
		return v, young{} // the cluster waits for something before the process can
	case !p.ready:
		return p, young{} // the cluster sees the agent run, which is not the program
	}
	y := j.justStarted(own)
	if y.container != "" {
		v = verdict{message: y.container + " has just started"}
	}
	return v, y
}

// byCluster says how far a deployment has come by what the cluster says: the
// first object that is not ready decides.
func (j judge) byCluster() verdict {
	if !j.d.complete {
		return verdict{message: "applying its objects"}
	}
	ignored := j.d.readiness == config.ReadinessIgnore
	all := verdict{ready: true, ended: j.d.hasPods()}
	for _, o := range j.d.objects {
		v := j.object(o)
		if ignored && (!v.gone || runsOnce(o.ref)) {
			continue // what becomes of pods is nobody's concern, but the objects are to be there
		}
		if v.gone && j.d.updating {
			return verdict{message: "its command runs"} // which may bring it back
		}
		if !v.ready && !j.d.only {
			return v
		}
		all.ended = all.ended && (v.ended || !o.hasPods())
		all.message = cmp.Or(all.message, v.message)
	}
	if !ignored && (j.d.only || len(j.d.selectors) > 0) {
		return j.selected()
	}
	if ignored {
		return verdict{ready: true}
	}
	return all
}

// runsOnce reports whether an object may be deleted when it has ended, however it did.
func runsOnce(ref kube.Ref) bool { return ref.Kind == "Job" || ref.Kind == "Pod" }

func (j judge) object(o object) verdict {
	refused := j.refused[kube.Ref{Kind: o.ref.Kind, Namespace: o.ref.Namespace}]
	switch {
	case j.missing(o) && j.deleted[withoutUID(o.ref)].owner != "":
		return verdict{broken: true, gone: true, taken: true, message: o.ref.String() + " was taken over by " + j.deleted[withoutUID(o.ref)].owner}
	case j.missing(o):
		return verdict{broken: true, gone: true, message: o.ref.String() + " is gone: it was deleted in the cluster"}
	case refused != nil:
		return verdict{broken: true, message: fmt.Sprintf("whether %s is ready cannot be seen: %v", o.ref, refused)}
	case !o.hasPods():
		return verdict{ready: true} // it is ready once it exists
	case !j.listsPodsOf(o):
		return verdict{message: "asking the cluster for its pods"}
	}
	rollout := o.rollout // as it was applied, until the watch knows better
	if w, ok := j.workloads[withoutUID(o.ref)]; ok {
		if w.Generation < o.generation {
			return verdict{message: o.ref.Kind + " " + o.ref.Name + " is being rolled out"}
		}
		rollout = w.Rollout
	}
	own := newest(j.pods, o.template)
	switch {
	case o.ref.Kind == "Pod" && len(own) > 0:
		rollout = own[len(own)-1].Rollout() // a Pod of its own has no workload
	case o.wants > 0:
		rollout = kube.RolloutOfPods(own, o.wants)
	}
	if r, refused := j.refusal(o, own); refused && !rollout.Ready {
		rollout = r
	}
	if blocker := blockerOf(own); !rollout.Ready && rollout.Blocker.By == "" {
		rollout.Blocker = blocker
	}
	if !rollout.Ready {
		stuck := slices.ContainsFunc(own, func(p kube.Pod) bool { return p.Stuck() })
		return verdict{broken: rollout.Failed || stuck, message: why(rollout, own), blocker: rollout.Blocker}
	}
	return verdict{ready: true, ended: rollout.Succeeded, message: rollout.Note}
}

// refusal judges a workload by what its controller said of pods that it could
// not make: of those that have no condition for it that is the only trace. What
// was said before the last change, or before the newest pod, is over.
func (j judge) refusal(o object, own []kube.Pod) (kube.Rollout, bool) {
	n, said := j.refusals[o.ref.UID]
	if !said || n.At.Before(o.changed) || slices.ContainsFunc(own, func(p kube.Pod) bool { return !p.CreatedAt.Before(n.At) }) {
		return kube.Rollout{}, false
	}
	return kube.RefusalOf(n)
}

// listsPodsOf reports whether all pods of an object are known.
func (j judge) listsPodsOf(o object) bool {
	if o.adopted {
		n := j.namespaces[o.ref.Namespace]
		return n != nil && n.synced
	}
	return j.listed[o.ref.Namespace]
}

// selected judges a deployment by the pods that extra_pod_selectors ask for: all
// of them, and at least one where it has no others.
func (j judge) selected() verdict {
	for _, namespace := range j.selectedFrom(j.d) {
		if n := j.namespaces[namespace]; n == nil || !n.synced {
			return verdict{message: "asking the cluster for the pods of extra_pod_selectors"}
		}
	}
	selected := latest(j.pods, j.d.selectors)
	for _, p := range selected {
		if r := p.Rollout(); !r.Ready {
			return verdict{broken: r.Failed, message: p.Name + ": " + r.Message}
		}
	}
	switch {
	case len(j.d.selectors) == 0:
		return verdict{broken: true, message: "discovery_strategy='selectors-only' without extra_pod_selectors finds no pods: name their labels, or set pod_readiness='ignore'"}
	case len(selected) == 0 && (j.d.only || !j.d.hasPods()):
		return verdict{message: "waiting for a pod with the labels of extra_pod_selectors"}
	}
	return verdict{ready: true}
}

// byProcesses says what agents know of the processes in pods: the first that
// does not run decides, one that cannot before one that may yet.
func (j judge) byProcesses(pods []kube.Pod) verdict {
	v := verdict{ready: true}
	for _, p := range pods {
		for _, c := range p.Containers {
			target, ok := j.target(j.d, p, c)
			if !ok || !target.Running {
				continue // no agent is asked, or none can answer: the cluster says why
			}
			agent := j.agents[target.ID]
			if one := outOfMemory(judgeAgent(agent, target.ID), agent.Process, c.Memory); one.broken {
				return one
			} else if v.ready {
				v = one
			}
		}
	}
	return v
}

// moment is how long a program has to have lived for its resource to be ready:
// many that cannot run end within it, and their container is ready all the same.
// One that started longer than settled ago, whatever the clocks say, has.
const (
	moment  = time.Second
	settled = time.Minute
)

// patience is how long a pod may wait for a node before it is said that none
// takes it: volumes are made and nodes are cleared meanwhile.
const patience = 30 * time.Second

// unscheduled judges what has pods that no node takes: for a while that is a
// part of starting.
func (j judge) unscheduled(v verdict, pods []kube.Pod) (verdict, young) {
	var y young
	y.left = patience
	for _, p := range pods {
		if p.Rollout().Blocker.By != kube.BlockedByNodes {
			continue // another of them waits
		}
		pod := program{pod: p.UID}
		waits, seen := j.uptime(pod, p.CreatedAt)
		if !seen {
			y.unseen = append(y.unseen, pod)
		}
		y.left = min(y.left, patience-waits)
	}
	if y.left <= 0 {
		return v, young{}
	}
	v.blocker = kube.Blocker{}
	return v, y
}

// young says that programs have not lived for a moment.
type young struct {
	container string        // the first of them, "" for none
	left      time.Duration // until all have
	unseen    []program     // those that were not seen before
}

// justStarted finds the containers of pods that run their first program for less
// than a moment.
func (j judge) justStarted(pods []kube.Pod) (y young) {
	for _, p := range pods {
		for _, c := range p.Containers {
			if c.State != kube.ContainerRunning {
				continue // it has nothing to prove: the cluster counts it as ready
			}
			started := c.StartedAt
			agent, attached := j.agents[engine.TargetID{Namespace: p.Namespace, Pod: p.Name, Container: c.Name}]
			switch {
			case attached && agent.Process.Starts > 1:
				continue // a restart in place leaves a resource as ready as it was
			case attached && agent.Process.Started != 0:
				started = time.Unix(0, agent.Process.Started)
			}
			known := program{pod: p.UID, container: c.Name, instance: c.ID}
			lived, seen := j.uptime(known, started)
			if !seen {
				y.unseen = append(y.unseen, known)
			}
			if lived >= moment {
				continue
			}
			if y.container == "" {
				y.container = p.Name + ": container " + c.Name
			}
			y.left = max(y.left, moment-lived)
		}
	}
	return y
}

// uptime returns for how long a container's program is known to run. The cluster's
// clock may be off by some seconds: it is believed of what is long ago.
func (j judge) uptime(p program, started time.Time) (lived time.Duration, seen bool) {
	if !started.IsZero() && j.now.Sub(started) > settled {
		return settled, true
	}
	first, seen := j.firstSeen[p]
	if !seen {
		return 0, false
	}
	return j.now.Sub(first), true
}
