package engine

import (
	"maps"
	"path"
	"slices"

	"github.com/towline-dev/towline/starlark/config"
)

// mostOutputs bounds the folders that are remembered of what a command writes.
const mostOutputs = 200

// noteWrites notes which changed files the commands that run, or begin for
// this change, may have written. What a person saved, what a command itself
// depends on, and what changes while it does not run is not its work.
func noteWrites(s *State, e Changed) {
	for _, spec := range s.view.commands {
		r := s.Resource(spec.Name)
		runs := runsOrBegins(r, spec, e.Locals)
		if !runs && len(r.Writing) == 0 && len(r.Outputs) == 0 {
			continue
		}
		own := setOf(e.Own[spec.Name])
		writing, outputs := copyOf(r.Writing), copyOf(r.Outputs)
		for _, paths := range e.Images {
			for _, p := range paths {
				if runs && (declares(spec) && dependsOn(spec.Local.Outputs, p) || !declares(spec) && !e.Saved && !own[p]) {
					writing[p] = s.Batch
					continue
				}
				delete(writing, p)
				delete(outputs, path.Dir(p))
			}
		}
		r.Writing, r.Outputs = writing, outputs
		s.setResource(spec.Name, r)
	}
}

// noteRestored takes what changed while no daemon was there for the work of the
// commands that an image's resources depend on: they may have been interrupted.
func noteRestored(s *State, ref string, paths []string) {
	for _, name := range s.view.writers[ref] {
		r := s.Resource(name)
		r.Writing = copyOf(r.Writing)
		spec := s.view.resource(name)
		for _, p := range paths {
			if !declares(spec) || dependsOn(spec.Local.Outputs, p) {
				r.Writing[p] = s.Batch
			}
		}
		s.setResource(name, r)
	}
}

// begun returns a resource whose command begins now. What was noted before its
// first run, or is left of one that failed, is counted to it.
func begun(s *State, r Resource) Resource {
	r.Working, r.Forced, r.Ran = true, false, s.Batch
	if (r.Fresh || r.Failed != nil) && len(r.Writing) > 0 {
		r.Writing = copyOf(r.Writing)
		for p := range r.Writing {
			r.Writing[p] = s.Batch
		}
	}
	return r
}

// learnt returns a resource whose command ended well, with the folders that it
// wrote to. A command that never ends is never learnt from, so nothing waits
// for it that does not name it.
func learnt(r Resource) Resource {
	r.Outputs = copyOf(r.Outputs)
	for p, batch := range r.Writing {
		if dir := path.Dir(p); batch > r.Ran && (len(r.Outputs) < mostOutputs || r.Outputs[dir]) {
			r.Outputs[dir] = true
		}
	}
	r.Writing = nil
	return r
}

// holders are the local resources whose command runs, begins, or failed and may
// have left files half written.
func holders(s *State) []string {
	var names []string
	for _, spec := range s.view.commands {
		if r := s.Resource(spec.Name); len(r.Writing) > 0 && r.Wanted &&
			(r.Working || r.Failed != nil || depsReady(s, spec) && localDue(s, spec)) {
			names = append(names, spec.Name)
		}
	}
	return names
}

// heldBy returns the changed files of an image that wait for the end, or the
// success, of a command, with its name. A command's files wait in images of
// resources that depend on it, and in others when it declares to write them, or
// wrote to their folder before.
func heldBy(s *State, ref string) map[string]string {
	if len(s.Image(ref).Dirty) == 0 {
		return nil
	}
	held := map[string]string{}
	for _, name := range holders(s) {
		r, named := s.Resource(name), slices.Contains(s.view.writers[ref], name)
		for p, batch := range r.Writing {
			if _, dirty := s.Image(ref).Dirty[p]; dirty && batch >= r.Ran && (named || declares(s.view.resource(name)) || r.Outputs[path.Dir(p)]) {
				held[p] = name
			}
		}
	}
	return held
}

// held is heldBy as far as nobody asked for these files all the same.
func held(s *State, ref string, asked bool) map[string]string {
	if asked {
		return nil
	}
	return heldBy(s, ref)
}

// changesAsked reports whether a person asked for the changes of an image.
func changesAsked(s *State, ref string) bool {
	return slices.ContainsFunc(s.targetsOfImage(ref), func(id TargetID) bool { return s.Target(id).Asked.Changes })
}

// commandRuns reports whether one of the commands that files wait for goes on.
func commandRuns(s *State, held map[string]string) bool {
	for _, name := range held {
		if s.Resource(name).Failed == nil || s.Resource(name).Working {
			return true
		}
	}
	return false
}

// postpone dates what is held after the update that goes without it.
func postpone(s *State, ref string, held map[string]string) {
	if len(held) == 0 {
		return
	}
	s.Batch++
	img := s.Image(ref)
	img.Dirty = maps.Clone(img.Dirty)
	for p := range held {
		img.Dirty[p] = s.Batch
	}
	s.setImage(ref, img)
}

// newestBut is newest without the files that are held.
func newestBut(img Image, held map[string]string) uint64 {
	batch := img.Built
	for p, b := range img.Dirty {
		if held[p] == "" {
			batch = max(batch, b)
		}
	}
	return batch
}

// writersOf returns the local resources with a command that a resource depends
// on, by whatever way.
func (v *view) writersOf(name string) []string {
	var writers []string
	for dep := range v.withDependencies([]string{name}) {
		if dep != name && hasCommand(v.resource(dep)) {
			writers = append(writers, dep)
		}
	}
	return writers
}

func hasCommand(spec *config.Resource) bool {
	return spec.Kind == config.KindLocal && spec.Local != nil && !spec.Local.Cmd.Empty()
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

// copyOf is a map's clone that can be written to.
func copyOf[V any](m map[string]V) map[string]V {
	c := maps.Clone(m)
	if c == nil {
		c = map[string]V{}
	}
	return c
}
