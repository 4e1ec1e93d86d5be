package status

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
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
	problems  map[string]api.ProblemEvent
	operation *api.Operation
	settled   bool // it was, since the project is up
}

// tracked is a save on its way.
type tracked struct {
	api.Save
	began time.Time
	open  map[string]bool // resources that it has not come to its end in
	news  bool            // it is to be told
}

// Saved notes a set of files that changed together, and the resources that
// depend on them.
func (n *News) Saved(batch uint64, files, resources []string, at time.Time) {
	if len(resources) == 0 {
		return
	}
	s := &tracked{began: at, open: map[string]bool{}, news: true}
	s.Save = api.Save{N: batch, Files: files, At: map[api.SaveStage]time.Time{api.SaveSaved: at}}
	for _, r := range resources {
		s.To, s.open[r] = append(s.To, api.SaveTo{Resource: r, Way: api.WayNone}), true
	}
	n.saves = append(n.saves, s)
	if len(n.saves) > maxSaves {
		n.saves = slices.Delete(n.saves, 0, len(n.saves)-maxSaves)
	}
}

// Sent notes that what changed leaves for a resource.
func (n *News) Sent(resource string, way api.SaveWay, at time.Time) {
	for _, s := range n.saves {
		for i := range s.To {
			if s.To[i].Resource != resource || !s.open[resource] {
				continue
			}
			s.To[i].Way, s.news = way, true
			if _, sent := s.At[api.SaveSent]; !sent {
				s.At = with(s.At, api.SaveSent, at)
			}
		}
	}
}

// Follow takes the next status and returns what is new with it.
func (n *News) Follow(s *api.Status, now time.Time) []api.Event {
	var events []api.Event
	for _, told := range n.followSaves(s, now) {
		events = append(events, api.Event{Save: &told})
	}
	for _, p := range n.followProblems(s, now) {
		events = append(events, api.Event{Problem: &p})
	}
	for _, o := range n.followOperation(s, now) {
		events = append(events, api.Event{Operation: &o})
	}
	return events
}

func (n *News) followSaves(s *api.Status, now time.Time) []api.Save {
	var told []api.Save
	byName := map[string]*api.ResourceStatus{}
	for i := range s.Resources {
		byName[s.Resources[i].Name] = &s.Resources[i]
	}
	for _, v := range n.saves {
		for i := range v.To {
			v.follow(&v.To[i], byName[v.To[i].Resource], now)
		}
		if v.Ended = len(v.open) == 0; v.Ended && v.all(api.WayLive, api.WayRestart, api.WayBuild) {
			v.At = with(v.At, api.SaveReady, now)
		}
		if v.news {
			v.Text, v.news = v.text(), false
			out := v.Save
			out.To = slices.Clone(v.To)
			told = append(told, out)
		}
	}
	n.saves = slices.DeleteFunc(n.saves, func(v *tracked) bool { return v.Ended })
	return told
}

// follow judges how a save fares in one resource. Before it is sent there, that
// a resource is fine means nothing.
func (v *tracked) follow(to *api.SaveTo, r *api.ResourceStatus, now time.Time) {
	switch {
	case !v.open[to.Resource]:
		return
	case r == nil || r.State == api.StateStopped || r.State == api.StateDisabled:
		to.Way = api.WayNone
	case r.State.Bad() && r.Problem != nil:
		to.Way, to.MS = api.WayFailed, since(v.began, now)
	case to.Way != api.WayNone && r.State.Good() && (r.Proof == api.ProofNone || r.Proof == api.ProofInSync):
		to.MS = since(v.began, now)
		if v.covered(r) {
			to.Way = api.WayCovered
		}
	default:
		return
	}
	delete(v.open, to.Resource)
	v.news = true
}

// covered reports whether the containers of a resource see nothing of a save.
func (v *tracked) covered(r *api.ResourceStatus) bool {
	all := coveredIn(r)
	return !slices.ContainsFunc(v.Files, func(f string) bool {
		return !slices.ContainsFunc(all, func(c api.Covered) bool { return c.Local == f })
	})
}

func since(began, now time.Time) float64 {
	return float64(now.Sub(began).Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// all reports whether the save got into all its resources by one of some ways.
func (v *tracked) all(ways ...api.SaveWay) bool {
	return !slices.ContainsFunc(v.To, func(to api.SaveTo) bool { return !slices.Contains(ways, to.Way) })
}

// text says in a line how a save fares.
func (v *tracked) text() string {
	what := filepath.Base(v.Files[0])
	if more := len(v.Files) - 1; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	by := map[api.SaveWay][]string{}
	longest := 0.0
	for _, to := range v.To {
		way := to.Way
		if v.open[to.Resource] {
			way = ""
		}
		by[way] = append(by[way], to.Resource)
		longest = max(longest, to.MS)
	}
	there := slices.Concat(by[api.WayLive], by[api.WayRestart], by[api.WayBuild])
	switch {
	case len(by[api.WayFailed]) > 0:
		return what + ": " + strings.Join(by[api.WayFailed], ", ") + " failed"
	case len(by[""]) > 0:
		return what + " on its way to " + strings.Join(by[""], ", ")
	case len(there) == 0 && len(by[api.WayCovered]) > 0:
		return what + ": not in " + strings.Join(by[api.WayCovered], ", ") + ", where something else is mounted"
	case len(there) == 0:
		return what + ": " + strings.Join(by[api.WayNone], ", ") + " not up"
	}
	out := fmt.Sprintf("%s in %s, %s", what, strings.Join(there, ", "), brief(longest))
	if len(by[api.WayRestart]) > 0 {
		out += ", restarted"
	}
	return out
}

// brief is a time in ms as a person reads it.
func brief(ms float64) string {
	if ms < 1000 {
		return fmt.Sprintf("%.0f ms", max(ms, 1))
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}

// with is a map with one entry more; what was told is never changed.
func with(at map[api.SaveStage]time.Time, stage api.SaveStage, t time.Time) map[api.SaveStage]time.Time {
	at = maps.Clone(at)
	at[stage] = t
	return at
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
