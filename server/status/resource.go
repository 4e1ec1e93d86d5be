package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// resource says where one resource stands.
func (f *Facts) resource(spec *config.Resource, ends bool, targets []engine.TargetID, hosts []config.Link) api.ResourceStatus {
	r := f.State.Resource(spec.Name)
	s := api.ResourceStatus{
		Name: spec.Name, Kind: spec.Kind, Labels: spec.Labels, Pos: spec.Pos,
		TriggerMode: spec.TriggerMode, Links: links(spec, hosts), LastUpdate: f.Updates[spec.Name],
		Forwards: slices.Clone(f.Forwards[spec.Name]), Ends: ends,
	}
	for _, ref := range spec.Images {
		s.Images = append(s.Images, api.ImageStatus{Ref: ref, Pushed: f.State.Image(ref).Pushed})
	}
	if spec.Local != nil {
		s.Buttons = f.buttons(spec.Local.Buttons)
	}
	if r.Wanted { // pods that are on their way out are nobody's problem
		for _, id := range targets {
			s.Targets = append(s.Targets, f.target(id))
		}
	}
	s.NoDebug = f.undebuggable(spec, s.Targets)
	if !r.Crashed.IsZero() && r.Wanted {
		s.Crashed = &r.Crashed
	}
	v := f.judge(spec, r, &s)
	s.State, s.Message, s.Problem, s.WaitsFor = v.state, v.why, v.problem, v.waits
	if v.problem != nil && v.state.Bad() {
		s.Coming = f.mending(spec, targets)
	}
	s.Changed = spec.TriggerMode == config.TriggerManual && r.Wanted && !r.Fresh && engine.AwaitsTrigger(f.State, spec)
	s.Proof, s.Phase = f.proof(targets, s), v.state.Phase(v.problem != nil)
	if spec.Kind == config.KindK8s && f.lost() && (s.State.Working() || s.State == api.StateReady) {
		s.Was, s.State, s.Message = s.State, api.StateUnknown, "the cluster does not answer (was "+string(v.state)+")"
	}
	s.Next = next(&s)
	if r.Taken && v.problem != nil { // its pods are not ours, and no port reaches them
		s.Forwards = nil
	}
	if r.Gone && v.problem != nil {
		s.Next = &api.Action{Title: "Trigger", Command: "trigger", Args: []string{spec.Name}}
	}
	return s
}

// buttons are those of these names, as a face shows them.
func (f *Facts) buttons(names []string) []config.Button {
	var all []config.Button
	for _, b := range f.Project.Buttons {
		if slices.Contains(names, b.Name) {
			b.Spec = nil // Inputs says it
			all = append(all, b)
		}
	}
	return all
}

// ends reports whether a resource is done when what it runs has ended: a local
// command without a server, and pods of Jobs alone.
func ends(spec *config.Resource, jobs bool) bool {
	switch spec.Kind {
	case config.KindLocal:
		return spec.Local == nil || spec.Local.ServeCmd.Empty()
	case config.KindK8s:
		return jobs || spec.PodReadiness == config.ReadinessSucceeded
	}
	return false
}

// lost reports whether what is up is out of reach.
func (f *Facts) lost() bool { return f.State.Up && !f.Cluster.Connected && f.Cluster.Problem != nil }

// verdict is where a resource stands, and why.
type verdict struct {
	state   api.State
	why     string
	problem *config.Problem
	waits   []api.Wait
}

