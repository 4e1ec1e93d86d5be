// Package status decides what a developer is told: it makes an api.Status of
// the engine's state and of facts, and nothing else in the project judges
// whether a resource is ready, or why not.
//
// It is pure. What it says is finished: one word for each resource and for the
// whole, the proof of its files beside it, a sentence, what is waited for as
// data, and what a person does next. Faces show it.
package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// Facts are what a status is made of.
type Facts struct {
	Daemon   api.DaemonInfo
	Tiltfile string
	Args     []string
	Cluster  api.ClusterStatus
	Config   api.ConfigStatus
	Project  *config.Project // the good one; nil: none was evaluated yet
	State    *engine.State
	Stopping bool   // a Down is under way
	Left     string // why the last Down did not end, "" if it did
	Asks     []api.Ask
	Targets  map[engine.TargetID]Target
	Forwards map[string][]api.Forward // by resource
	Steps    map[string]string        // by image: what its build is at
	Updates  map[string]*api.Update   // by resource: the last one
	Synced   map[engine.TargetID]*api.Update

	// Words is what a program said last of which a sentence says that it ended: of a
	// resource, in a container if that is known, "" where nobody knows; nil: nobody
	// listened.
	Words func(resource, container, sentence string) string

	coming map[string]engine.Wait // what is about to be updated
}

// Target is what is known of a container beside the engine's state.
type Target struct {
	PodUID   string
	Image    string
	Ready    bool
	Restarts int
	Process  wire.Process
	Problem  *config.Problem // why no agent answers
	Covered  []api.Covered
}

// Of makes the status. Seq is left to whoever publishes it.
func Of(f Facts) *api.Status {
	s := &api.Status{
		Daemon: f.Daemon, Tiltfile: f.Tiltfile, Args: f.Args, Up: f.State.Up, Left: f.Left, Asks: f.Asks,
		Cluster: f.Cluster, Config: f.Config, Resources: []api.ResourceStatus{},
	}
	f.coming = f.State.Coming()
	if f.Project != nil {
		hosts, jobs, images := f.hosts(), engine.Jobs(f.Project), imagesOf(f.Project)
		for i := range f.Project.Resources {
			spec := &f.Project.Resources[i]
			r := f.resource(spec, ends(spec, jobs[spec.Name]), f.State.TargetsOf(spec.Name), hosts[spec.Name])
			r.Sources = sources(images, spec)
			s.Resources = append(s.Resources, r)
		}
	}
	nameCauses(s)
	sum(s, f.Stopping)
	return s
}

// nameCauses completes the sentences of those that wait for one that failed.
func nameCauses(s *api.Status) {
	states := map[string]api.State{}
	for i := range s.Resources {
		states[s.Resources[i].Name] = s.Resources[i].State
	}
	for i := range s.Resources {
		r := &s.Resources[i]
		if r.State == api.StatePending && len(r.WaitsFor) > 0 { // else it is said already
			r.Message = waitsText(r.WaitsFor, states)
		}
		r.Text = text(r)
		r.Spoken = spoken(r)
	}
}

// spoken is what a screen reader says of a resource: no sign stands for a word.
func spoken(r *api.ResourceStatus) string {
	parts := []string{r.Name, string(r.State)}
	if r.Message != "" && !r.State.Good() {
		parts = append(parts, r.Message)
	}
	if r.Proof != api.ProofNone {
		parts = append(parts, string(r.Proof)+exceptions(r))
	}
	pods := map[string]bool{}
	for _, t := range r.Targets {
		pods[t.Pod] = true
	}
	if len(pods) > 0 {
		parts = append(parts, count(len(pods), "pod"))
	}
	for _, f := range r.Forwards {
		parts = append(parts, "port "+f.Local[strings.LastIndexByte(f.Local, ':')+1:])
	}
	return strings.Join(parts, ", ")
}

