package engine

import (
	"maps"
	"slices"

	"github.com/towline-dev/towline/starlark/config"
)

func (e Configured) record(s *State) []Effect {
	gone := Forget{Objects: goneObjects(s, e.Project), Deploys: goneDeploys(s, e.Project), Services: goneServices(s, e.Project)}
	changed := changedKind(s, e.Project)
	limits := s.Project != nil && s.Project.Settings.UpsertTimeout != e.Project.Settings.UpsertTimeout
	elsewhere := s.Project != nil && s.Project.Settings.Ours().BuilderOf() != e.Project.Settings.Ours().BuilderOf()
	s.Project, s.view = e.Project, newView(e.Project)
	images, resources := e.images(s, elsewhere), e.resources(s, changed, limits)
	var effects []Effect
	for name := range s.resources.all() {
		if _, still := resources[name]; !still || changed[name] {
			effects = append(effects, StopLocal{Resource: name})
			effects = append(effects, dropTargets(s, name)...)
			gone.Dropped = append(gone.Dropped, name)
		}
	}
	slices.Sort(gone.Dropped)
	before := s.resources
	s.begin(images, resources)
	for _, name := range gone.Dropped {
		left, _ := before.get(name)
		releaseDeferred(s, left.Deferred)
	}
	if s.Up {
		effects = append(effects, want(s)...)
	}
	if len(gone.Objects)+len(gone.Deploys)+len(gone.Services) > 0 {
		effects = append(effects, gone)
	}
	s.Batch++
	return append(effects, stopBuilds(s, slices.Collect(maps.Keys(images)))...)
}

// images is what is known of a new project's images; elsewhere says that they are built
// in another place from now on.
func (e Configured) images(s *State, elsewhere bool) map[string]Image {
	all := e.Project.LiveImages()
	images := make(map[string]Image, len(all))
	for i := range all {
		spec := &all[i]
		img := s.Image(spec.Ref)
		if spec.Builder == config.BuilderNone {
			img.Pushed = spec.Ref // it is there as soon as its containers are
		} else if hash := s.view.imageSpec(spec, e.BuildInputs); img.Spec != hash {
			img.Stale = img.Spec != ""
			img.Failed = nil
			img.Spec = hash
		}
		if elsewhere {
			img.Failed = nil // it may have failed for want of a builder
		}
		images[spec.Ref] = img
	}
	return images
}

// resources is what is known of a new project's resources. Those that changed are
// something else by now; limits says that another time is given to applies.
func (e Configured) resources(s *State, changed map[string]bool, limits bool) map[string]Resource {
	specs := resourceSpecs(e.Project)
	resources := make(map[string]Resource, len(e.Project.Resources))
	for _, r := range e.Project.Resources {
		res, known := s.resources.get(r.Name)
		if changed[r.Name] {
			res, known = Resource{}, false // the name is all that it has in common
		}
		if hash := specs[r.Name]; res.Spec != hash {
			res.Spec = hash
			res.Failed = nil
			if known && r.Kind == config.KindLocal {
				res.Dirty = s.Batch + 1
			}
		}
		if limits {
			res.Failed = nil // it may have failed for want of time
		}
		if !known {
			res.Fresh = true
		}
		resources[r.Name] = res
	}
	return resources
}

// changedKind returns the resources that a new project makes something else
// under the same name: what is known of them is of another thing.
func changedKind(s *State, next *config.Project) map[string]bool {
	changed := map[string]bool{}
	if s.view == nil {
		return changed
	}
	for _, r := range next.Resources {
		old := s.view.resources[r.Name]
		if old != nil && (old.Kind != r.Kind || (old.CustomDeploy == nil) != (r.CustomDeploy == nil)) {
			changed[r.Name] = true
		}
	}
	return changed
}

