package status

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// maxSaves is how many saves are followed that have not come to their end.
const maxSaves = 64

// News follows the statuses, one after the other, and says what they mean for
// saves, problems and operations. What it judges by is what a person is shown: a
// save has ended where its resource is said to be in sync. It is not safe for
// concurrent use.
type News struct {
	saves     []*tracked
	last      map[string]*api.LastSave      // by resource. What was handed out is never changed
	bad       map[string]*config.Problem    // what was wrong with a resource in the last status
	processes map[engine.TargetID]time.Time // since when they run, in the last status
	problems  map[string]api.ProblemEvent
	operation *api.Operation
	asks      map[string]api.AskEvent
	settled   bool // it was, since the project is up
}

// Concern is a resource that a save concerns, with its containers that are to
// have the files.
type Concern struct {
	Resource   string
	Containers []engine.TargetID
}

// Saved notes a set of files that changed together, and what depends on them.
func (n *News) Saved(batch uint64, files []string, concerns []Concern, at time.Time) {
	if len(concerns) == 0 {
		return
	}
	s := &tracked{began: at, open: map[string]bool{}, news: true, live: map[string]arrivals{}, lives: map[string]time.Time{}, before: map[string]*config.Problem{}}
	s.Save = api.Save{N: batch, Files: files, At: map[api.SaveStage]time.Time{api.SaveSaved: at}}
	for _, c := range concerns {
		s.To, s.open[c.Resource] = append(s.To, api.SaveTo{Resource: c.Resource, Way: api.WayNone}), true
		s.live[c.Resource], s.before[c.Resource] = arrivals{}, n.bad[c.Resource]
		for _, id := range c.Containers {
			s.live[c.Resource][id] = arrival{}
		}
	}
	n.saves = append(n.saves, s)
	for len(n.saves) > maxSaves {
		n.lose(n.saves[0])
		n.saves = slices.Delete(n.saves, 0, 1)
	}
}

// lose forgets what was said of a save that is followed no longer: nobody will
// see its end.
func (n *News) lose(v *tracked) {
	for resource := range v.open {
		if last := n.last[resource]; last != nil && last.N == v.N {
			delete(n.last, resource)
		}
	}
}

// Typed notes when a person last typed into files that were saved, and reports whether
// that is news of a save on its way.
func (n *News) Typed(files []string, at time.Time) bool {
	for _, s := range slices.Backward(n.saves) {
		if !slices.ContainsFunc(files, func(f string) bool { return slices.Contains(s.Files, f) }) {
			continue
		}
		if at.After(s.began) || !at.After(s.At[api.SaveTyped]) {
			return false // into what is not saved yet, or into another of its files, before
		}
		s.At, s.news = with(s.At, api.SaveTyped, at), true
		return true
	}
	return false
}

// Sent notes that what changed leaves for a resource, but not for its containers.
func (n *News) Sent(resource string, way api.SaveWay, at time.Time) {
	for _, s := range n.saves {
		s.sent(resource, way, at)
	}
}

// SentLive notes that what changed leaves for a container of a resource. What went
// through a build is there, whatever its containers get then.
func (n *News) SentLive(resource string, e engine.Live, at time.Time) {
	way := api.WayLive
	if e.Restart {
		way = api.WayRestart
	}
	for _, s := range n.saves {
		if s.wayTo(resource) == api.WayBuild {
			continue
		}
		s.sent(resource, way, at)
		s.leaves(resource, e)
	}
}

// Arrived notes what came of a live update.
func (n *News) Arrived(e engine.LiveDone) {
	for _, s := range n.saves {
		s.arrived(e, n.processes[e.Target])
	}
}

// Follow takes the next status, says in it what the last save of each resource
// came to, and returns what is new with it.
func (n *News) Follow(s *api.Status, now time.Time) []api.Event {
	var events []api.Event
	for _, told := range n.followSaves(s, now) {
		events = append(events, api.Event{Save: &told})
	}
	n.show(s)
	n.keep(s)
	for _, p := range n.followProblems(s, now) {
		events = append(events, api.Event{Problem: &p})
	}
	for _, o := range n.followOperation(s, now) {
		events = append(events, api.Event{Operation: &o})
	}
	for _, a := range n.followAsks(s, now) {
		events = append(events, api.Event{Ask: &a})
	}
	return events
}

