package run

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/agents"
	"github.com/towline-dev/towline/starlark/config"
)

// Session describes a debugger's stream.
type Session struct {
	Target  engine.TargetID
	Pid     int // of the application
	Child   int // of the process that is debugged, when it is one that the application started
	Program string

	Language string
	Debugger string // who speaks on the stream; "" if the language is to tell
	Started  bool   // the process was started for the debugger
	Image    *config.Image
	PathMap  map[string]string // folders here to folders in the container, as the Tiltfile says
}

// Debug opens a debugger on the process of a resource's newest container that
// pod and container, where they are not empty, allow. With launch the process
// is restarted and stands at its first instruction.
func (r *Runner) Debug(ctx context.Context, resource, pod, container string, launch bool) (net.Conn, Session, error) {
	var set config.DebugSetting
	if p := r.configured(); p != nil {
		set = p.Settings.Ours().DebugOf(resource)
	}
	id, problem := r.debuggable(ctx, resource, pod, cmp.Or(container, set.Container))
	if problem != nil {
		return nil, Session{}, problem
	}
	conn, s, err := r.agents.Debug(ctx, id, launch)
	if err != nil {
		return nil, Session{}, err
	}
	return conn, sessionOf(id, s, set), nil
}

// sessionOf adds to what an agent says of a debugger what the Tiltfile does.
func sessionOf(id engine.TargetID, s agents.Session, set config.DebugSetting) Session {
	return Session{Target: id, Pid: s.Pid, Child: s.Child, Program: s.Program, Language: s.Language, Debugger: s.Debugger, Started: s.Started, Image: s.Image, PathMap: set.PathMap}
}

// debuggable chooses the container to debug.
func (r *Runner) debuggable(ctx context.Context, resource, pod, container string) (engine.TargetID, *config.Problem) {
	if r.composed(resource) {
		return r.debuggableService(ctx, resource, pod, container)
	}
	pods := slices.DeleteFunc(r.rollout.Pods(ctx, resource), func(p kube.Pod) bool { return p.Deleting })
	for _, p := range slices.Backward(pods) {
		if pod != "" && p.Name != pod {
			continue
		}
		for _, c := range p.Containers {
			id := engine.TargetID{Namespace: p.Namespace, Pod: p.Name, Container: c.Name}
			if (container == "" || c.Name == container) && r.agents.Connected(ctx, id) != nil {
				return id, nil
			}
		}
	}
	return engine.TargetID{}, undebuggable(resource, pods, pod, container)
}

// composed reports whether a resource is a service of Compose.
func (r *Runner) composed(resource string) bool {
	p := r.configured()
	return p != nil && slices.ContainsFunc(p.Resources, func(res config.Resource) bool { return res.Name == resource && res.Kind == config.KindCompose })
}

// debuggableService chooses the container of a Compose service to debug.
func (r *Runner) debuggableService(ctx context.Context, resource, pod, container string) (engine.TargetID, *config.Problem) {
	ids := r.compose.Targets(ctx, resource)
	for _, id := range ids {
		if (pod == "" || pod == id.Pod) && (container == "" || container == id.Container) && r.agents.Connected(ctx, id) != nil {
			return id, nil
		}
	}
	name := func(id engine.TargetID) string { return id.Pod }
	switch {
	case len(ids) == 0:
		return engine.TargetID{}, &config.Problem{
			Message: "no container of " + resource + " runs with the agent that a debugger needs",
			Hint:    "it comes with a live_update of the service's image, or by towline.agent(resource='" + resource + "'); `towline status` tells whether the service runs",
		}
	case pod != "" && !slices.ContainsFunc(ids, func(id engine.TargetID) bool { return id.Pod == pod }):
		return engine.TargetID{}, &config.Problem{
			Message: fmt.Sprintf("%s has no container named %q", resource, pod), Hint: "its containers are: " + names(ids, name),
		}
	}
	return engine.TargetID{}, &config.Problem{
		Message: fmt.Sprintf("the agent of %s does not answer now", cmp.Or(pod, ids[0].Pod)),
		Hint:    "`towline status` tells whether the container runs; it is tried again by itself",
	}
}

// undebuggable says why no container of a resource's pods can be debugged.
func undebuggable(resource string, pods []kube.Pod, pod, container string) *config.Problem {
	ofPod := func(p kube.Pod) bool { return pod == "" || p.Name == pod }
	i := slices.IndexFunc(pods, ofPod)
	switch {
	case len(pods) == 0:
		return &config.Problem{
			Message: resource + " has no pod",
			Hint:    "`towline status` tells what it waits for",
		}
	case i < 0:
		return &config.Problem{
			Message: fmt.Sprintf("%s has no pod named %q", resource, pod),
			Hint:    "its pods are: " + names(pods, func(p kube.Pod) string { return p.Name }),
		}
	case container != "" && pods[i].Container(container) == nil:
		return &config.Problem{
			Message: fmt.Sprintf("pod %s has no container named %q", pods[i].Name, container),
			Hint:    "its containers are: " + names(pods[i].Containers, func(c kube.Container) string { return c.Name }),
		}
	case pods[i].Owner.Kind == "Job" || pods[i].Owner.Kind == "CronJob":
		return &config.Problem{
			Message: fmt.Sprintf("%s is a %s: its program ends by itself and runs without the agent that a debugger needs", resource, pods[i].Owner.Kind),
			Hint:    "run the program in a Deployment or a Pod to debug it",
		}
	case pods[i].Container(inject.InstallerName) == nil:
		return &config.Problem{
			Message: "no container of " + resource + " has the agent that a debugger needs",
			Hint:    "it comes into pods that are kept running (not of a Job, and with restartPolicy Always) with an image that the Tiltfile builds",
		}
	}
	return &config.Problem{
		Message: fmt.Sprintf("the agent of %s does not answer now", cmp.Or(pod, pods[i].Name)),
		Hint:    "`towline status` tells whether the pod runs; it is tried again by itself",
	}
}

// names joins the names of a list.
func names[T any](list []T, name func(T) string) string {
	var all []string
	for _, x := range list {
		all = append(all, name(x))
	}
	return strings.Join(all, ", ")
}
