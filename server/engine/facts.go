package engine

import "slices"

// Facts are changed here and nowhere else, so that two things follow from each
// change: the indexes stay true, and whatever a plan would judge otherwise now
// is due to be looked at. What depends on what is written down once, in notice,
// noticeImage and noticeTarget. Numbers are the places of resources in the
// project.

// indexes follow from the facts.
type indexes struct {
	working    int                       // updates under way: builds, applies, commands
	passing    set                       // resources that failed for want of something
	dirty      map[string]bool           // images with changed files. Replaced, never changed
	ofResource table[string, []TargetID] // its containers, in order
	ofImage    table[string, []TargetID]
	due        set                       // resources to be looked at
	dueTargets table[TargetID, struct{}] // containers to be looked at
}

func (x indexes) clone() indexes {
	x.passing, x.due = slices.Clone(x.passing), slices.Clone(x.due)
	return x
}

// Image returns what is known of an image, nothing of an unknown name.
func (s *State) Image(ref string) Image {
	img, _ := s.images.get(ref)
	return img
}

// Resource returns what is known of a resource, nothing of an unknown name.
func (s *State) Resource(name string) Resource {
	r, _ := s.resources.get(name)
	return r
}

// Target returns what is known of a container, nothing of an unknown one.
func (s *State) Target(id TargetID) Target {
	t, _ := s.targets.get(id)
	return t
}

// TargetsOf returns the containers of a resource, in order.
func (s *State) TargetsOf(resource string) []TargetID {
	ids, _ := s.ofResource.get(resource)
	return ids
}

// targetsOfImage returns the containers that run an image, in order.
func (s *State) targetsOfImage(ref string) []TargetID {
	ids, _ := s.ofImage.get(ref)
	return ids
}

// begin takes the facts of a new project. What is known of containers stays.
func (s *State) begin(images map[string]Image, resources map[string]Resource) {
	s.images, s.resources = table[string, Image]{}, table[string, Resource]{}
	s.indexes = indexes{ofResource: s.ofResource, ofImage: s.ofImage, dueTargets: s.dueTargets}
	n := len(s.Project.Resources)
	s.passing, s.due = newSet(n), newSet(n)
	for ref, img := range images {
		s.setImage(ref, img)
	}
	for name, r := range resources {
		s.setResource(name, r)
	}
	s.noticeAll()
}

func (s *State) setImage(ref string, img Image) {
	old := s.Image(ref)
	s.images = s.images.set(ref, img)
	s.working += count(img.Building) - count(old.Building)
	if is := len(img.Dirty) > 0; is != s.dirty[ref] {
		s.dirty = copyOf(s.dirty)
		s.dirty[ref] = true
		if !is {
			delete(s.dirty, ref)
		}
	}
	s.noticeImage(ref)
}

func (s *State) setResource(name string, r Resource) {
	old := s.Resource(name)
	s.resources = s.resources.set(name, r)
	s.working += count(r.Working) - count(old.Working)
	i, ok := s.view.places[name]
	if !ok {
		return
	}
	s.passing.put(i, r.Failed != nil && r.Failed.Passing)
	s.notice(i)
	if old.Fresh && !r.Fresh {
		s.noticeAbove(i)
	}
	if len(old.Writing) > 0 {
		s.noticeDirty()
	}
	if old.Wanted != r.Wanted || old.WasReady != r.WasReady {
		s.noticeEach(s.view.dependents[name])
	}
	if old.Working != r.Working && slices.Contains(s.view.alone, i) {
		s.noticeEach(s.view.alone)
	}
	if old.Wanted != r.Wanted || !slices.Equal(old.Agentless, r.Agentless) || !slices.Equal(old.Ending, r.Ending) {
		for _, ref := range s.view.reads(name) {
			s.noticeImage(ref)
		}
	}
}

func (s *State) setTarget(id TargetID, t Target) {
	old, known := s.targets.get(id)
	if known && (old.Resource != t.Resource || old.Image != t.Image) {
		s.dropTarget(id)
		known = false
	}
	s.targets = s.targets.set(id, t)
	if !known {
		s.ofResource = with(s.ofResource, t.Resource, id)
		s.ofImage = with(s.ofImage, t.Image, id)
	}
	s.dueTargets = s.dueTargets.set(id, struct{}{})
	s.noticeFollowers(t.Resource)
	if old.Asked.Changes != t.Asked.Changes {
		s.noticeImage(t.Image)
	}
}

func (s *State) dropTarget(id TargetID) {
	t := s.Target(id)
	s.targets = s.targets.del(id)
	s.ofResource = without(s.ofResource, t.Resource, id)
	s.ofImage = without(s.ofImage, t.Image, id)
}

// with returns the lists with a container in one of them.
func with(lists table[string, []TargetID], key string, id TargetID) table[string, []TargetID] {
	ids, _ := lists.get(key)
	i, _ := slices.BinarySearchFunc(ids, id, compareTargets)
	return lists.set(key, slices.Insert(slices.Clone(ids), i, id))
}

// without returns the lists without a container in one of them.
func without(lists table[string, []TargetID], key string, id TargetID) table[string, []TargetID] {
	ids, _ := lists.get(key)
	ids = slices.DeleteFunc(slices.Clone(ids), func(other TargetID) bool { return other == id })
	if len(ids) == 0 {
		return lists.del(key)
	}
	return lists.set(key, ids)
}

// notice has a resource looked at again, and what is judged by whether this one
// is about to be updated: what stands on its objects, and what reads what its
// command is about to write.
func (s *State) notice(i int) {
	s.noticeOne(i)
	name := s.Project.Resources[i].Name
	if s.Resource(name).Fresh {
		s.noticeAbove(i)
	}
	for _, reader := range s.view.made[name] {
		s.noticeOne(reader)
	}
	s.noticeFollowers(name)
}

// noticeOne has a resource looked at again, and the files that its command may
// be writing.
func (s *State) noticeOne(i int) {
	s.due.put(i, true)
	if len(s.Resource(s.Project.Resources[i].Name).Writing) > 0 {
		s.noticeDirty()
	}
}

// noticeAbove has what stands on a resource's objects looked at again.
func (s *State) noticeAbove(i int) {
	for _, other := range s.view.above(&s.Project.Resources[i]) {
		s.due.put(other, true)
	}
}

func (s *State) noticeEach(places []int) {
	for _, i := range places {
		s.notice(i)
	}
}

// noticeImage has whatever is made from an image, or runs it, looked at again.
func (s *State) noticeImage(ref string) {
	s.noticeEach(s.view.readers[ref])
	for _, id := range s.targetsOfImage(ref) {
		s.dueTargets = s.dueTargets.set(id, struct{}{})
	}
}

// noticeDirty has whatever waits for changed files looked at again: a command
// may hold them no longer.
func (s *State) noticeDirty() {
	for ref := range s.dirty {
		s.noticeImage(ref)
	}
}

// noticeAll has all looked at again.
func (s *State) noticeAll() {
	s.due.fill(len(s.Project.Resources))
	for id := range s.targets.all() {
		s.dueTargets = s.dueTargets.set(id, struct{}{})
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
