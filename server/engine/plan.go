package engine

import (
	"maps"
	"slices"
	"sort"

	"github.com/towline-dev/towline/starlark/config"
)

// plan compares facts with wishes, as far as they changed, and returns what is
// missing, marking it as under way.
func plan(s *State) []Effect {
	var effects []Effect
	slots := slotsOf(s.Project) - s.working
	for i := range s.due.all() {
		if slots <= 0 {
			break // what is due stays so
		}
		s.due.put(i, false)
		spec := &s.Project.Resources[i]
		r := s.Resource(spec.Name)
		if !r.Wanted || r.Working || !depsReady(s, spec) {
			continue
		}
		var next []Effect
		switch spec.Kind {
		case config.KindLocal:
			next = planLocal(s, spec)
		case config.KindK8s, config.KindCompose:
			next = planDeploy(s, spec)
		}
		slots -= len(next)
		effects = append(effects, next...)
	}
	return append(effects, planTargets(s)...)
}

// slotsOf is how many updates may go on at once.
func slotsOf(p *config.Project) int {
	if p.Settings.MaxParallelUpdates > 0 {
		return p.Settings.MaxParallelUpdates
	}
	return 3
}

// depsReady reports whether everything that a resource depends on was ready
// once.
func depsReady(s *State, spec *config.Resource) bool { return len(missingDeps(s, spec)) == 0 }

// missingDeps returns what a resource depends on and that was never ready, or, of one
// that follows them, that is being updated. A dependency that is not in the project
// does not hold it back, and neither does any what a person asks for.
func missingDeps(s *State, spec *config.Resource) []Wait {
	r := s.Resource(spec.Name)
	_, follows := s.view.follows[spec.Name]
	if r.WasReady && !follows {
		return nil
	}
	var waits []Wait
	for _, dep := range s.view.needs(spec) {
		if d := s.Resource(dep); d.Wanted && (!d.WasReady || follows && !r.Forced && unsettled(s, dep)) {
			waits = append(waits, Wait{Resource: dep})
		}
	}
	return waits
}

// may reports whether a resource may be updated now: by itself, or because
// somebody asked for it.
func may(r Resource, spec *config.Resource) bool {
	switch {
	case r.Forced:
		return true
	case r.Fresh:
		return spec.AutoInit
	default:
		return spec.TriggerMode != config.TriggerManual
	}
}

func planLocal(s *State, spec *config.Resource) []Effect {
	if !localDue(s, spec) {
		return nil
	}
	r := begun(s, s.Resource(spec.Name))
	run := RunLocal{Resource: withEnv(*spec, r.Env), Reason: reason(r)}
	r.Env = nil
	s.setResource(spec.Name, r)
	return []Effect{run}
}

// withEnv is a local resource whose commands get further variables.
func withEnv(spec config.Resource, env map[string]string) config.Resource {
	if len(env) == 0 {
		return spec
	}
	l := *spec.Local
	for _, c := range []*config.Command{&l.Cmd, &l.ServeCmd} {
		c.Env = copyOf(c.Env)
		maps.Copy(c.Env, env)
	}
	spec.Local = &l
	return spec
}

// localDue reports whether a command is to run now that does not.
func localDue(s *State, spec *config.Resource) bool {
	if !localWanted(s, spec) || !spec.Local.AllowParallel && otherLocal(s, spec.Name) != "" {
		return false
	}
	return s.Resource(spec.Name).Forced || pendingProducer(s, spec.Name) == ""
}

// localWanted reports whether there is a reason to run a command.
func localWanted(s *State, spec *config.Resource) bool {
	r := s.Resource(spec.Name)
	changed := r.Dirty > max(r.Ran, r.Since)
	first := r.Fresh && (spec.AutoInit || changed && spec.TriggerMode != config.TriggerManual)
	switch {
	case r.Forced:
		return true // somebody asked for it
	case !first && !changed:
		return false // it ran for all that it reads
	case !first && !may(r, spec):
		return false // a change alone does not start it: it is manual
	case r.Failed != nil && r.Dirty <= r.Failed.Batch:
		return false // it failed with just these files: only a change helps
	}
	return true
}