func (n *News) followAsks(s *api.Status, now time.Time) []api.AskEvent {
	asked := map[string]api.AskEvent{}
	var told []api.AskEvent
	for _, ask := range s.Asks {
		old, known := n.asks[ask.ID]
		if !known {
			old.At = now
		}
		changed := !known || old.Text != ask.Text
		old.Ask = ask
		if asked[ask.ID] = old; changed {
			told = append(told, old)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(n.asks)) {
		if _, still := asked[id]; !still {
			old := n.asks[id]
			old.Ended = &now
			told = append(told, old)
		}
	}
	n.asks = asked
	return told
}

// keep notes how the resources are, for the saves that come.
func (n *News) keep(s *api.Status) {
	n.bad, n.processes = map[string]*config.Problem{}, map[engine.TargetID]time.Time{}
	for _, r := range s.Resources {
		if r.State.Bad() {
			n.bad[r.Name] = r.Problem
		}
		for _, t := range r.Targets {
			n.processes[idOf(t)] = t.Started
		}
	}
}

func (n *News) followProblems(s *api.Status, now time.Time) []api.ProblemEvent {
	found := problemsOf(s)
	var told []api.ProblemEvent
	for _, id := range slices.Sorted(maps.Keys(found)) {
		p := found[id]
		old, known := n.problems[id]
		if p.At = now; known {
			p.At = old.At
		}
		found[id] = p
		if !known || !slices.Equal(old.Resources, p.Resources) {
			told = append(told, p)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(n.problems)) {
		if _, still := found[id]; !still {
			p := n.problems[id]
			p.Mended = &now
			told = append(told, p)
		}
	}
	n.problems = found
	return told
}

// problemsOf are the problems of a status by their ids. One that several
// resources have is one.
func problemsOf(s *api.Status) map[string]api.ProblemEvent {
	found := map[string]api.ProblemEvent{}
	add := func(severity, resource string, p *config.Problem) {
		if p == nil {
			return
		}
		h := fnv.New64a()
		_, _ = fmt.Fprintf(h, "%s\x00%s\x00%s:%d:%d", severity, p.Message, p.Pos.File, p.Pos.Line, p.Pos.Col)
		id := fmt.Sprintf("%x", h.Sum64())
		e := found[id]
		e.ID, e.Severity, e.Problem = id, severity, p
		if resource != "" && !slices.Contains(e.Resources, resource) {
			e.Resources = append(slices.Clone(e.Resources), resource)
		}
		found[id] = e
	}
	add("error", "", s.Config.Error)
	for i := range s.Config.Warnings {
		add("warn", "", &s.Config.Warnings[i])
	}
	if s.Up {
		add("error", "", s.Cluster.Problem)
		add("warn", "", s.Daemon.Unwatched)
	}
	for i := range s.Resources {
		r := &s.Resources[i]
		severity := "error"
		if r.State.Passing() {
			severity = "warn"
		}
		add(severity, r.Name, r.Problem)
		for j := range r.Targets {
			add("error", r.Name, r.Targets[j].Problem)
		}
	}
	return found
}

func (n *News) followOperation(s *api.Status, now time.Time) []api.Operation {
	kind, busy := api.OperationUpdate, !api.Settled(s)
	switch {
	case s.State == api.StateStopping:
		kind, busy = api.OperationDown, true
	case !s.Up:
		kind, busy = cmp.Or(n.kind(), api.OperationDown), false
	case !n.settled:
		kind = api.OperationUp
	}
	n.settled = s.Up && (n.settled || !busy)
	var told []api.Operation
	if o := n.operation; o != nil && (!busy || o.Kind != kind) {
		told = append(told, ended(*o, s, kind, now))
		n.operation = nil
	}
	if !busy {
		return told
	}
	outcome := api.OutcomeOf(s)
	next := api.Operation{Kind: kind, Done: outcome.Ready, Total: outcome.Total, Text: s.Text}
	if n.operation != nil {
		next.ID = n.operation.ID
	} else {
		next.ID = fmt.Sprintf("%s-%d", kind, now.UnixMilli())
	}
	if n.operation == nil || *n.operation != next {
		n.operation = &next
		told = append(told, next)
	}
	return told
}

func (n *News) kind() api.OperationKind {
	if n.operation == nil {
		return ""
	}
	return n.operation.Kind
}

// ended is an operation that has ended with a status, or since another kind of
// operation took its place.
func ended(o api.Operation, s *api.Status, now api.OperationKind, at time.Time) api.Operation {
	outcome := api.OutcomeOf(s)
	o.Ended, o.Text, o.Outcome = &at, s.Text, api.ResultReady
	switch {
	case o.Kind != now, !s.Up && o.Kind != api.OperationDown, s.Left != "", len(outcome.Failed) > 0:
		o.Outcome = api.ResultFailed
	case len(outcome.Held) > 0:
		o.Outcome = api.ResultHeld
	}
	if o.Kind != api.OperationDown {
		o.Done, o.Total = outcome.Ready, outcome.Total
	}
	return o
}
