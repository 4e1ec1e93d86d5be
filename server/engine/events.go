package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/towline-dev/towline/starlark/config"
)

// Configured tells of a newly evaluated project.
type Configured struct {
	Project     *config.Project
	BuildInputs string // what else images come from than the project and its files
}

// Restored tells what an earlier daemon had built, and which files have
// changed since. An image of another spec is not restored.
type Restored struct {
	Ref, Spec, Pushed string
	Dirty             []string
}

// Wanted brings resources up; none means all that are enabled.
type Wanted struct{ Resources []string }

// Switched turns resources on and off, in place of all that was switched before.
// What a resource that is turned on depends on is turned on with it.
type Switched struct{ On map[string]bool }

// Unwanted ends it: nothing is planned until Wanted comes again.
type Unwanted struct{}

// Changed tells of files whose content changed.
type Changed struct {
	Images map[string][]string // absolute paths by the ref of the image that depends on them
	Locals []string            // resources whose own command depends on a changed file
	Own    map[string][]string // these files, by resource
	Saved  bool                // by a person, as an editor tells
}

// Readable tells of images, and of resources' own commands, with files that could
// not be looked at and can be again: what failed is tried again, though the files
// may be just the same.
type Readable struct{ Images, Locals []string }

// Built answers Build.
type Built struct {
	Ref     string
	Pushed  string
	Problem *config.Problem
	Passing bool // with a Problem: what the build lacked may come back
	Stopped bool // as StopBuild asked: nothing became of it
}

// RetryBuild has an image built again whose build lacked something.
type RetryBuild struct{ Ref string }

// Applied answers Apply.
type Applied struct {
	Resource  string
	Agentless []string // images that the resource runs where no agent could be brought
	Ending    []string // images that it runs only in what ends by itself: no agent belongs there
	Problem   *config.Problem
	Passing   bool // with a Problem: what the objects lacked may still arrive
}

// Retry has a resource tried again that failed for want of something.
type Retry struct{ Resource string }

// LocalDone answers RunLocal.
type LocalDone struct {
	Resource string
	Problem  *config.Problem
}

// Observed tells of a resource's pods, or of its serve command.
type Observed struct {
	Resource string
	Ready    bool
	Broken   bool // it will not become ready without a change
	Gone     bool // with Broken: something of it was deleted, and an apply brings it back
	Taken    bool // with Gone: another workspace has it, and an apply asks for it
	Ended    bool // what it ran has ended: well with Ready, badly with Broken
	Blocker  Blocker
	Message  string
	Crashed  time.Time // when one of its programs did last and was started again; zero: none did
	Targets  []Seen
}

// Blocker is what keeps pods from being made though the cluster goes on trying,
// for what is neither Ready nor Broken; the zero value is none.
type Blocker struct{ Kind, Name string }

// Seen is one container as the cluster shows it. A container that runs
// another image than the project's current one is not reported.
type Seen struct {
	ID       TargetID
	Image    string // ref in the project
	Pushed   string
	Instance string
	Running  bool
}

// Attached answers Attach.
type Attached struct {
	Target   TargetID
	Instance string
}

// Detached tells that a connection to an agent was lost.
type Detached struct {
	Target   TargetID
	Instance string
}

// LiveDone answers Live. Rebuild says that only a full build can help. Unlike
// are files that were found otherwise than they had been seen: whoever saw them
// looks again, since they may by now be as they were before. Brought answers
// Live.Recall, by the names that the files have here, or had.
type LiveDone struct {
	Target  TargetID
	Batch   uint64
	Problem *config.Problem
	Rebuild bool
	Unlike  []File
	Started time.Time // with a restart: since when the new process runs, by its node's clock
	Stages  LiveStages
	Brought []string
}

// LiveStages are when a live update came how far, by the clock of this machine;
// zero: nobody has seen it.
type LiveStages struct {
	Staged    time.Time // the agent had all contents, checked, beside their places
	Applied   time.Time // they were in place
	Restarted time.Time // the new process ran
}

// Triggered asks for a full update of a resource.
type Triggered struct {
	Resource string
	Env      map[string]string // of its command, this time
}

// RestartAsked asks for a restart of a resource's processes.
type RestartAsked struct{ Resource string }

