package engine

import (
	"slices"

	"github.com/towline-dev/towline/starlark/config"
)

// A follower is a resource of which the Tiltfile says, by towline.follow(), that each of
// its updates waits for those of its resource_deps, and not the first one alone: a test
// runs against the newest of what it tests.

// findFollowers notes who follows whom.
func (v *view) findFollowers(p *config.Project) {
	set := p.Settings.Ours()
	for i := range p.Resources {
		r := &p.Resources[i]
		if f, ok := set.FollowOf(r.Name); ok && v.resources[r.Name] == r {
			v.follows[r.Name] = f
			for _, dep := range v.needs(r) {
				v.followers[dep] = append(v.followers[dep], i)
			}
		}
	}
}

// noticeFollowers has whoever follows a resource looked at again, and what waits for
// the files that such a command may be about to write.
func (s *State) noticeFollowers(name string) {
	writing := false
	for _, i := range s.view.followers[name] {
		s.due.put(i, true)
		writing = writing || len(s.Resource(s.Project.Resources[i].Name).Writing) > 0
	}
	if !writing {
		return
	}
	for ref := range s.dirty {
		for _, i := range s.view.readers[ref] {
			s.due.put(i, true)
		}
		for _, id := range s.targetsOfImage(ref) {
			s.dueTargets = s.dueTargets.set(id, struct{}{})
		}
	}
}

// unsettled reports whether a resource is not what its files say, or not ready: it is
// being updated, is about to be, or failed to. What waits for a person is settled.
func unsettled(s *State, name string) bool {
	r, spec := s.Resource(name), s.view.resource(name)
	if r.Working || !r.Ready {
		return true
	}
	if spec.Kind == config.KindLocal {
		return r.Failed != nil || localWanted(s, spec)
	}
	if r.Failed != nil || !may(r, spec) {
		return r.Failed != nil
	}
	for _, ref := range s.view.order[name] {
		if s.Image(ref).Building || needsBuild(s, ref) {
			return true
		}
	}
	return slices.ContainsFunc(s.TargetsOf(name), func(id TargetID) bool {
		t := s.Target(id)
		return t.Running && (t.Sending != 0 || Behind(s.Image(t.Image), t) > 0)
	})
}

// Follows reports whether each update of a resource waits for those of what it depends on.
func (s *State) Follows(name string) bool {
	if s.view == nil {
		return false
	}
	_, follows := s.view.follows[name]
	return follows
}

// due reports whether a resource that was ready is to be updated, once nothing holds it
// back.
func due(s *State, spec *config.Resource) bool {
	if spec.Kind == config.KindLocal {
		return localWanted(s, spec)
	}
	r := s.Resource(spec.Name)
	return may(r, spec) && (!isApplyKey(s, spec, r.Applied) || slices.ContainsFunc(s.view.order[spec.Name], func(ref string) bool { return needsBuild(s, ref) }))
}

// runAgain has the commands of followers run again that want it, since what they follow
// has been updated.
func runAgain(s *State, name string) {
	for _, i := range s.view.followers[name] {
		follower := s.Project.Resources[i].Name
		if r := s.Resource(follower); s.view.follows[follower].RunAgain && r.Wanted && !r.Fresh {
			s.Batch++
			r.Dirty = s.Batch
			s.setResource(follower, r)
		}
	}
}