// otherLocal names a running command that no other may run beside, "" when
// there is none.
func otherLocal(s *State, name string) string {
	for _, i := range s.view.alone {
		o := &s.Project.Resources[i]
		if o.Name != name && s.Resource(o.Name).Working {
			return o.Name
		}
	}
	return ""
}

// planDeploy starts the builds that a resource lacks or, when it lacks none, the
// apply.
func planDeploy(s *State, spec *config.Resource) []Effect {
	r := s.Resource(spec.Name)
	if r.Fresh && !may(r, spec) && (spec.TriggerMode == config.TriggerManual || !filesChanged(s, spec, r.Since)) {
		return nil // auto_init=False: its first update waits for a person or, where that is enough, for a change
	}
	var effects []Effect
	waiting := false // for an image, by whoever it is built
	for _, ref := range s.view.order[spec.Name] {
		img := s.Image(ref)
		if !img.Building && !needsBuild(s, ref) {
			continue // it is as it should be
		}
		waiting = true
		switch {
		case img.Building: // its end plans anew
		case !r.Fresh && !may(r, spec): // a manual resource keeps what it runs until a person asks
		case !basesReady(s, ref): // it would be built from what is about to be replaced
		case img.Failed != nil && newestCause(s, ref) <= img.Failed.Batch && !img.Stale: // it failed with just this; only a change helps
		case len(held(s, ref, r.Forced || changesAsked(s, ref))) > 0: // a command is writing what it would read
		default:
			effects = append(effects, startBuild(s, ref))
		}
	}
	if waiting || len(earlierRanks(s, spec)) > 0 {
		return effects // it is applied once, with all its images and after what it stands on
	}
	if isApplyKey(s, spec, r.Applied) && !r.Forced {
		return nil // the cluster has just this
	}
	key := applyKey(s, spec)
	if r.Failed != nil && r.Applying == key && !r.Forced {
		return nil // it failed with just this; only a change helps
	}
	if !r.Fresh && !may(r, spec) {
		return nil // it is manual, and nobody asked
	}
	if spec.CustomDeploy != nil && !r.Forced && pendingProducer(s, spec.Name) != "" {
		return nil // its command would read what another one is writing
	}
	passing := r.Failed != nil && r.Failed.Passing
	apply := Apply{Resource: *spec, Images: pushedImages(s, spec), Key: key, Forced: r.Forced && !passing, Again: passing && r.Applying == key}
	r.Working, r.Forced, r.Applying, r.Updated = true, false, key, true
	r.Ready, r.Broken, r.Gone, r.Taken, r.Ended, r.Blocker = false, false, false, false, false, Blocker{} // what is ready now is what it replaces
	s.setResource(spec.Name, r)
	return []Effect{apply}
}

// filesChanged reports whether a file of one of a resource's images changed
// after a batch.
func filesChanged(s *State, spec *config.Resource, since uint64) bool {
	return slices.ContainsFunc(spec.Images, func(ref string) bool {
		for _, batch := range s.Image(ref).Dirty {
			if batch > since {
				return true
			}
		}
		return false
	})
}

func startBuild(s *State, ref string) Effect {
	img := s.Image(ref)
	again := img.Failed != nil && img.Failed.Passing && newestCause(s, ref) <= img.Failed.Batch
	img.Building, img.Started, img.Stale = true, s.Batch, false
	s.setImage(ref, img)
	return Build{Image: *s.view.image(ref), Local: s.view.local[ref], Again: again, Reason: newestPath(img)}
}

// needsBuild reports whether an image has to be built: it never was, its
// description changed, a base is newer, or a changed file cannot be brought
// into a running container.
func needsBuild(s *State, ref string) bool {
	if len(s.view.bases[ref]) == 0 {
		return lacksBuild(s, ref)
	}
	return needsBuildOf(s, ref, map[string]bool{})
}

