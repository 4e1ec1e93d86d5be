package engine

import "slices"

// mostStops is how often in a row an image's build gives way to newer files: who
// saves without a pause gets an image, too.
const mostStops = 3

// stopBuilds ends those builds of images that would have to be followed by another
// one at once. What can be synced once they have ended is no reason.
func stopBuilds(s *State, refs []string) []Effect {
	if !s.Up {
		return nil
	}
	slices.Sort(refs)
	var effects []Effect
	for _, ref := range refs {
		img := s.Image(ref)
		if !img.Building || img.Stopping || img.Stops >= mostStops || !overtaken(s, ref) {
			continue
		}
		img.Stopping = true
		img.Stops++
		s.setImage(ref, img)
		effects = append(effects, StopBuild{Ref: ref})
	}
	return effects
}

// overtaken reports whether an image that is being built has to be built again, and
// nothing keeps that from being at once: no command that goes on writing, and no
// resource that waits for a person.
func overtaken(s *State, ref string) bool {
	img := s.Image(ref)
	var later []string
	for p, batch := range img.Dirty {
		if batch > img.Started {
			later = append(later, p)
		}
	}
	if !img.Stale && !LivePlan(s.reached(ref), later).Full || len(held(s, ref, changesAsked(s, ref))) > 0 {
		return false
	}
	return slices.ContainsFunc(s.view.readers[ref], func(i int) bool {
		spec := &s.Project.Resources[i]
		r := s.Resource(spec.Name)
		return r.Wanted && (r.Fresh || may(r, spec))
	})
}
