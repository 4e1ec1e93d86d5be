package api

import "slices"

// Outcome is how far resources have come.
type Outcome struct {
	Busy   []*ResourceStatus // something more will happen by itself
	Failed []*ResourceStatus // a person has to do something: error, crashed, waiting, stale by a failure
	Held   []*ResourceStatus // pending behind one that a person starts, pending or stale behind one of Failed or Held
	Off    []*ResourceStatus // that only a person starts, and nobody has: they count for nothing
	Ready  int               // ready or done
	Total  int               // that were asked for
}

// Settled reports whether nothing more will happen by itself.
func (o Outcome) Settled() bool { return len(o.Busy) == 0 }

// Settled reports whether nothing more will happen by itself to the named
// resources, or to any when none are named: each is ready, done, failed, not
// asked for, or waits for one that failed or for a person. A project that is
// being evaluated is not settled; one that is not up is.
func Settled(s *Status, names ...string) bool {
	return !s.Config.Evaluating && OutcomeOf(s, names...).Settled()
}

// OutcomeOf sorts the named resources, or all when none are named.
func OutcomeOf(s *Status, names ...string) Outcome {
	byName := make(map[string]*ResourceStatus, len(s.Resources))
	for i := range s.Resources {
		byName[s.Resources[i].Name] = &s.Resources[i]
	}
	wanted := make(map[string]bool, len(names))
	for _, name := range names {
		wanted[name] = true
	}
	var o Outcome
	for i := range s.Resources {
		r := &s.Resources[i]
		if len(names) > 0 && !wanted[r.Name] {
			continue
		}
		switch {
		case r.State == StateStopped || r.State == StateDisabled:
			continue
		case r.Off():
			o.Off = append(o.Off, r)
			continue
		case r.Coming != "" || r.restarting():
			o.Busy = append(o.Busy, r)
		case r.State.Bad() && r.Problem != nil:
			o.Failed = append(o.Failed, r)
		case (r.State == StatePending || r.behind()) && held(byName, r, map[string]bool{}):
			o.Held = append(o.Held, r)
		case r.State == StateStale && !r.behind(): // awaits a trigger
			o.Ready++
		case r.State.Good() && !r.unproven():
			o.Ready++
		default:
			o.Busy = append(o.Busy, r)
		}
		o.Total++
	}
	return o
}

// Off reports whether a resource waits for nothing but a person who starts it for
// the first time.
func (r *ResourceStatus) Off() bool {
	return r.State == StatePending && len(r.WaitsFor) > 0 &&
		!slices.ContainsFunc(r.WaitsFor, func(w Wait) bool { return w.Kind != WaitTrigger })
}

// ButtonAlone reports whether a resource is the command of a button that nobody has
// pressed yet: a list of what is up leaves it out.
func (r *ResourceStatus) ButtonAlone() bool { return r.State == StateStopped && len(r.Buttons) > 0 }

// behind reports whether a resource runs without the last save because another one
// failed: it has that when the other one has.
func (r *ResourceStatus) behind() bool {
	return r.State == StateStale && slices.ContainsFunc(r.WaitsFor, func(w Wait) bool { return w.Kind == WaitResource })
}

// held reports whether a pending resource waits for a person, or for one that
// will not come by itself, be it at the end of a chain.
func held(byName map[string]*ResourceStatus, r *ResourceStatus, seen map[string]bool) bool {
	if seen[r.Name] {
		return true // they wait for each other
	}
	seen[r.Name] = true
	for _, w := range r.WaitsFor {
		switch w.Kind {
		case WaitTrigger:
			return true
		case WaitResource:
			on := byName[w.Name]
			if on != nil && (on.State.Bad() && on.Coming == "" && !on.restarting() || on.State == StatePending && held(byName, on, seen)) {
				return true
			}
		}
	}
	return false
}

// restarting reports whether a save restarted a process that has yet to show that it
// lives: many programs that cannot run end in the first moment, and of one that crashed
// before it takes a moment to hear of the next.
func (r *ResourceStatus) restarting() bool {
	return r.LastSave != nil && r.LastSave.Way == WayRestart && !r.LastSave.Ended && (r.State.Good() || r.State == StateCrashed)
}

// unproven reports whether a container's agent has yet to say what it has.
func (r *ResourceStatus) unproven() bool {
	for _, t := range r.Targets {
		if t.Problem == nil && (t.Sync == SyncUnknown || t.Sync == SyncPending) {
			return true
		}
	}
	return false
}