// needsBuildOf is needsBuild that asks each base once.
func needsBuildOf(s *State, ref string, known map[string]bool) bool {
	needs, asked := known[ref]
	if asked {
		return needs
	}
	known[ref] = false // an image that is built from itself does not end here
	img := s.Image(ref)
	needs = lacksBuild(s, ref)
	for _, b := range s.view.bases[ref] {
		if base := s.Image(b); base.Building || base.Built > img.Built || needsBuildOf(s, b, known) {
			needs = true
		}
	}
	known[ref] = needs
	return needs
}

// lacksBuild is needsBuild without a look at the bases.
func lacksBuild(s *State, ref string) bool {
	img := s.Image(ref)
	if img.Pushed == "" || img.Stale || img.Failed != nil {
		return true // a failed build is not forgotten for a file that could be synced
	}
	if len(img.Dirty) == 0 {
		return false
	}
	return LivePlan(s.reached(ref), slices.Collect(maps.Keys(img.Dirty))).Full
}

// reached returns an image with the live update that brings a change wherever
// the image goes on running: none while a container of it has no agent. What runs
// to an end, such as a Job, has what it was started with, and holds back nobody
// who gets the change at once; where nobody does, a build brings it.
func (s *State) reached(ref string) *config.Image {
	img := s.view.image(ref)
	if len(img.LiveUpdate) == 0 {
		return img
	}
	ends, live, agentless := false, false, false
	for _, name := range s.view.users[ref] {
		switch r := s.Resource(name); {
		case !r.Wanted:
		case slices.Contains(r.Agentless, ref):
			agentless = true
		case slices.Contains(r.Ending, ref):
			ends = true
		default:
			live = true
		}
	}
	if !agentless && (live || !ends) {
		return img
	}
	plain := *img
	plain.LiveUpdate = nil
	return &plain
}

// Unbuilt counts the changed files that are in none of the images with which a
// resource ran to its end: they are live elsewhere, and the next build has them.
func (s *State) Unbuilt(name string) int {
	n := 0
	for _, ref := range s.Resource(name).Ending {
		if img := s.Image(ref); !img.Building && !needsBuild(s, ref) {
			n += len(img.Dirty)
		}
	}
	return n
}

// newestCause returns the batch of what would make a build end otherwise: a
// file of the image, or a base that was built since.
func newestCause(s *State, ref string) uint64 {
	batch := newest(s.Image(ref))
	for _, b := range s.view.bases[ref] {
		batch = max(batch, s.Image(b).Built)
	}
	return batch
}

func basesReady(s *State, ref string) bool {
	for _, b := range s.view.bases[ref] {
		if s.Image(b).Building || needsBuild(s, b) {
			return false
		}
	}
	return true
}

// planTargets attaches to new containers and sends what their agents lack.
func planTargets(s *State) []Effect {
	due := make([]TargetID, 0, s.dueTargets.len())
	for id := range s.dueTargets.all() {
		due = append(due, id)
	}
	slices.SortFunc(due, compareTargets)
	s.dueTargets = table[TargetID, struct{}]{}
	var effects []Effect
	for _, id := range due {
		t, known := s.targets.get(id)
		switch {
		case !known || !t.Running || t.Agent == Attaching || t.Pushed != s.Image(t.Image).Pushed:
			continue // gone, not there yet, or about to be replaced
		case t.Agent == Unattached:
			t.Agent = Attaching
			effects = append(effects, Attach{Target: id, Resource: t.Resource, Image: t.Image, Instance: t.Instance})
		case t.Sending == 0:
			live, ok := planLive(s, id, t)
			if !ok {
				continue
			}
			s.Batch++
			live.Batch = s.Batch
			postpone(s, t.Image, held(s, t.Image, t.Asked.Changes))
			t.Sending, t.Asked.Restart = live.Batch, false
			effects = append(effects, live)
		}
		s.setTarget(id, t)
	}
	return effects
}