// count is a number of things.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// waitsText says what is waited for.
func waitsText(waits []api.Wait, states map[string]api.State) string {
	var parts []string
	for _, w := range waits {
		switch w.Kind {
		case api.WaitResource:
			part := w.Name
			switch state := states[w.Name]; {
			case state.Passing():
				part += ", which waits itself"
			case state.Bad():
				part += ", which failed"
			}
			parts = append(parts, part)
		case api.WaitImage:
			parts = append(parts, "the image "+w.Name)
		case api.WaitTrigger:
			parts = append(parts, "a trigger")
		case api.WaitSlot:
			parts = append(parts, "its turn")
		case api.WaitCluster:
			parts = append(parts, "the cluster")
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "waits for " + strings.Join(parts, " and ")
}

// text is the finished line about a resource.
func text(r *api.ResourceStatus) string {
	out := string(r.State)
	if r.Message != "" && !r.State.Good() {
		out += ": " + r.Message
	}
	if r.Proof != api.ProofNone && (r.State == api.StateReady || r.State == api.StateDone || r.State == api.StatePaused) {
		out += " · " + string(r.Proof) + exceptions(r)
	}
	if r.Coming != "" {
		out += " · " + r.Coming
	}
	return out
}

// exceptions says what the proof of a resource's files does not hold for.
func exceptions(r *api.ResourceStatus) string {
	all := coveredIn(r)
	if len(all) == 0 {
		return ""
	}
	out := fmt.Sprintf(" but for %s, where %s is mounted", all[0].Path, all[0].Volume)
	if all[0].Mount != all[0].Path {
		out = fmt.Sprintf(" but for %s: %s is mounted at %s", all[0].Path, all[0].Volume, all[0].Mount)
	}
	if more := len(all) - 1; more > 0 {
		out += fmt.Sprintf(", and %d more", more)
	}
	return out
}

// coveredIn are the files that a resource's containers see something else of, each once.
func coveredIn(r *api.ResourceStatus) []api.Covered {
	var all []api.Covered
	for i := range r.Targets {
		for _, c := range r.Targets[i].Covered {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all
}

// sum makes the state of the whole: that of the resource which a person would
// ask about first. What nobody asked for, or what only a person can start,
// holds nothing up.
func sum(s *api.Status, stopping bool) {
	s.Counts = map[api.State]int{}
	for i := range s.Resources {
		s.Counts[s.Resources[i].State]++
	}
	outcome := api.OutcomeOf(s)
	s.State = api.StateReady
	switch {
	case stopping:
		s.State = api.StateStopping
	case !s.Up && s.Left != "":
		s.State = api.StateError
	case !s.Up:
		s.State = api.StateStopped
	default:
		rank := slices.Index(api.States[:], api.StateReady)
		for _, r := range slices.Concat(outcome.Failed, outcome.Busy, stale(s)) {
			rank = min(rank, slices.Index(api.States[:], r.State))
		}
		s.State = api.States[rank]
	}
	s.Phase = s.State.Phase(len(outcome.Failed) > 0)
	s.Text, s.Next = sentence(s, outcome)
}

// stale are those that miss the last save through no failure of their own.
func stale(s *api.Status) []*api.ResourceStatus {
	var out []*api.ResourceStatus
	for i := range s.Resources {
		if r := &s.Resources[i]; r.State == api.StateStale {
			out = append(out, r)
		}
	}
	return out
}

// sentence says how the whole fares, and what a person does next.
func sentence(s *api.Status, o api.Outcome) (string, *api.Action) {
	switch {
	case s.State == api.StateStopping:
		return "being taken down", nil
	case !s.Up && s.Left != "":
		line, _, _ := strings.Cut(s.Left, "\n")
		return "not all is down: " + line, &api.Action{Title: "Down", Command: "down"}
	case !s.Up && s.Config.Error != nil:
		return "nothing is up, and the Tiltfile has an error", &api.Action{Title: "Problem", Command: "problem"}
	case !s.Up:
		return "nothing is up", &api.Action{Title: "Up", Command: "up"}
	}
	ready := fmt.Sprintf("%d of %d ready", o.Ready, o.Total)
	if o.Ready == o.Total {
		ready = fmt.Sprintf("%d ready", o.Ready)
	}
	switch {
	case len(o.Failed) > 0:
		first := o.Failed[0]
		return fmt.Sprintf("%s, %s: %s", ready, first.Name, first.Text), first.Next
	case len(o.Busy) > 0:
		first := o.Busy[0]
		return fmt.Sprintf("%s, %s: %s", ready, first.Name, first.Text), first.Next
	case s.Daemon.Unwritten != nil:
		return ready + ", but " + s.Daemon.Unwritten.Message, nil
	case len(o.Held) > 0:
		first := o.Held[0]
		return fmt.Sprintf("%s, %s %s", ready, first.Name, first.Message), first.Next
	case s.Config.Error != nil:
		return ready + ", and the Tiltfile has an error", &api.Action{Title: "Problem", Command: "problem"}
	case s.Cluster.Problem != nil && !s.Cluster.Allowed:
		return ready + ", and the Tiltfile has come to need a cluster that cannot be used", nil
	case s.Cluster.Problem != nil && !s.Cluster.Connected:
		return ready + ", and the cluster does not answer", nil
	case s.Daemon.Unwatched != nil:
		return ready + ", but " + s.Daemon.Unwatched.Message, nil
	}
	return ready, nil
}
