package engine

import (
	"slices"

	"github.com/towline-dev/towline/starlark/config"
)

// Coming says which resources are about to be updated by themselves, of those that
// were before, and what that waits for: the end of a command that may write what
// they read, or their turn.
func (s *State) Coming() map[string]Wait {
	if s.view == nil || !s.Up {
		return nil
	}
	coming := map[string]Wait{}
	var updated []*config.Resource // before, and wanted still
	for i := range s.Project.Resources {
		spec := &s.Project.Resources[i]
		if r := s.Resource(spec.Name); r.Wanted && !r.Fresh {
			updated = append(updated, spec)
		}
	}
	for _, c := range s.view.commands {
		if len(coming) < len(updated) && busy(s, c) {
			s.awaited(c.Name, c, updated, coming)
		}
	}
	for i := range s.Project.Resources {
		spec := &s.Project.Resources[i]
		if wait, owed := s.owed(i, spec); owed {
			coming[spec.Name] = wait
		}
	}
	return coming
}

// busy reports whether a command runs, or is about to.
func busy(s *State, c *config.Resource) bool {
	r := s.Resource(c.Name)
	return r.Working || r.Wanted && depsReady(s, c) && localWanted(s, c)
}

// awaited notes which of the resources that were updated may be written for by a
// command, and by those that it leads to: they run again for what it writes.
func (s *State) awaited(first string, c *config.Resource, updated []*config.Resource, coming map[string]Wait) {
	for _, spec := range updated {
		if _, known := coming[spec.Name]; known || spec.Name == first || !s.mayWriteFor(c, spec) {
			continue
		}
		coming[spec.Name] = Wait{Resource: first}
		if hasCommand(spec) {
			s.awaited(first, spec, updated, coming)
		}
	}
}

// mayWriteFor reports whether a command may write what a resource reads: it says
// so, it did before or, as long as nobody knows what it writes, the resource names
// it and reads files at all.
func (s *State) mayWriteFor(c, r *config.Resource) bool {
	if slices.Contains(s.view.producers[r.Name], c.Name) {
		return true
	}
	outputs := s.Resource(c.Name).Outputs
	names := slices.Contains(r.ResourceDeps, c.Name)
	switch {
	case declares(c):
		return false
	case names && r.Kind == config.KindLocal: // what it reads itself is not learnt of
		return len(r.Local.Deps) > 0
	case len(outputs) == 0:
		return s.view.namedByImage(c.Name, r)
	}
	for dir := range outputs {
		if s.view.readsBelow(r, []string{dir}) {
			return !s.view.leads(c.Name, r.Name)
		}
	}
	return false
}

// namedByImage reports whether a resource has images, and depends on a command, by
// whatever way.
func (v *view) namedByImage(command string, r *config.Resource) bool {
	return slices.ContainsFunc(v.reads(r.Name), func(ref string) bool { return slices.Contains(v.writers[ref], command) })
}

// owed says what the update of a resource waits for that is due and has not begun.
func (s *State) owed(i int, spec *config.Resource) (Wait, bool) {
	r := s.Resource(spec.Name)
	if !r.Wanted || r.Fresh || r.Working || !depsReady(s, spec) {
		return Wait{}, false
	}
	if spec.Kind == config.KindLocal {
		if !localWanted(s, spec) {
			return Wait{}, false
		}
		if other := otherLocal(s, spec.Name); other != "" && !spec.Local.AllowParallel {
			return Wait{Resource: other}, true
		}
		if producer := pendingProducer(s, spec.Name); producer != "" && !r.Forced {
			return Wait{Resource: producer}, true
		}
		return Wait{Slot: true}, true
	}
	if s.due.next(i) != i {
		return Wait{}, false // looked at: what it lacked has begun
	}
	then := *s // as if there were room
	then.indexes = s.indexes.clone()
	return Wait{Slot: true}, len(planDeploy(&then, spec)) > 0
}
