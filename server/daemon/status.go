package daemon

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// publish builds the status anew if something changed.
func (c *core) publish() {
	if !c.dirty {
		return
	}
	c.dirty = false
	s := &api.Status{
		Daemon: api.DaemonInfo{
			Pid: os.Getpid(), Version: c.d.o.Version, Workspace: c.d.o.Endpoint.Workspace,
			Started: started, LogFile: c.d.o.Endpoint.LogFile(),
		},
		Tiltfile: c.tiltfile(), Args: c.request.Args, Up: c.state.Up,
		Cluster: c.clusterStatus(), Config: c.configStatus(),
		Resources: []api.ResourceStatus{},
	}
	if c.good != nil {
		for i := range c.good.Resources {
			s.Resources = append(s.Resources, c.resourceStatus(&c.good.Resources[i]))
		}
	}
	s.Phase = overall(s)
	scrubStatus(c.d.secrets.Load(), s)
	c.d.publish(s)
}

func (c *core) clusterStatus() api.ClusterStatus {
	var s api.ClusterStatus
	if c.cluster != nil {
		id := c.cluster.Identity()
		s.Context, s.Namespace, s.Product = id.Context, id.Namespace, string(id.Product)
		s.Allowed, s.Problem = kube.Allowed(id, allowedBy(c.good))
		s.Connected = c.runner != nil && c.lost == nil
	}
	if c.lost != nil {
		s.Problem = problemOf(c.lost)
	}
	return s
}

func problemOf(err error) *config.Problem {
	var p *config.Problem
	var k *kube.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &k):
		return k.Problem()
	}
	return &config.Problem{Message: err.Error()}
}

func (c *core) configStatus() api.ConfigStatus {
	s := api.ConfigStatus{Evaluating: c.eval.running, EvaluatedAt: c.eval.at, Took: c.eval.took}
	if c.last != nil {
		s.Error, s.Warnings, s.Files = c.last.Error, c.last.Warnings, c.last.ConfigFiles
	}
	return s
}

// overall is the phase of the whole: the one that a person would ask about
// first.
func overall(s *api.Status) api.Phase {
	if !s.Up {
		return api.PhaseStopped
	}
	order := []api.Phase{
		api.PhaseError, api.PhaseBuilding, api.PhaseDeploying, api.PhaseUpdating, api.PhaseStarting, api.PhasePending,
	}
	best := len(order)
	for _, r := range s.Resources {
		if i := slices.Index(order, r.Phase); i >= 0 {
			best = min(best, i)
		}
	}
	if best == len(order) {
		return api.PhaseReady
	}
	return order[best]
}

func (c *core) resourceStatus(spec *config.Resource) api.ResourceStatus {
	r := c.state.Resources[spec.Name]
	s := api.ResourceStatus{
		Name: spec.Name, Kind: spec.Kind, Labels: spec.Labels, Pos: spec.Pos,
		TriggerMode: spec.TriggerMode, Links: spec.Links, LastUpdate: c.updates[spec.Name],
	}
	for _, ref := range spec.Images {
		s.Images = append(s.Images, api.ImageStatus{Ref: ref, Pushed: c.state.Images[ref].Pushed})
	}
	for id, t := range c.state.Targets {
		if t.Resource == spec.Name && r.Wanted { // pods that are on their way out are nobody's problem
			s.Targets = append(s.Targets, c.targetStatus(id, t))
		}
	}
	slices.SortFunc(s.Targets, func(a, b api.Target) int {
		return strings.Compare(a.Pod+"/"+a.Container, b.Pod+"/"+b.Container)
	})
	for _, f := range c.forwards[spec.Name] {
		s.Forwards = append(s.Forwards, forwardStatus(f))
	}
	s.Phase, s.Message, s.Problem = c.phase(spec, r, s.Targets)
	s.Changed = spec.TriggerMode == config.TriggerManual && r.Wanted && c.pending(spec, r)
	return s
}

