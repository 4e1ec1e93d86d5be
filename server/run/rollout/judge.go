package rollout

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// deployment is what a resource's last apply left in the cluster.
type deployment struct {
	meant
	objects  []object
	complete bool // all of it; before, nothing of it is ready
	external bool // another program applied it
	updating bool // that program runs again: what it deletes is not missed
	live     Live
}

// meant is what the Tiltfile says of a resource's pods, which needs no apply to
// hold.
type meant struct {
	readiness config.PodReadiness
	selectors []map[string]string // of pods that belong to it too
	only      bool                // no other pods do
}

func meantBy(res config.Resource) meant {
	return meant{readiness: res.PodReadiness, selectors: res.ExtraPodSelectors, only: res.DiscoveryStrategy == "selectors-only"}
}

// samePods reports whether both find the same pods.
func (m meant) samePods(other meant) bool {
	return m.only == other.only && slices.EqualFunc(m.selectors, other.selectors, maps.Equal)
}

// object is one object of a deployment.
type object struct {
	ref        kube.Ref
	generation int64
	template   string // hash in inject.LabelTemplate, "" without pods
	rollout    kube.Rollout
	adopted    bool      // another program applied it, and it has pods
	changed    time.Time // its spec, last, by the cluster's clock
}

func objectOf(o Object) object {
	return object{ref: o.Ref, generation: o.Generation, template: o.Template, rollout: kube.RolloutOf(o.Content), changed: kube.ChangedAt(o.Content)}
}

// verdict says whether something is ready, and if not, what it waits for, or
// that it will not become ready without a change.
type verdict struct {
	ready, broken bool
	message       string
	gone          bool         // with broken: it has to be applied again
	blocker       kube.Blocker // with neither: what the cluster goes on trying against
}

// observe judges a resource by all that is known, and tells what has changed.
// What is seen later is told later, since one goroutine does both.
func (s *state) observe(resource string) {
	d := s.applied[resource]
	if d == nil {
		return
	}
	pods := s.podsOf(resource)
	v := s.verdict(resource, d, pods)
	e := engine.Observed{Resource: resource, Ready: v.ready, Broken: v.broken, Gone: v.gone, Message: v.message,
		Blocker: engine.Blocker{Kind: string(v.blocker.By), Name: v.blocker.Name}}
	seen := map[engine.TargetID]bool{}
	var containers []Container
	for _, p := range pods {
		if p.Deleting {
			continue
		}
		for _, c := range p.Containers {
			target, ok := s.target(d, p, c)
			if !ok {
				continue
			}
			seen[target.ID] = true
			agent := s.agents[target.ID]
			e.Targets = append(e.Targets, target)
			containers = append(containers, Container{
				ID: target.ID, Resource: resource, PodUID: p.UID, Image: c.Image, Ready: c.Ready, Restarts: c.RestartCount,
				Process: agent.Process, Problem: agent.Problem, Covered: s.covered(agent),
			})
		}
	}
	s.Tell(e)
	for _, c := range containers {
		s.tell(c)
	}
	for id, c := range s.told {
		if _, attached := s.agents[id]; c.Resource == resource && !seen[id] && !attached {
			s.gone(id)
		}
	}
}

// tell hands on a container's facts, unless they are known.
func (s *state) tell(c Container) {
	if known, ok := s.told[c.ID]; !ok || !reflect.DeepEqual(known, c) {
		s.told[c.ID] = c
		s.Container(c)
	}
}

func (s *state) gone(id engine.TargetID) {
	if _, told := s.told[id]; told {
		delete(s.told, id)
		s.Container(Container{ID: id})
	}
}