func (e Restored) record(s *State) []Effect {
	img, ok := s.images.get(e.Ref)
	if !ok || img.Spec != e.Spec || img.Pushed != "" && !onlyLive(s, e.Ref) {
		return nil
	}
	img.Pushed = e.Pushed
	s.Batch++
	img.Dirty = make(map[string]uint64, len(e.Dirty))
	for _, p := range e.Dirty {
		img.Dirty[p] = s.Batch
	}
	s.setImage(e.Ref, img)
	noteRestored(s, e.Ref, e.Dirty)
	return nil
}

// onlyLive reports whether an image is never built: it is there as soon as its
// containers are.
func onlyLive(s *State, ref string) bool {
	img := s.ImageConfig(ref)
	return img != nil && img.Builder == config.BuilderNone
}

// Asked returns the resources that are asked for once names are, beside those
// that were before; none means all that are enabled.
func (s *State) Asked(names []string) []string {
	switch {
	case !s.Up:
		return names
	case len(names) == 0 || len(s.Requested) == 0:
		return nil // all were, or are, asked for
	}
	more := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(s.Requested, name) })
	return slices.Concat(s.Requested, more)
}

func (e Wanted) record(s *State) []Effect {
	s.Requested = s.Asked(e.Resources)
	s.Up = true
	if s.Project == nil {
		return nil
	}
	s.askAgain(e.Resources)
	return want(s)
}

// askAgain has what failed of some resources, or of all, tried again.
func (s *State) askAgain(names []string) {
	asked, images := s.view.withDependencies(names), map[string]bool{}
	for name, r := range s.resources.all() {
		if len(names) > 0 && !asked[name] {
			continue
		}
		for _, ref := range s.view.reads(name) {
			images[ref] = true
		}
		// Asking again is a reason to try again, a command that failed or a
		// server that ended included: they would wait for a file to change. So
		// would what somebody deleted in the cluster, a container that ended and a
		// Job that failed.
		local := s.view.resource(name).Kind != config.KindK8s
		r.Forced = r.Forced || r.Gone || local && r.Wanted && !r.Working && (r.Failed != nil || r.Broken) || s.view.jobs[name] && r.Broken
		r.Failed = nil
		s.setResource(name, r)
	}
	for id, t := range s.targets.all() {
		if len(names) == 0 || asked[t.Resource] {
			t.Failed = nil
			s.setTarget(id, t)
		}
	}
	for ref := range images {
		img, known := s.images.get(ref)
		if !known {
			continue
		}
		img.Stale = img.Stale || img.Failed != nil
		img.Failed = nil
		s.setImage(ref, img)
	}
}

func (e Switched) record(s *State) []Effect {
	s.Switched = e.On
	if s.Project == nil || !s.Up {
		return nil
	}
	return want(s)
}

// want brings up what was asked for and is not, and ends what the project no
// longer enables.
func want(s *State) []Effect {
	names, on := s.view.withDependencies(s.Requested), s.switchedOn()
	var effects []Effect
	for _, r := range s.Project.Resources {
		wanted := r.Enabled
		if len(s.Requested) > 0 {
			wanted = names[r.Name]
		}
		if now, switched := s.Switched[r.Name]; switched || on[r.Name] {
			wanted = now || on[r.Name]
		}
		res := s.Resource(r.Name)
		switch {
		case wanted && !res.Wanted:
			res.Wanted, res.Fresh, res.Since = true, true, s.Batch
			s.setResource(r.Name, res)
		case !wanted && res.Wanted:
			s.setResource(r.Name, Resource{Spec: res.Spec})
			releaseDeferred(s, res.Deferred)
			effects = append(effects, StopLocal{Resource: r.Name})
			effects = append(effects, dropTargets(s, r.Name)...)
			drop := Forget{Objects: objectsOf(s.Project, r.Name), Dropped: []string{r.Name}}
			if r.CustomDeploy != nil {
				drop.Deploys = []config.Resource{r}
			}
			if r.Compose != nil {
				drop.Services = []config.Compose{*r.Compose}
			}
			if len(drop.Objects)+len(drop.Deploys)+len(drop.Services) > 0 {
				effects = append(effects, drop)
			}
		}
	}
	return effects
}