// judge decides: first what was not asked for, then what goes on now, what
// failed, what is waited for, and last what the cluster sees.
func (f *Facts) judge(spec *config.Resource, r engine.Resource, s *api.ResourceStatus) verdict {
	targets := s.Targets
	switch {
	case !r.Wanted && (!spec.Enabled || f.State.SwitchedOff(spec.Name)):
		return verdict{state: api.StateDisabled}
	case !f.State.Up || !r.Wanted:
		return verdict{state: api.StateStopped}
	case r.Working && spec.Kind == config.KindLocal:
		return verdict{state: api.StateBuilding, why: "running"}
	case r.Working && spec.Kind == config.KindCompose:
		return verdict{state: api.StateDeploying, why: "docker compose brings it up"}
	case r.Working:
		return verdict{state: api.StateDeploying, why: "applying its objects"}
	}
	if v, failed := f.update(spec, r, targets); failed {
		return v
	}
	if r.Fresh && spec.Local != nil && len(spec.Local.Buttons) > 0 && engine.AwaitsTrigger(f.State, spec) {
		return verdict{state: api.StateStopped} // a button's command, until somebody presses it
	}
	if waits := f.waits(spec.Name); len(waits) > 0 && (r.Fresh || f.State.Follows(spec.Name) && waits[0].Kind == api.WaitResource) {
		return verdict{state: api.StatePending, waits: waits}
	}
	switch {
	case r.Applied == "":
		return verdict{state: api.StatePending}
	case !r.Broken && slices.ContainsFunc(targets, func(t api.Target) bool { return t.Paused }):
		return verdict{state: api.StatePaused, why: "stands in its debugger"} // and answers no probe
	case !r.Ready:
		return f.notReady(spec, r, s)
	case engine.AwaitsTrigger(f.State, spec):
		return verdict{state: api.StateStale, why: "changed, awaits a trigger", waits: []api.Wait{{Kind: api.WaitTrigger}}}
	}
	if dep := f.State.StaleBy(spec.Name); dep != "" {
		return verdict{state: api.StateStale, why: dep + " failed", waits: []api.Wait{{Kind: api.WaitResource, Name: dep}}}
	}
	if w, coming := f.coming[spec.Name]; coming && s.Ends {
		return verdict{state: api.StatePending, waits: []api.Wait{waitOf(w)}}
	} else if coming {
		return verdict{state: api.StateUpdating, why: comes(w)}
	}
	if s.Ends && spec.PodReadiness != config.ReadinessIgnore || r.Ended {
		return verdict{state: api.StateDone, why: f.unbuilt(spec.Name)}
	}
	why := f.unbuilt(spec.Name)
	if spec.Kind == config.KindK8s {
		why = cmp.Or(why, r.Message) // what one would not expect of it
	}
	return verdict{state: api.StateReady, why: why}
}

// unbuilt says that what ran to its end ran without changes that are live elsewhere,
// "" when it had all.
func (f *Facts) unbuilt(name string) string {
	switch n := f.State.Unbuilt(name); n {
	case 0:
		return ""
	case 1:
		return "ran without 1 file that changed since its image was built"
	default:
		return fmt.Sprintf("ran without %d files that changed since its image was built", n)
	}
}

// update judges the last update: one that goes on, or one that failed. What
// ran before a failure and still runs is stale.
func (f *Facts) update(spec *config.Resource, r engine.Resource, targets []api.Target) (verdict, bool) {
	state := api.StateError
	if r.Ready {
		state = api.StateStale
	}
	for _, ref := range f.State.ImagesOf(spec.Name) {
		img := f.State.Image(ref)
		if img.Building {
			return verdict{state: api.StateBuilding, why: f.buildingOf(ref)}, true
		}
		if img.Failed != nil {
			return verdict{state: state, why: line(img.Failed.Problem.Message), problem: &img.Failed.Problem}, true
		}
	}
	if r.Failed != nil {
		if r.Failed.Passing && f.State.MayArrive(spec.Name) {
			return verdict{state: api.StatePending, why: "waits for what it lacks: " + r.Failed.Problem.Message}, true
		}
		if spec.Kind == config.KindLocal && ends(spec, false) {
			state = api.StateError // nothing of it runs that could be stale
		}
		return verdict{state: state, why: line(r.Failed.Problem.Message), problem: &r.Failed.Problem}, true
	}
	for _, t := range targets {
		if t.Sync == api.SyncPending && t.Agent && r.Ready && !engine.AwaitsTrigger(f.State, spec) {
			if by := f.State.HeldBy(spec.Name); by != "" {
				return verdict{state: api.StateUpdating, why: comes(engine.Wait{Resource: by})}, true
			}
			return verdict{state: api.StateUpdating, why: "updating " + t.Pod}, true
		}
		if t.Sync == api.SyncFailed && t.Problem != nil {
			return verdict{state: state, why: line(t.Problem.Message), problem: t.Problem}, true
		}
	}
	return verdict{}, false
}

