package engine

import (
	"slices"
	"sync"

	"github.com/towline-dev/towline/server/tree"
	"github.com/towline-dev/towline/starlark/config"
)

// findMakers notes for each resource the commands that declare to write what it
// reads. Those that the command depends on itself read what was there before.
func (v *view) findMakers(p *config.Project) {
	for _, producer := range v.commands {
		if len(producer.Local.Outputs) == 0 {
			continue
		}
		for i := range p.Resources {
			r := &p.Resources[i]
			if r.Name != producer.Name && v.readsBelow(r, producer.Local.Outputs) && !v.leads(producer.Name, r.Name) {
				v.producers[r.Name] = append(v.producers[r.Name], producer.Name)
			}
		}
	}
}

// leads reports whether one resource waits for another, by whatever way.
func (v *view) leads(from, to string) bool {
	seen := map[string]bool{}
	var visit func(string) bool
	visit = func(name string) bool {
		if name == to || seen[name] {
			return name == to
		}
		seen[name] = true
		return slices.ContainsFunc(slices.Concat(v.resource(name).ResourceDeps, v.producers[name]), visit)
	}
	return visit(from)
}

// needs are the resources that have to be ready before one's first update: a
// command that only a person starts holds back nobody who does not name it.
func (v *view) needs(spec *config.Resource) []string {
	needs := spec.ResourceDeps
	for _, name := range v.producers[spec.Name] {
		if v.resource(name).AutoInit && !slices.Contains(needs, name) {
			needs = append(slices.Clone(needs), name)
		}
	}
	return needs
}

// readsBelow reports whether a resource depends on files below paths.
func (v *view) readsBelow(r *config.Resource, paths []string) bool {
	for _, ref := range v.reads(r.Name) {
		img := v.image(ref)
		roots := img.Deps
		for _, s := range img.LiveUpdate {
			if s.Kind == config.StepSync {
				roots = append(roots[:len(roots):len(roots)], s.Local)
			}
		}
		if meet(paths, roots, img.Ignores) && (len(img.Only) == 0 || meet(paths, img.Only, nil)) {
			return true
		}
	}
	switch {
	case r.Local != nil:
		return meet(paths, r.Local.Deps, r.Local.Ignore)
	case r.CustomDeploy != nil:
		return meet(paths, r.CustomDeploy.Deps, r.CustomDeploy.Ignores)
	}
	return false
}

// meet reports whether files below paths may lie below roots and not be ignored.
func meet(paths, roots []string, ignores []config.Ignore) bool {
	filter := sync.OnceValue(func() tree.Filter { // most paths are nowhere near
		f, _ := tree.NewFilter(ignores) // bad patterns are told by who watches
		return f
	})
	return slices.ContainsFunc(paths, func(p string) bool {
		return slices.ContainsFunc(roots, func(root string) bool {
			return tree.Within(p, root) || tree.Within(root, p) && filter().Keep(p, true)
		})
	})
}

// declares reports whether a command declares what it writes.
func declares(spec *config.Resource) bool { return spec.Local != nil && len(spec.Local.Outputs) > 0 }

// runsOrBegins reports whether a resource's command runs, or will for a change
// that touches these resources.
func runsOrBegins(r Resource, spec *config.Resource, touched []string) bool {
	return r.Working || r.Wanted && spec.TriggerMode != config.TriggerManual && slices.Contains(touched, spec.Name)
}

// deferChange puts a change of a resource's own files off to the end of the commands
// that are writing them; false when it has others too.
func deferChange(s *State, name string, e Changed) bool {
	var to []string
	for _, p := range e.Own[name] {
		i := slices.IndexFunc(s.view.producers[name], func(producer string) bool {
			spec := s.view.resource(producer)
			return dependsOn(spec.Local.Outputs, p) && runsOrBegins(s.Resource(producer), spec, e.Locals)
		})
		if i < 0 {
			return false
		}
		to = append(to, s.view.producers[name][i])
	}
	for _, producer := range to {
		r := s.Resource(producer)
		r.Deferred = copyOf(r.Deferred)
		r.Deferred[name] = true
		s.setResource(producer, r)
	}
	return len(to) > 0
}

// releaseDeferred tells those who depend on what a command wrote, once it has ended well.
func releaseDeferred(s *State, deferred map[string]bool) {
	if len(deferred) == 0 {
		return
	}
	s.Batch++
	for name := range deferred {
		if r, ok := s.resources.get(name); ok {
			r.Dirty = s.Batch
			s.setResource(name, r)
		}
	}
}

// pendingProducer names a command that writes, or is about to write, what a resource
// itself reads, "" when there is none.
func pendingProducer(s *State, name string) string {
	for _, producer := range s.view.producers[name] {
		spec, r := s.view.resource(producer), s.Resource(producer)
		if r.Wanted && (r.Working || depsReady(s, spec) && localWanted(s, spec)) {
			return producer
		}
	}
	return ""
}