// podsOf returns a resource's pods, oldest first.
func (s *state) podsOf(resource string) []kube.Pod {
	label := kube.LabelValue(resource)
	pods := slices.SortedFunc(maps.Values(s.pods), func(a, b kube.Pod) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	d := s.applied[resource]
	return slices.DeleteFunc(pods, func(p kube.Pod) bool {
		return p.Labels[kube.LabelResource] != label || d != nil && d.only && !matches(d.selectors, p.Labels)
	})
}

// target describes a container that runs one of the project's images, or its
// deployment's LiveImage, under the agent.
func (s *state) target(d *deployment, p kube.Pod, c kube.Container) (engine.Seen, bool) {
	ref, pushed := s.imageOf(d, c)
	if ref == "" || p.Container(inject.InstallerName) == nil {
		return engine.Seen{}, false
	}
	return engine.Seen{
		ID:       engine.TargetID{Namespace: p.Namespace, Pod: p.Name, Container: c.Name},
		Image:    ref,
		Pushed:   pushed,
		Instance: c.ID,
		Running:  c.State == kube.ContainerRunning && c.ID != "",
	}, true
}

func (s *state) imageOf(d *deployment, c kube.Container) (ref, pushed string) {
	for ref, pushed := range s.images {
		if pushed == c.Image {
			return ref, pushed
		}
	}
	if slices.Contains(d.live.Containers, c.Name) {
		return d.live.Ref, d.live.Ref
	}
	return "", ""
}

// verdict judges a deployment by its processes and by the cluster.
func (s *state) verdict(resource string, d *deployment, pods []kube.Pod) verdict {
	v := s.judge(d, pods)
	if !d.complete || d.readiness == config.ReadinessIgnore || v.gone {
		return v
	}
	own := d.newest(pods)
	p := s.judgeProcesses(d, own)
	switch {
	case p.broken:
		return p // the cluster, which sees the agent run, would say that it is not ready, and not why
	case !v.ready:
		return v
	case !p.ready:
		return p
	}
	if recent, left := s.justStarted(own); recent != "" {
		if !s.waking[resource] {
			s.waking[resource] = true
			s.box.After(left, func(_ context.Context, s *state) {
				delete(s.waking, resource)
				s.observe(resource)
			})
		}
		return verdict{message: recent + " has just started"}
	}
	return v
}

// newest returns the pods of what was applied last.
func (d *deployment) newest(pods []kube.Pod) []kube.Pod {
	var own []kube.Pod
	for _, p := range pods {
		if !p.Deleting && (matches(d.selectors, p.Labels) || slices.ContainsFunc(d.objects, func(o object) bool {
			return (o.template != "" || o.adopted) && p.Labels[inject.LabelTemplate] == o.template
		})) {
			own = append(own, p)
		}
	}
	return own
}

// moment is how long a program has to have lived for its resource to be ready:
// many that cannot run end within it, and their container is ready all the same.
// One that started longer than settled ago, whatever the clocks say, has.
const (
	moment  = time.Second
	settled = time.Minute
)

// justStarted returns a container of pods that runs its first program for less than a
// moment, and how much of it is left.
func (s *state) justStarted(pods []kube.Pod) (name string, left time.Duration) {
	for _, p := range pods {
		for _, c := range p.Containers {
			if c.State != kube.ContainerRunning {
				continue
			}
			started := c.StartedAt
			agent, attached := s.agents[engine.TargetID{Namespace: p.Namespace, Pod: p.Name, Container: c.Name}]
			switch {
			case attached && agent.Process.Starts > 1:
				continue // a restart in place leaves a resource as ready as it was
			case attached && agent.Process.Started != 0:
				started = time.Unix(0, agent.Process.Started)
			}
			if lived := s.lived(logKey{pod: p.UID, container: c.Name, instance: c.ID}, started); lived < moment {
				return p.Name + ": container " + c.Name, moment - lived
			}
		}
	}
	return "", 0
}

// lived returns for how long a container's program is known to run.
func (s *state) lived(key logKey, started time.Time) time.Duration {
	if !started.IsZero() && time.Since(started) > settled {
		return settled
	}
	first, seen := s.seen[key]
	if !seen {
		first = time.Now()
		s.seen[key] = first
	}
	return time.Since(first)
}

// judgeProcesses says what agents know of the processes in pods: the first that
// does not run decides, one that cannot before one that may yet.
func (s *state) judgeProcesses(d *deployment, pods []kube.Pod) verdict {
	v := verdict{ready: true}
	for _, p := range pods {
		for _, c := range p.Containers {
			target, ok := s.target(d, p, c)
			if !ok || !target.Running {
				continue
			}
			if one := judgeAgent(s.agents[target.ID], p.Name, c.Name); one.broken {
				return one
			} else if v.ready {
				v = one
			}
		}
	}
	return v
}

// judgeAgent says what is known of a container that is to have an agent.
func judgeAgent(a Agent, pod, container string) verdict {
	switch {
	case a.Process.State != "":
		return judgeProcess(pod, a.Process) // also while its connection is lost
	case a.Problem != nil:
		return verdict{broken: a.Refused, message: a.Problem.Message}
	}
	return verdict{message: pod + ": container " + container + ": its agent has not answered yet"}
}

// judge says how far a deployment has come by what the cluster says: the first
// object that is not ready decides.
func (s *state) judge(d *deployment, pods []kube.Pod) verdict {
	switch {
	case !d.complete:
		return verdict{message: "applying its objects"}
	case d.readiness == config.ReadinessIgnore:
		return verdict{ready: true}
	}
	for _, o := range d.objects {
		v := s.judgeObject(o, pods)
		if v.gone && d.updating {
			return verdict{message: "its command runs"}
		}
		if !v.ready && !d.only {
			return v
		}
	}
	if d.only || len(d.selectors) > 0 {
		return s.judgeSelected(d, pods)
	}
	return verdict{ready: true}
}

func (s *state) judgeObject(o object, pods []kube.Pod) verdict {
	refused := s.refused[kube.Ref{Kind: o.ref.Kind, Namespace: o.ref.Namespace}]
	switch {
	case s.missing(o):
		return verdict{broken: true, gone: true, message: o.ref.String() + " is gone: it was deleted in the cluster"}
	case refused != nil:
		return verdict{broken: true, message: fmt.Sprintf("whether %s is ready cannot be seen: %v", o.ref, refused)}
	case o.template == "" && !o.adopted:
		return verdict{ready: true} // it has no pods: it is ready once it exists
	case !s.knows(o):
		return verdict{message: "asking the cluster for its pods"}
	}
	rollout := o.rollout // as it was applied, until the watch knows better
	if w, ok := s.workloads[bare(o.ref)]; ok {
		if w.Generation < o.generation {
			return verdict{message: o.ref.Kind + " " + o.ref.Name + " is being rolled out"}
		}
		rollout = w.Rollout
	}
	own := newest(pods, o.template)
	if o.ref.Kind == "Pod" && len(own) > 0 {
		rollout = own[len(own)-1].Rollout() // a Pod of its own has no workload
	}
	if r, refused := s.refusal(o, own); refused && !rollout.Ready {
		rollout = r
	}
	if !rollout.Ready {
		stuck := slices.ContainsFunc(own, func(p kube.Pod) bool { return p.Stuck() })
		return verdict{broken: rollout.Failed || stuck, message: why(rollout, own), blocker: rollout.Blocker}
	}
	return verdict{ready: true}
}

// refusal judges a workload by what its controller said of pods that it could
// not make: of those that have no condition for it that is the only trace. What
// was said before the last change, or before the newest pod, is over.
func (s *state) refusal(o object, own []kube.Pod) (kube.Rollout, bool) {
	n, said := s.refusals[o.ref.UID]
	if !said || n.At.Before(o.changed) || slices.ContainsFunc(own, func(p kube.Pod) bool { return !p.CreatedAt.Before(n.At) }) {
		return kube.Rollout{}, false
	}
	return kube.RefusalOf(n)
}

// knows reports whether all pods of an object are listed.
func (s *state) knows(o object) bool {
	if o.adopted {
		sp := s.spaces[o.ref.Namespace]
		return sp != nil && sp.synced
	}
	return s.listed[o.ref.Namespace]
}

// newest returns the pods of one template.
func newest(pods []kube.Pod, template string) []kube.Pod {
	var own []kube.Pod
	for _, p := range pods {
		if p.Labels[inject.LabelTemplate] == template && !p.Deleting {
			own = append(own, p)
		}
	}
	return own
}

// why prefers what a pod says to what its workload says, except of pods that
// it could not make.
func why(rollout kube.Rollout, pods []kube.Pod) string {
	if rollout.Blocker != (kube.Blocker{}) {
		return rollout.Message
	}
	for _, p := range pods {
		if pr := p.Rollout(); !pr.Ready && pr.Message != "" {
			return p.Name + ": " + pr.Message
		}
	}
	return rollout.Message
}

// judgeProcess says whether an application runs: its agent outlives it, so
// that the cluster alone would not know.
func judgeProcess(pod string, p wire.Process) verdict {
	switch p.State {
	case wire.StateExited, wire.StateBackoff:
		text := pod + ": the process ended"
		if p.Exit != nil {
			text += ": " + p.Exit.String()
		}
		return verdict{broken: p.Exit == nil || !p.Exit.Asked, message: text}
	case wire.StateHeld:
		return verdict{message: pod + ": the process is about to start"}
	}
	return verdict{ready: true}
}
