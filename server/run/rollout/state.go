package rollout

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/server/run/output"
)

// state is what is known, and what was told of it. Its owner alone calls its
// methods.
type state struct {
	Options
	facts      *facts
	logs       *logs
	box        *inbox.Inbox[state]
	kinds      map[kindWatch]bool            // kinds in namespaces with a watch of their own
	watched    map[string]bool               // namespaces with a watch of our own objects
	told       map[engine.TargetID]Container //
	complaints map[complaint]*output.Repeats // of the cluster about a pod
	covers     map[string]bool               // what was said to be mounted over what, by resource and sentence
	waking     map[string]time.Time          // when resources are judged anew, though nothing happens
}

// kindWatch is a kind of objects in a namespace, those that a selector finds.
type kindWatch struct {
	kube.Ref
	selector string
}

// complaint names complaints about one pod for one reason.
type complaint struct{ pod, reason string }

// observe judges a resource by all that is known, and tells what has changed.
// What is seen later is told later, since one goroutine does both.
func (s *state) observe(resource string) {
	d := s.facts.applied[resource]
	if d == nil {
		return // nothing of it is there, or it is not ours
	}
	now := time.Now()
	pods := s.facts.podsOf(resource)
	v, young := judge{facts: s.facts, d: d, pods: pods, now: now}.verdict()
	s.facts.sighted(young.unseen, now)
	s.wake(resource, now, young.left)
	e := engine.Observed{Resource: resource, Ready: v.ready, Broken: v.broken, Gone: v.gone, Taken: v.taken, Ended: v.ended, Message: v.message,
		Blocker: engine.Blocker{Kind: string(v.blocker.By), Name: v.blocker.Name}, Crashed: s.facts.crashed(pods)}
	seen := map[engine.TargetID]bool{}
	var containers []Container
	for _, p := range pods {
		if p.Deleting || replaced(p) {
			continue // what is brought into it now is lost with it
		}
		for _, c := range p.Containers {
			target, ok := s.facts.target(d, p, c)
			if !ok {
				continue // nothing is synced into it
			}
			seen[target.ID] = true
			agent := s.facts.agents[target.ID]
			e.Targets = append(e.Targets, target)
			containers = append(containers, Container{
				ID: target.ID, Resource: resource, PodUID: p.UID, Image: c.Image, Ready: c.Ready, Restarts: c.RestartCount,
				Process: agent.Process, Problem: agent.Problem, Covered: s.covered(agent),
			})
		}
	}
	s.Tell(e) // before its containers: whoever hears of one knows its resource
	for _, c := range containers {
		s.tell(c)
	}
	for id, c := range s.told {
		if _, attached := s.facts.agents[id]; c.Resource == resource && !seen[id] && !attached {
			s.gone(id) // one with an agent stays told of until AgentGone
		}
	}
}

// replaced reports whether a pod has failed as a whole, as one does that its node evicts,
// and another one takes its place: it stays in the list, and runs no more.
func replaced(p kube.Pod) bool {
	switch p.Owner.Kind {
	case "", "Job", "CronJob":
		return false
	}
	return p.Phase == "Failed"
}

// wake judges a resource anew after a while, and before it where an earlier wish
// was for longer.
func (s *state) wake(resource string, now time.Time, left time.Duration) {
	due := now.Add(left)
	if at, waking := s.waking[resource]; left == 0 || waking && !due.Before(at) {
		return
	}
	s.waking[resource] = due
	s.box.After(left, func(_ context.Context, s *state) {
		if s.waking[resource].Equal(due) {
			delete(s.waking, resource)
		}
		s.observe(resource)
	})
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

// agentSaid takes what an agent said.
func (s *state) agentSaid(a Agent) {
	s.facts.agents[a.ID] = a
	c := s.told[a.ID] // its pod may not have been seen yet
	c.ID, c.Resource, c.Process, c.Problem, c.Covered = a.ID, a.Resource, a.Process, a.Problem, s.covered(a)
	s.tell(c)
	s.observe(a.Resource)
}

// covered joins what an agent found mounted with what the pod says of its
// volumes, and tells the resource's log once of each.
func (s *state) covered(a Agent) []Covered {
	var all []Covered
	for _, local := range slices.Sorted(maps.Keys(a.Covered)) {
		found := a.Covered[local]
		volume := cmp.Or(s.facts.volumeAt(a.ID, found), "a file system of type "+found.Type)
		c := Covered{Local: local, Path: found.Path, Mount: found.Mount, Volume: volume}
		all = append(all, c)
		s.logCovered(a.Resource, c)
	}
	return all
}

func (s *state) logCovered(resource string, c Covered) {
	text, hint := c.Words()
	key := resource + "\x00" + text
	if s.covers[key] {
		return
	}
	s.covers[key] = true
	s.Log.Say(resource, "warn", text)
	s.Log.Say(resource, "", "hint: "+hint)
}

// complain writes a complaint about a pod, and of those that come again how
// often.
func (s *state) complain(resource, pod string, n kube.Notice) {
	key := complaint{pod: pod, reason: n.Reason}
	if s.complaints[key] == nil {
		s.complaints[key] = &output.Repeats{}
	}
	if text := s.complaints[key].Tell(n.About.Name + ": " + n.Reason + ": " + n.Message); text != "" {
		s.Log.Say(resource, "warn", text)
	}
}
