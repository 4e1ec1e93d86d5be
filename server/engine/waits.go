package engine

import (
	"slices"

	"github.com/towline-dev/towline/starlark/config"
)

// Wait is a reason why a plan leaves a wanted resource alone. One field is set.
type Wait struct {
	Resource string // that it depends on, or whose update must end first
	Image    string // that is built on behalf of another resource
	Trigger  bool   // by a person
	Slot     bool   // of the updates that may go on at once
}

// Waits says what a resource's first update waits for, or, of a manual one,
// its next; none when nothing holds it back.
func (s *State) Waits(name string) []Wait {
	r := s.Resource(name)
	if s.view == nil || !s.Up || !r.Wanted || r.Working {
		return nil
	}
	spec := s.view.resource(name)
	if waits := missingDeps(s, spec); len(waits) > 0 && (!r.WasReady || due(s, spec)) {
		return waits
	}
	if AwaitsTrigger(s, spec) {
		return []Wait{{Trigger: true}}
	}
	if !r.Fresh {
		return nil
	}
	if waits := earlierRanks(s, spec); len(waits) > 0 {
		return waits
	}
	if spec.Kind == config.KindLocal && spec.Local != nil && !spec.Local.AllowParallel {
		if other := otherLocal(s, name); other != "" {
			return []Wait{{Resource: other}}
		}
	}
	var waits []Wait
	for _, ref := range s.view.order[name] {
		if s.Image(ref).Building && !slices.Contains(spec.Images, ref) {
			waits = append(waits, Wait{Image: ref})
		}
	}
	if len(waits) == 0 && s.working >= slotsOf(s.Project) {
		waits = append(waits, Wait{Slot: true})
	}
	return waits
}

// AwaitsTrigger reports whether only a person can start a resource's next
// update: its first, or what a manual one holds back.
func AwaitsTrigger(s *State, spec *config.Resource) bool {
	r := s.Resource(spec.Name)
	manual := spec.TriggerMode == config.TriggerManual
	switch {
	case !r.Wanted || r.Forced || r.Working:
		return false
	case r.Fresh && spec.Kind == config.KindLocal:
		return !spec.AutoInit && (manual || r.Dirty <= max(r.Ran, r.Since))
	case r.Fresh:
		return !spec.AutoInit && (manual || !filesChanged(s, spec, r.Since))
	case !manual:
		return false
	case spec.Kind == config.KindLocal:
		return r.Dirty > r.Ran
	}
	return slices.ContainsFunc(spec.Images, func(ref string) bool { return heldBack(s, spec.Name, ref) })
}

// heldBack reports whether no container of a resource has an image's newest
// change.
func heldBack(s *State, resource, ref string) bool {
	last := newest(s.Image(ref))
	if last <= s.Image(ref).Built {
		return false
	}
	return !slices.ContainsFunc(s.TargetsOf(resource), func(id TargetID) bool {
		t := s.Target(id)
		return t.Image == ref && (t.Synced >= last || t.Sending != 0)
	})
}

// Behind counts the changed files that a target lacks.
func Behind(img Image, t Target) int {
	n := 0
	for _, batch := range img.Dirty {
		if batch > max(t.Synced, img.Built) {
			n++
		}
	}
	return n
}

// StaleBy names the local resource that a resource is made by and whose last
// command failed, "" when there is none: what it makes is missing.
func (s *State) StaleBy(name string) string {
	if s.view == nil {
		return ""
	}
	if by := s.HeldBy(name); by != "" && s.Resource(by).Failed != nil {
		return by
	}
	for _, producer := range s.view.producers[name] {
		if r := s.Resource(producer); r.Wanted && r.Failed != nil && r.Deferred[name] {
			return producer
		}
	}
	for _, dep := range s.view.resource(name).ResourceDeps {
		spec := s.view.resource(dep)
		if r := s.Resource(dep); spec.Kind == config.KindLocal && r.Wanted && r.Failed != nil {
			return dep
		}
	}
	return ""
}

// HeldBy names the local resource for whose command a resource's changed files
// wait: for its end, or, when it failed, for its success; "" when none do.
func (s *State) HeldBy(name string) string {
	if s.view == nil {
		return ""
	}
	by := ""
	for _, ref := range s.view.reads(name) {
		for _, holder := range heldBy(s, ref) {
			by = max(by, holder)
		}
	}
	return by
}
