package status

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// tracked is a save on its way.
type tracked struct {
	api.Save
	began time.Time
	open  map[string]bool      // resources that it has not come to its end in
	live  map[string]arrivals  // the containers that it goes live into, by resource
	lives map[string]time.Time // since when what it restarted is seen to run, by resource
	news  bool                 // it is to be told

	before map[string]*config.Problem // what was wrong when it was saved, by resource, as long as it may still be that
}

// moment is how long what a save restarts has to run for the save to be ready there:
// many programs that cannot run end within it, and all is well until then.
const moment = time.Second

func (v *tracked) wayTo(resource string) api.SaveWay {
	for _, to := range v.To {
		if to.Resource == resource {
			return to.Way
		}
	}
	return ""
}

// sent notes that it leaves for a resource.
func (v *tracked) sent(resource string, way api.SaveWay, at time.Time) {
	for i := range v.To {
		to := &v.To[i]
		if to.Resource != resource || !v.open[resource] {
			continue
		}
		to.Way, v.news = way, true
		if _, sent := to.Stages[api.SaveSent]; !sent {
			to.Stages = with(to.Stages, api.SaveSent, since(v.began, at))
		}
		if _, sent := v.At[api.SaveSent]; !sent {
			v.At = with(v.At, api.SaveSent, at)
		}
	}
}

// what names the files of a save.
func what(files []string) string {
	text := filepath.Base(files[0])
	if more := len(files) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func (n *News) followSaves(s *api.Status, now time.Time) []api.Save {
	var told []api.Save
	byName := map[string]*api.ResourceStatus{}
	for i := range s.Resources {
		byName[s.Resources[i].Name] = &s.Resources[i]
	}
	for _, v := range n.saves {
		for i := range v.To {
			to := &v.To[i]
			if r := byName[to.Resource]; v.open[to.Resource] {
				v.follow(to, r, now)
				v.pass(to, r)
			}
		}
		v.passAll()
		if v.Ended = len(v.open) == 0; v.Ended && v.all(api.WayLive, api.WayRestart, api.WayBuild) {
			v.At = with(v.At, api.SaveReady, now)
		}
		if v.news {
			v.Text, v.news = v.text(), false
			n.remember(v)
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
	case r == nil || r.State == api.StateStopped || r.State == api.StateDisabled:
		to.Way = api.WayNone
	case r.State.Bad() && r.Problem != nil && !v.older(to, r):
		to.Way, to.MS = api.WayFailed, since(v.began, now)
	case to.Way != api.WayNone && r.State.Good() && (r.Proof == api.ProofNone || r.Proof == api.ProofInSync):
		if v.young(to, now) > 0 {
			delete(v.before, to.Resource) // what is wrong from now on is something new
			return
		}
		to.MS = since(v.began, now)
		ready := to.MS
		if ran, restarted := v.lives[to.Resource]; restarted {
			to.MS = since(v.began, ran)
		}
		if v.covered(r) {
			to.Way = api.WayCovered
		} else {
			to.Stages = with(to.Stages, api.SaveReady, ready)
		}
	default:
		delete(v.lives, to.Resource)
		if to.Way == api.WayBuild && !r.State.Bad() {
			delete(v.before, to.Resource) // what is wrong from now on comes of the build
		}
		return
	}
	delete(v.open, to.Resource)
	delete(v.lives, to.Resource)
	v.news = true
}

// older reports whether what is wrong with a resource is not, or may not be, what
// came of the save: it is what was wrong before, or its files are on their way.
func (v *tracked) older(to *api.SaveTo, r *api.ResourceStatus) bool {
	ends, failed := map[engine.TargetID]arrival{}, false // of the live updates that it left by
	for id, a := range v.live[to.Resource] {
		switch {
		case a.batch == 0 || to.Way != api.WayLive && to.Way != api.WayRestart:
		case a.end == nil && slices.ContainsFunc(r.Targets, func(t api.Target) bool { return idOf(t) == id }):
			return true
		case a.end != nil:
			ends[id], failed = a, failed || a.end.Problem != nil
		}
	}
	before := v.before[to.Resource]
	if failed || before == nil || before.Message != r.Problem.Message || before.Pos != r.Problem.Pos {
		return false
	}
	// The same words may tell of the next process, too.
	return len(ends) == 0 || slices.ContainsFunc(r.Targets, func(t api.Target) bool {
		a, left := ends[idOf(t)]
		return left && !a.next(t)
	})
}

// next reports whether a container's process is one that began after the save
// had arrived.
func (a arrival) next(t api.Target) bool {
	if !a.end.Started.IsZero() {
		return !t.Started.Before(a.end.Started)
	}
	return t.Started.After(a.process)
}

func idOf(t api.Target) engine.TargetID {
	return engine.TargetID{Namespace: t.Namespace, Pod: t.Pod, Container: t.Container}
}

// young returns how long what a save restarted has still to run to be ready.
func (v *tracked) young(to *api.SaveTo, now time.Time) time.Duration {
	if to.Way != api.WayRestart {
		return 0
	}
	if _, seen := v.lives[to.Resource]; !seen {
		v.lives[to.Resource] = now
	}
	return moment - now.Sub(v.lives[to.Resource])
}

// Again returns in how long a status is to be followed though nothing changed, 0 for
// never: that something still runs is news as well.
func (n *News) Again(now time.Time) (left time.Duration) {
	for _, v := range n.saves {
		for _, at := range v.lives {
			if one := max(moment-now.Sub(at), time.Millisecond); left == 0 || one < left {
				left = one
			}
		}
	}
	return left
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
	what := what(v.Files)
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
func with[T any](at map[api.SaveStage]T, stage api.SaveStage, t T) map[api.SaveStage]T {
	after := map[api.SaveStage]T{}
	maps.Copy(after, at)
	after[stage] = t
	return after
}

// without is a map with one entry less.
func without[T any](at map[api.SaveStage]T, stage api.SaveStage) map[api.SaveStage]T {
	after := maps.Clone(at)
	delete(after, stage)
	return after
}
