package status

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
)

// arrivals are what a save came to in a resource's containers. It is there when it
// is in all of them.
type arrivals map[engine.TargetID]arrival

// arrival is what it came to in one; the zero value: it has not left.
type arrival struct {
	batch   uint64 // of the live update that it left by
	restart bool   // which restarts the process
	stages  engine.LiveStages
	end     *engine.LiveDone // what came of it, nil before
	process time.Time        // the start of the process that was known then
}

// leaves notes the live update that it leaves by for a container, unless it is there.
func (v *tracked) leaves(resource string, e engine.Live) {
	all := v.live[resource]
	carried := slices.ContainsFunc(e.Files, func(f engine.File) bool { return slices.Contains(v.Files, f.Local) })
	if all != nil && v.open[resource] && carried && all[e.Target].stages.Applied.IsZero() {
		all[e.Target] = arrival{batch: e.Batch, restart: e.Restart}
	}
}

// arrived notes what came of a live update of a container whose process is known
// to run since started.
func (v *tracked) arrived(e engine.LiveDone, started time.Time) {
	for _, all := range v.live {
		if a, left := all[e.Target]; left && a.batch != 0 && a.batch == e.Batch {
			a.stages, a.end, a.process, v.news = e.Stages, &e, started, true
			all[e.Target] = a
		}
	}
}

// pass notes the stages that it has passed in all containers of a resource that
// are still there.
func (v *tracked) pass(to *api.SaveTo, r *api.ResourceStatus) {
	all := v.live[to.Resource]
	if r != nil {
		maps.DeleteFunc(all, func(id engine.TargetID, _ arrival) bool {
			return !slices.ContainsFunc(r.Targets, func(t api.Target) bool {
				return idOf(t) == id
			})
		})
	}
	for _, stage := range liveStages {
		was, told := to.Stages[stage]
		last := all.last(stage)
		passed, ms := to.Way != api.WayBuild && to.Way != api.WayNone && !last.IsZero(), since(v.began, last)
		switch {
		case passed && (!told || was != ms):
			to.Stages, v.news = with(to.Stages, stage, ms), true
		case !passed && told: // it goes another way by now, or to another container too
			to.Stages, v.news = without(to.Stages, stage), true
		}
	}
}

// liveStages are those that an agent tells.
var liveStages = [...]api.SaveStage{api.SaveStaged, api.SaveApplied, api.SaveRestarted}

// last is when the last of the containers passed a stage, zero unless all have.
func (a arrivals) last(stage api.SaveStage) (last time.Time) {
	for _, one := range a {
		var at time.Time
		switch stage {
		case api.SaveStaged:
			at = one.stages.Staged
		case api.SaveApplied:
			at = one.stages.Applied
		case api.SaveRestarted:
			if one.batch != 0 && !one.restart {
				continue
			}
			at = one.stages.Restarted
		}
		if at.IsZero() {
			return time.Time{}
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}

// passAll notes the stages that it has passed in all resources that it goes live
// into.
func (v *tracked) passAll() {
	for _, stage := range liveStages {
		last, missing := -1.0, false
		for _, to := range v.To {
			ms, passed := to.Stages[stage]
			switch {
			case passed:
				last = max(last, ms)
			case v.open[to.Resource] && to.Way == api.WayNone, to.Way == api.WayFailed, to.Way == api.WayRestart,
				to.Way == api.WayLive && stage != api.SaveRestarted:
				missing = true
			}
		}
		if at := v.began.Add(time.Duration(last * float64(time.Millisecond))); last >= 0 && !missing {
			v.At = with(v.At, stage, at)
		} else if _, told := v.At[stage]; told {
			v.At = without(v.At, stage)
		}
	}
}

// remember keeps what a save came to for each of its resources.
func (n *News) remember(v *tracked) {
	if n.last == nil {
		n.last = map[string]*api.LastSave{}
	}
	for _, to := range v.To {
		if old := n.last[to.Resource]; old != nil && old.N > v.N {
			continue
		}
		ended := !v.open[to.Resource]
		n.last[to.Resource] = &api.LastSave{
			N: v.N, File: v.Files[0], Files: len(v.Files), Saved: v.began, Way: to.Way,
			Stages: with(to.Stages, api.SaveSaved, 0), Ended: ended, Text: what(v.Files) + ": " + passed(to, ended),
		}
	}
}

// show says in a status what the last save of each resource came to.
func (n *News) show(s *api.Status) {
	if !s.Up {
		n.last = nil
	}
	for i := range s.Resources {
		s.Resources[i].LastSave = n.last[s.Resources[i].Name]
	}
}

// passed says in a line which stages a save has passed in a resource.
func passed(to api.SaveTo, ended bool) string {
	var parts []string
	for _, stage := range api.SaveStages {
		ms, seen := to.Stages[stage]
		switch {
		case !seen:
		case stage == api.SaveSent && to.Way == api.WayBuild:
			parts = append(parts, "sent to its build after "+brief(ms))
		case len(parts) == 0:
			parts = append(parts, fmt.Sprintf("%s after %s", stage, brief(ms)))
		default:
			parts = append(parts, fmt.Sprintf("%s %s", stage, brief(ms)))
		}
	}
	switch {
	case to.Way == api.WayFailed:
		parts = append(parts, "failed "+brief(to.MS))
	case to.Way == api.WayCovered:
		parts = append(parts, "not to be seen there, where something else is mounted")
	case to.Way == api.WayNone && ended:
		parts = append(parts, "not sent, it is not up")
	case to.Way == api.WayNone:
		parts = append(parts, "not sent yet")
	case !ended:
		parts = append(parts, "on its way")
	}
	return strings.Join(parts, ", ")
}