// phase says where a resource stands, and why.
func (c *core) phase(spec *config.Resource, r engine.Resource, targets []api.Target) (api.Phase, string, *config.Problem) {
	switch {
	case !spec.Enabled && !r.Wanted:
		return api.PhaseDisabled, "", nil
	case spec.Kind == config.KindCompose && r.Wanted:
		return api.PhaseError, "not supported yet", &config.Problem{
			Message: "Docker Compose services cannot be brought up yet", Pos: spec.Pos,
			Hint: "run them with `docker compose up`, and leave them out here: `towline up RESOURCE…`",
		}
	case !c.state.Up || !r.Wanted:
		return api.PhaseStopped, "", nil
	case r.Working && spec.Kind == config.KindLocal:
		return api.PhaseBuilding, "running", nil
	case r.Working:
		return api.PhaseDeploying, "applying its objects", nil
	}
	for _, ref := range c.state.ImagesOf(spec.Name) {
		img := c.state.Images[ref]
		if img.Building {
			return api.PhaseBuilding, "building " + ref, nil
		}
		if img.Failed != nil {
			return api.PhaseError, "building " + ref + " failed", &img.Failed.Problem
		}
	}
	if r.Failed != nil {
		return api.PhaseError, "the last update failed", &r.Failed.Problem
	}
	for _, t := range targets {
		if t.Sync == api.SyncPending && t.Agent && r.Ready {
			return api.PhaseUpdating, "updating " + t.Pod, nil
		}
		if t.Problem != nil && t.Sync == api.SyncFailed {
			return api.PhaseError, "the last live update failed", t.Problem
		}
	}
	switch {
	case r.Applied == "":
		return api.PhasePending, waitsFor(c.state, spec), nil
	case r.Broken:
		return api.PhaseError, r.Message, &config.Problem{
			Message: r.Message, Pos: spec.Pos,
			Hint: fmt.Sprintf("`towline logs %s` shows its output and what the cluster says", spec.Name),
		}
	case !r.Ready:
		return api.PhaseStarting, r.Message, nil
	}
	return api.PhaseReady, "", nil
}

// waitsFor names the dependency that a resource waits for.
func waitsFor(s engine.State, spec *config.Resource) string {
	for _, dep := range spec.ResourceDeps {
		if d, ok := s.Resources[dep]; ok && d.Wanted && !d.WasReady {
			return "waits for " + dep
		}
	}
	if !spec.AutoInit {
		return "waits for a trigger"
	}
	return ""
}

// pending reports whether a manual resource has changes that wait.
func (c *core) pending(spec *config.Resource, r engine.Resource) bool {
	if spec.Kind == config.KindLocal {
		return r.Dirty > r.Ran
	}
	for _, ref := range spec.Images {
		for _, batch := range c.state.Images[ref].Dirty {
			sent := false
			for _, t := range c.state.Targets {
				sent = sent || t.Image == ref && t.Synced >= batch
			}
			if !sent {
				return true
			}
		}
	}
	return false
}

func (c *core) targetStatus(id engine.TargetID, t engine.Target) api.Target {
	facts := c.targets[id]
	s := api.Target{
		Namespace: id.Namespace, Pod: id.Pod, PodUID: facts.PodUID, Container: id.Container, Image: facts.Image,
		Ready: facts.Ready, Restarts: facts.Restarts, Agent: t.Agent == engine.Connected, Pid: facts.Process.PID,
		Process: processText(facts.Process), Debugging: facts.Process.Debug,
		LastSync: c.synced[id], Problem: facts.Problem,
	}
	img := c.state.Images[t.Image]
	switch {
	case len(c.state.ImageConfig(t.Image).LiveUpdate) == 0:
		s.Sync = api.SyncNone
	case t.Failed != nil:
		s.Sync, s.Problem = api.SyncFailed, &t.Failed.Problem
	case t.Agent != engine.Connected:
		s.Sync = api.SyncUnknown
	case t.Checked && engine.InSync(img, t):
		s.Sync = api.SyncInSync
	default:
		s.Sync = api.SyncPending
	}
	return s
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

func forwardStatus(f run.Forward) api.Forward {
	return api.Forward{
		Local: f.Local, Remote: f.Remote, Name: f.Spec.Name, Problem: f.Problem,
		URL: "http://" + f.Local + f.Spec.Path,
	}
}