// planLive returns what a target lacks; ok is false when it lacks nothing,
// when a full build is to replace it, or when trying again is pointless.
func planLive(s *State, id TargetID, t Target) (Live, bool) {
	img := s.Image(t.Image)
	var changed []string
	held := held(s, t.Image, t.Asked.Changes)
	for p, batch := range img.Dirty {
		if batch > t.Synced && held[p] == "" {
			changed = append(changed, p)
		}
	}
	if t.Checked && len(changed) == 0 && !t.Asked.Restart {
		return Live{}, false
	}
	sort.Strings(changed)
	spec, resource := s.view.image(t.Image), s.view.resource(t.Resource)
	if !t.Checked && commandRuns(s, held) {
		return Live{}, false // an application starts with all of what is being written
	}
	if !t.Checked {
		// Whatever else is to come: the application may be held for this, and
		// what can be brought is brought before it starts.
		changed = slices.DeleteFunc(changed, func(p string) bool { return len(SyncFiles(spec, p)) == 0 })
		p := steps(spec, changed)
		return Live{
			Target: id, Files: p.Files, Runs: p.Runs, Restart: p.Restart || t.Asked.Restart, Check: true,
			Must: t.Asked.Steps || t.Asked.Restart, Initial: hasStep(spec, config.StepInitialSync),
		}, t.Failed == nil || newestBut(img, held) > t.Failed.Batch || t.Asked.Restart
	}
	switch {
	case img.Building || img.Stale || img.Failed != nil:
		return Live{}, false
	case !t.Asked.Restart && !t.Asked.Changes && !may(Resource{}, resource):
		return Live{}, false // manual: waits for the trigger
	case t.Failed != nil && newestBut(img, held) <= t.Failed.Batch && !t.Asked.Restart:
		return Live{}, false
	}
	p := LivePlan(s.reached(t.Image), changed)
	if s.view.deploys[t.Image] != "" {
		p = steps(spec, changed) // its command runs again for the rest, and brings no file
	}
	if p.Full {
		return Live{}, false
	}
	return Live{Target: id, Files: p.Files, Runs: p.Runs, Restart: p.Restart || t.Asked.Restart}, true
}

func hasStep(img *config.Image, kind config.StepKind) bool {
	return slices.ContainsFunc(img.LiveUpdate, func(s config.Step) bool { return s.Kind == kind })
}

// Plan is how changed files get into a running container.
type Plan struct {
	Full    bool // they cannot: the image has to be built
	Files   []File
	Runs    []config.Step
	Restart bool
}

// LivePlan applies an image's live-update steps to changed files, as Tilt
// does: a file that no sync covers, or that a fall_back_on names, needs a full
// build; a run step runs when one of its triggers changed, or always when it
// has none.
func LivePlan(img *config.Image, changed []string) Plan {
	if len(changed) == 0 {
		return Plan{}
	}
	if len(img.LiveUpdate) == 0 {
		return Plan{Full: true}
	}
	for _, c := range changed {
		if len(SyncFiles(img, c)) == 0 {
			return Plan{Full: true}
		}
	}
	for _, step := range img.LiveUpdate {
		if step.Kind == config.StepFallBackOn && touches(step.Paths, changed) {
			return Plan{Full: true}
		}
	}
	return steps(img, changed)
}

// steps collects what an image's live update does for changed files that its
// sync steps cover.
func steps(img *config.Image, changed []string) Plan {
	var p Plan
	if len(changed) == 0 {
		return p
	}
	for _, c := range changed {
		p.Files = append(p.Files, SyncFiles(img, c)...)
	}
	for _, step := range img.LiveUpdate {
		due := len(step.Triggers) == 0 || touches(step.Triggers, changed)
		switch step.Kind {
		case config.StepRun:
			if due {
				p.Runs = append(p.Runs, step)
			}
		case config.StepRestart:
			p.Restart = p.Restart || due
		}
	}
	return p
}

// touches reports whether one of the changed files lies at or below a path.
func touches(paths, changed []string) bool {
	return slices.ContainsFunc(changed, func(c string) bool { return dependsOn(paths, c) })
}

// SyncFiles returns where an image's sync steps put a local file.
func SyncFiles(img *config.Image, local string) []File {
	var files []File
	for _, step := range img.LiveUpdate {
		if step.Kind != config.StepSync {
			continue
		}
		if remote, ok := syncPath(step, local); ok {
			files = append(files, File{Local: local, Remote: remote})
		}
	}
	return files
}
