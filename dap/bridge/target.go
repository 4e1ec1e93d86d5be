package bridge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// absent says that the pod or the container that a person named does not exist.
// As long as no container is known they may still come.
func absent(r api.ResourceStatus, req api.DebugRequest) *config.Problem {
	if len(r.Targets) == 0 || slices.ContainsFunc(r.Targets, func(t api.Target) bool { return meant(t, req) }) {
		return nil
	}
	ofPod := func(t api.Target) bool { return req.Pod == "" || t.Pod == req.Pod }
	if !slices.ContainsFunc(r.Targets, ofPod) {
		return &config.Problem{
			Message: fmt.Sprintf("%s has no pod named %q that could be debugged", r.Name, req.Pod),
			Hint:    "there are: " + listed(r.Targets, func(t api.Target) string { return t.Pod }),
		}
	}
	return &config.Problem{
		Message: fmt.Sprintf("%s has no container named %q that could be debugged", r.Name, req.Container),
		Hint:    "there are: " + listed(r.Targets, func(t api.Target) string { return t.Container }),
	}
}

// listed returns the different names of targets.
func listed(targets []api.Target, name func(api.Target) string) string {
	var all []string
	for _, t := range targets {
		if n := name(t); !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return strings.Join(all, ", ")
}

// meant reports whether a request allows a target.
func meant(t api.Target, req api.DebugRequest) bool {
	return (req.Pod == "" || req.Pod == t.Pod) && (req.Container == "" || req.Container == t.Container)
}

// ended reports whether the process of a target ended by itself and is not
// started again.
func ended(t api.Target) bool { return t.Pid == 0 && strings.HasPrefix(t.Process, "exited") }

// chosen returns a target that the request could mean, one whose process runs
// if there is one; nil when there is none with an agent.
func chosen(r api.ResourceStatus, req api.DebugRequest) *api.Target {
	var found *api.Target
	for i, t := range r.Targets {
		if meant(t, req) && t.Agent && (found == nil || found.Pid == 0 && t.Pid != 0) {
			found = &r.Targets[i]
		}
	}
	return found
}

// running returns a process that the request could mean; the zero one when
// none runs.
func running(r api.ResourceStatus, req api.DebugRequest) process {
	if t := chosen(r, req); t != nil && t.Pid != 0 {
		return process{t.Pod, t.Container, t.Pid}
	}
	return process{}
}

// mine returns the target that is or was debugged, nil when it is gone.
func (s *session) mine(r api.ResourceStatus) *api.Target {
	for i, t := range r.Targets {
		if s.home.pod != "" && t.Pod == s.home.pod && t.Container == s.home.container && t.Agent {
			return &r.Targets[i]
		}
	}
	return nil
}

// aim is what the backend is asked for: the container that was debugged
// before, as long as it is there, though others came up meanwhile.
func (s *session) aim() api.DebugRequest {
	req := s.req
	r := s.resource()
	switch {
	case r == nil:
	case s.mine(*r) != nil:
		req.Pod, req.Container = s.home.pod, s.home.container
	case req.Container == "":
		req.Container = s.onlyKnown(*r, req)
	}
	return req
}

// onlyKnown names the container that a debugger can attach to when the others
// that are allowed run programs in languages without one; "" when that does not
// decide.
func (s *session) onlyKnown(r api.ResourceStatus, req api.DebugRequest) string {
	name, unsupported := "", false
	for _, t := range r.Targets {
		switch {
		case !meant(t, req) || t.Container == name:
		case t.Language != "" && !s.debugs(t.Language):
			unsupported = true
		case name != "":
			return ""
		default:
			name = t.Container
		}
	}
	if !unsupported {
		return ""
	}
	return name
}

// debugs reports whether there is a debugger for a language.
func (s *session) debugs(language string) bool {
	return slices.ContainsFunc(s.opts.Adapters, func(a adapter.Adapter) bool { return a.Language == language })
}

// tellOld says that the program is older than the sources that the editor shows:
// once for each time that the update fails, and when the program stops while one
// is on its way.
func (s *session) tellOld(r api.ResourceStatus) {
	t := s.mine(r)
	if t == nil || s.phase != live {
		return
	}
	stale := t.Sync == api.SyncStale || t.Sync == api.SyncFailed || r.State == api.StateStale
	coming := t.Sync == api.SyncPending && s.stopped
	switch {
	case !stale && t.Sync != api.SyncPending:
		s.old = ""
	case stale && s.old != "stale":
		s.old = "stale"
		why := "their update failed"
		if r.State == api.StateStale {
			why = r.Message
		}
		s.say("what runs is older than the sources, so that its lines may not be those that are shown: " + why)
	case coming && s.old == "":
		s.old = "coming"
		s.say("what runs is older than the sources, and an update is on its way: its lines may not be those that are shown")
	}
}

// sayTaken says what is debugged, where it could have been something else.
func (s *session) sayTaken(at api.DebugSession) {
	if at.Child != 0 {
		s.say(fmt.Sprintf("what is debugged is %s (pid %d), which the container's process (pid %d) runs", at.Program, at.Child, at.Pid))
	}
	r := s.resource()
	if r == nil || s.req.Pod != "" && s.req.Container != "" {
		return
	}
	var others []string
	for _, t := range r.Targets {
		if t.Agent && (t.Pod != at.Pod || t.Container != at.Container) && meant(t, s.req) {
			others = append(others, fmt.Sprintf("container %s of pod %s", t.Container, t.Pod))
		}
	}
	if len(others) > 0 {
		s.say(fmt.Sprintf("container %s of pod %s is debugged; \"pod\" and \"container\" in the configuration choose another: %s", at.Container, at.Pod, strings.Join(others, ", ")))
	}
}