func (e Changed) record(s *State) []Effect {
	s.Batch++
	for ref, paths := range e.Images {
		img, ok := s.images.get(ref)
		if !ok || len(paths) == 0 {
			continue
		}
		if deploy := s.view.deploys[ref]; deploy != "" {
			paths = redeploy(s, ref, deploy, paths)
		}
		dirty := maps.Clone(img.Dirty)
		if dirty == nil {
			dirty = map[string]uint64{}
		}
		for _, p := range paths {
			dirty[p] = s.Batch
		}
		img.Dirty = dirty
		s.setImage(ref, img)
	}
	for _, name := range e.Locals {
		if r, ok := s.resources.get(name); ok && !deferChange(s, name, e) {
			r.Dirty = s.Batch
			s.setResource(name, r)
		}
	}
	if s.Project == nil {
		return nil
	}
	noteWrites(s, e)
	return stopBuilds(s, slices.Collect(maps.Keys(e.Images)))
}

func (e Readable) record(s *State) []Effect {
	for _, ref := range e.Images {
		if img := s.Image(ref); img.Failed != nil {
			img.Stale = true
			s.setImage(ref, img)
		}
		for _, id := range s.targetsOfImage(ref) {
			if t := s.Target(id); t.Failed != nil {
				again := *t.Failed
				again.Batch = 0
				t.Failed = &again
				s.setTarget(id, t)
			}
		}
	}
	s.Batch++
	for _, name := range e.Locals {
		if r := s.Resource(name); r.Wanted && !r.Working && r.Failed != nil {
			r.Dirty = s.Batch
			s.setResource(name, r)
		}
	}
	return nil
}

// redeploy has the command of a k8s_custom_deploy run again where a file needs
// that, and returns those that can be brought into its containers.
func redeploy(s *State, ref, resource string, paths []string) []string {
	spec := s.view.image(ref)
	if LivePlan(spec, paths).Full {
		r := s.Resource(resource)
		r.Dirty = s.Batch
		s.setResource(resource, r)
	}
	return slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return len(SyncFiles(spec, p)) == 0 })
}

func (e Built) record(s *State) []Effect {
	img, ok := s.images.get(e.Ref)
	if !ok || !img.Building {
		return nil
	}
	img.Building, img.Stopping = false, false
	if e.Stopped {
		s.setImage(e.Ref, img)
		return nil
	}
	img.Stops = 0
	if e.Problem != nil {
		img.Failed = &Failure{Problem: *e.Problem, Batch: img.Started, Passing: e.Passing}
		s.setImage(e.Ref, img)
		return nil
	}
	img.Failed = nil
	same := img.Pushed == e.Pushed
	img.Pushed, img.Built = e.Pushed, img.Started
	later := map[string]uint64{}
	for p, batch := range img.Dirty {
		if batch > img.Built {
			later[p] = batch
		}
	}
	if same {
		// The containers stay, with whatever was synced into them: that is
		// brought to what the files are now.
		s.Batch++
		img.Redated = s.Batch
		spec := s.reached(e.Ref)
		for p := range img.Dirty {
			if !LivePlan(spec, []string{p}).Full {
				later[p] = s.Batch
			}
		}
	}
	img.Dirty = later
	s.setImage(e.Ref, img)
	return nil
}

func (e RetryBuild) record(s *State) []Effect {
	if img := s.Image(e.Ref); img.Failed != nil && img.Failed.Passing && !img.Building {
		img.Stale = true
		s.setImage(e.Ref, img)
	}
	return nil
}

func (e Applied) record(s *State) []Effect {
	r, ok := s.resources.get(e.Resource)
	if !ok || !r.Working {
		return nil
	}
	r.Working, r.Fresh = false, false
	if e.Problem != nil {
		r.Failed = &Failure{Problem: *e.Problem, Batch: s.Batch, Passing: e.Passing}
		r.Applied = "" // some of it may be there: whatever comes next is applied
	} else {
		r.Failed = nil
		r.Applied = r.Applying
		r.Agentless, r.Ending = e.Agentless, e.Ending
	}
	s.setResource(e.Resource, r)
	if e.Problem == nil {
		retryPassing(s)
	}
	return nil
}

