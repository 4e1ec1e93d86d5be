package status

import (
	"fmt"
	"slices"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
)

func (f *Facts) target(id engine.TargetID) api.Target {
	t, known := f.State.Target(id), f.Targets[id]
	s := api.Target{
		Namespace: id.Namespace, Pod: id.Pod, PodUID: known.PodUID, Container: id.Container, Image: known.Image,
		Ready: known.Ready && !hasEnded(known.Process), Restarts: known.Restarts, Agent: t.Agent == engine.Connected, Pid: known.Process.PID,
		Process: processText(known.Process), Debugging: known.Process.Debug,
		Paused: known.Process.Paused, Language: known.Process.Language,
		LastSync: f.Synced[id], Problem: known.Problem, Covered: known.Covered,
	}
	if known.Process.Started != 0 {
		s.Started = time.Unix(0, known.Process.Started)
	}
	img := f.State.Image(t.Image)
	switch {
	case len(f.State.ImageConfig(t.Image).LiveUpdate) == 0:
		s.Sync = api.SyncNone
	case t.Failed != nil:
		s.Sync, s.Problem = api.SyncFailed, &t.Failed.Problem
	case t.Agent != engine.Connected:
		s.Sync = api.SyncUnknown
	case img.Failed != nil || f.State.StaleBy(t.Resource) != "":
		s.Sync = api.SyncStale
	case t.Checked && engine.InSync(img, t):
		s.Sync = api.SyncInSync
	default:
		s.Sync = api.SyncPending
	}
	return s
}

// proof is the least that is known of a resource's containers.
func (f *Facts) proof(ids []engine.TargetID, r api.ResourceStatus) api.Proof {
	worst := api.ProofNone
	order := []api.Proof{api.ProofNone, api.ProofInSync, api.ProofUnproven, api.ProofBehind, api.ProofDiffers}
	behind := 0
	for i := range r.Targets {
		var p api.Proof
		switch r.Targets[i].Sync {
		case api.SyncInSync:
			p = api.ProofInSync
		case api.SyncUnknown:
			p = api.ProofUnproven
		case api.SyncPending, api.SyncStale:
			p = api.ProofBehind
			t := f.State.Target(ids[i])
			behind = max(behind, engine.Behind(f.State.Image(t.Image), t))
		case api.SyncFailed:
			p = api.ProofDiffers
		}
		if slices.Index(order, p) > slices.Index(order, worst) {
			worst = p
		}
	}
	switch unbuilt := f.State.Unbuilt(r.Name); {
	case worst == api.ProofNone && unbuilt > 0:
		return api.Proof(fmt.Sprintf("%s %d", api.ProofBehind, unbuilt))
	case worst == api.ProofNone && r.State == api.StateStale:
		return api.ProofBehind
	case worst == api.ProofBehind && behind > 0:
		return api.Proof(fmt.Sprintf("%s %d", api.ProofBehind, behind))
	}
	return worst
}

// hasEnded reports whether an application does not run though its container does, by
// the agent that outlives it.
func hasEnded(p wire.Process) bool {
	return p.State == wire.StateExited || p.State == wire.StateBackoff
}

// processText says in a word what an application's process does.
func processText(p wire.Process) string {
	switch p.State {
	case wire.StateExited, wire.StateBackoff:
		if p.Exit != nil {
			return string(p.State) + " (" + p.Exit.String() + ")"
		}
	}
	return string(p.State)
}