// SwitchedOff reports whether a person turned a resource off.
func (s *State) SwitchedOff(name string) bool {
	on, switched := s.Switched[name]
	return switched && !on
}

// switchedOn are the resources that a person turned on and all that they depend
// on, but for what was turned off.
func (s *State) switchedOn() map[string]bool {
	var names []string
	for name, on := range s.Switched {
		if on && s.view.resources[name] != nil {
			names = append(names, name)
		}
	}
	on := s.view.withDependencies(names)
	maps.DeleteFunc(on, func(name string, _ bool) bool { now, switched := s.Switched[name]; return switched && !now })
	return on
}

func (Unwanted) record(s *State) []Effect {
	s.Up, s.Switched = false, nil
	var effects []Effect
	for name, r := range s.resources.all() {
		s.setResource(name, Resource{Spec: r.Spec})
		effects = append(effects, dropTargets(s, name)...)
	}
	if s.Project != nil {
		for _, r := range s.Project.Resources {
			if r.Kind == config.KindLocal {
				effects = append(effects, StopLocal{Resource: r.Name})
			}
		}
	}
	return effects
}

func (e Triggered) record(s *State) []Effect {
	r, ok := s.resources.get(e.Resource)
	if !ok {
		return nil
	}
	r.Failed, r.Wanted = nil, true
	if r.Gone { // its images are not what is missing
		r.Forced = true
		s.setResource(e.Resource, r)
		return nil
	}
	if forceTargets(s, e.Resource) {
		s.setResource(e.Resource, r)
		return nil // what a manual resource had waiting is all that was asked for
	}
	r.Forced, r.Env = true, e.Env
	s.setResource(e.Resource, r)
	for _, ref := range s.ImagesOf(e.Resource) {
		img := s.Image(ref)
		img.Stale, img.Failed = true, nil
		s.setImage(ref, img)
	}
	return nil
}

func (e RestartAsked) record(s *State) []Effect {
	if s.view != nil {
		switch spec := s.view.resource(e.Resource); spec.Kind {
		case config.KindCompose:
			if restartTargets(s, e.Resource) == 0 { // of those that run without an agent docker restarts the containers
				return []Effect{Restart{Resource: *spec}}
			}
			return nil
		case config.KindLocal:
			return restartServer(s, spec)
		}
	}
	restartTargets(s, e.Resource)
	return nil
}

// restartTargets has the agents of a resource restart its processes, and returns
// how many do.
func restartTargets(s *State, resource string) (n int) {
	for _, id := range s.TargetsOf(resource) {
		if t := s.Target(id); t.Agent == Connected {
			t.Asked.Restart = true
			s.setTarget(id, t)
			n++
		}
	}
	return n
}

// restartServer starts the serve command of a local resource again. One whose
// command goes on is served when that has ended.
func restartServer(s *State, spec *config.Resource) []Effect {
	r := s.Resource(spec.Name)
	if !r.Wanted || r.Working || r.Applied == "" || spec.Local.ServeCmd.Empty() {
		return nil
	}
	r.Ready, r.Broken, r.Ended = false, false, false
	s.setResource(spec.Name, r)
	return []Effect{Restart{Resource: *spec}}
}

// dropTargets gives up the targets of a resource.
func dropTargets(s *State, resource string) []Effect {
	var effects []Effect
	for _, id := range s.TargetsOf(resource) {
		s.dropTarget(id)
		effects = append(effects, Detach{Target: id})
	}
	return effects
}

// forceTargets lets the changes that a manual resource's targets wait for go,
// and reports whether there were any.
func forceTargets(s *State, resource string) bool {
	waiting := false
	for _, id := range s.TargetsOf(resource) {
		if t := s.Target(id); t.Agent == Connected && t.Checked && newest(s.Image(t.Image)) > max(t.Synced, s.Image(t.Image).Built) {
			t.Asked.Changes, t.Failed = true, nil
			s.setTarget(id, t)
			waiting = true
		}
	}
	return waiting
}