func (e Retry) record(s *State) []Effect {
	if r := s.Resource(e.Resource); r.Wanted && !r.Working && r.Failed != nil && r.Failed.Passing {
		r.Forced = true
		s.setResource(e.Resource, r)
	}
	return nil
}

func (e LocalDone) record(s *State) []Effect {
	r, ok := s.resources.get(e.Resource)
	if !ok || !r.Working {
		return nil
	}
	r.Working, r.Fresh = false, false
	r.Failed = nil
	if e.Problem != nil {
		r.Failed = &Failure{Problem: *e.Problem, Batch: r.Ran}
	} else {
		r.Applied = r.Spec
		r = learnt(r)
		releaseDeferred(s, r.Deferred)
		r.Deferred = nil
	}
	s.setResource(e.Resource, r)
	if e.Problem == nil {
		runAgain(s, e.Resource)
	}
	return nil
}

func (e Observed) record(s *State) []Effect {
	r, ok := s.resources.get(e.Resource)
	if !ok {
		return nil
	}
	r.Message, r.Crashed = e.Message, e.Crashed
	r.Ready, r.Broken, r.Gone, r.Ended, r.Blocker = e.Ready, e.Broken, e.Gone, e.Ended, e.Blocker
	r.Taken = e.Taken
	arrived := r.Ready && !s.Resource(e.Resource).Ready
	r.WasReady = r.WasReady || r.Ready
	updated := r.Updated && r.Ready
	r.Updated = r.Updated && !r.Ready
	s.setResource(e.Resource, r)
	if arrived {
		retryPassing(s)
	}
	if updated {
		runAgain(s, e.Resource)
	}
	var effects []Effect
	seen := map[TargetID]bool{}
	for _, c := range e.Targets {
		if s.Image(c.Image).Pushed != c.Pushed {
			continue // of an older build, about to be replaced
		}
		seen[c.ID] = true
		old, known := s.targets.get(c.ID)
		if known && old.Instance == c.Instance {
			old.Running = c.Running
			s.setTarget(c.ID, old)
			continue
		}
		if known {
			effects = append(effects, Detach{Target: c.ID})
		}
		s.setTarget(c.ID, Target{Resource: e.Resource, Image: c.Image, Pushed: c.Pushed, Instance: c.Instance, Running: c.Running})
	}
	for _, id := range s.TargetsOf(e.Resource) {
		if !seen[id] {
			s.dropTarget(id)
			effects = append(effects, Detach{Target: id})
		}
	}
	return effects
}

func (e Attached) record(s *State) []Effect {
	if t, ok := s.targets.get(e.Target); ok && t.Instance == e.Instance {
		t.Agent = Connected
		t.Checked, t.Synced, t.Sending, t.Failed = false, 0, 0, nil
		s.setTarget(e.Target, t)
	}
	return nil
}

func (e Detached) record(s *State) []Effect {
	if t, ok := s.targets.get(e.Target); ok && t.Instance == e.Instance {
		t.Asked.Steps = t.Asked.Steps || t.Sending != 0 || t.Failed != nil
		t.Agent, t.Sending, t.Checked = Unattached, 0, false
		s.setTarget(e.Target, t)
	}
	return nil
}

func (e LiveDone) record(s *State) []Effect {
	t, ok := s.targets.get(e.Target)
	if !ok || t.Sending != e.Batch {
		return nil
	}
	t.Sending, t.Asked.Changes = 0, false
	if e.Problem == nil {
		changed := t.Checked // the first one only looks whether all is there
		t.Asked.Steps = false
		t.Synced, t.Checked, t.Failed = e.Batch, true, nil
		s.setTarget(e.Target, t)
		if changed {
			runAgain(s, t.Resource)
		}
		return nil
	}
	t.Failed = &Failure{Problem: *e.Problem, Batch: e.Batch}
	s.setTarget(e.Target, t)
	img := s.Image(t.Image)
	if e.Rebuild && s.view.deploys[t.Image] == "" && newest(img) != img.Redated { // else it was built for this, and that is no cure
		img.Stale = true
		s.setImage(t.Image, img)
	}
	return nil
}