// line is the first of a text.
func line(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// buildingOf says that an image is built, and what its build is at.
func (f *Facts) buildingOf(ref string) string {
	if step := f.Steps[ref]; step != "" {
		return "building " + ref + ": " + step
	}
	return "building " + ref
}

// notReady tells what starts from what crashed and from what cannot come up.
func (f *Facts) notReady(spec *config.Resource, r engine.Resource, s *api.ResourceStatus) verdict {
	ended := func(t api.Target) bool {
		return strings.HasPrefix(t.Process, string(wire.StateExited)) || strings.HasPrefix(t.Process, string(wire.StateBackoff))
	}
	switch {
	case r.Blocker.Kind != "":
		return blocked(spec, r)
	case !r.Broken:
		return verdict{state: api.StateStarting, why: r.Message}
	}
	if r.Gone {
		hint := fmt.Sprintf("`towline trigger %s` brings it back, as `towline up` does", spec.Name)
		if r.Taken {
			hint = fmt.Sprintf("`towline trigger %s` asks whether to take it back, `towline up --take-over` takes it; `towline down` leaves it to them", spec.Name)
		}
		return verdict{state: api.StateError, why: r.Message, problem: &config.Problem{Message: r.Message, Pos: spec.Pos, Hint: hint}}
	}
	v := verdict{state: api.StateError, why: r.Message, problem: &config.Problem{
		Message: r.Message, Pos: spec.Pos,
		Hint: fmt.Sprintf("`towline logs %s` shows its output", spec.Name),
	}}
	at := slices.IndexFunc(s.Targets, ended)
	if f.Words != nil && spec.Kind == config.KindK8s && (at >= 0 || r.Ended || exited(r.Message)) { // other messages have them
		container := ""
		if at >= 0 {
			container = s.Targets[at].Container
		}
		if words := f.Words(spec.Name, container, r.Message); words != "" { // no part of the message: it would be told anew with each start
			v.problem.Hint = fmt.Sprintf("it said last %q; %s", words, v.problem.Hint)
		}
	}
	if spec.Kind == config.KindK8s {
		v.problem.Hint += " and what the cluster says"
	}
	if s.Ends {
		v.problem.Hint += fmt.Sprintf("; `towline trigger %s` runs it again", spec.Name)
	}
	if spec.Kind == config.KindLocal || r.Ended || at >= 0 {
		v.state = api.StateCrashed
	}
	return v
}

// exited reports whether the cluster says that a program has ended.
func exited(message string) bool {
	return strings.Contains(message, "exit code") || strings.Contains(message, "exited with code")
}

// mending says what is about to become of what is not well, by itself: a newer file is
// on its way, or is being made.
func (f *Facts) mending(spec *config.Resource, targets []engine.TargetID) string {
	if w, coming := f.coming[spec.Name]; coming {
		return comes(w)
	}
	for _, id := range targets {
		if f.State.Target(id).Sending != 0 {
			return "updating " + id.Pod
		}
	}
	return ""
}

// comes says what an update waits for that is about to come.
func comes(w engine.Wait) string {
	if w.Resource != "" {
		return "waits for the end of " + w.Resource
	}
	return "waits for its turn"
}

// waits are the engine's, in the words of faces.
func (f *Facts) waits(name string) []api.Wait {
	var waits []api.Wait
	for _, w := range f.State.Waits(name) {
		waits = append(waits, waitOf(w))
	}
	return waits
}

func waitOf(w engine.Wait) api.Wait {
	switch {
	case w.Trigger:
		return api.Wait{Kind: api.WaitTrigger}
	case w.Slot:
		return api.Wait{Kind: api.WaitSlot}
	case w.Image != "":
		return api.Wait{Kind: api.WaitImage, Name: w.Image}
	}
	return api.Wait{Kind: api.WaitResource, Name: w.Resource}
}

// next is what a person does about a resource.
func next(r *api.ResourceStatus) *api.Action {
	switch {
	case r.State == api.StateStopped && len(r.Buttons) > 0:
		return &api.Action{Title: "Trigger", Command: "trigger", Args: []string{r.Name}}
	case r.State == api.StateStopped:
		return &api.Action{Title: "Up", Command: "up", Args: []string{r.Name}}
	case slices.ContainsFunc(r.WaitsFor, func(w api.Wait) bool { return w.Kind == api.WaitTrigger }):
		return &api.Action{Title: "Trigger", Command: "trigger", Args: []string{r.Name}}
	case r.Problem != nil:
		return &api.Action{Title: "Problem", Command: "problem", Args: []string{r.Name}}
	case r.State.Working():
		return &api.Action{Title: "Logs", Command: "logs", Args: []string{r.Name}}
	}
	return nil
}
