package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/inject"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// Session describes a debugger's stream.
type Session struct {
	Target  engine.TargetID
	Pid     int // of the application
	Child   int // of the process that is debugged, when it is one that the application started
	Program string
	Image   *config.Image
	PathMap map[string]string // folders here to folders in the container, as the Tiltfile says
}

// Debug opens a debugger on the process of a resource's newest container that
// pod and container, where they are not empty, allow. With launch the process
// is restarted and stands at its first instruction.
func (r *Runner) Debug(ctx context.Context, resource, pod, container string, launch bool) (net.Conn, Session, error) {
	set := r.ours().DebugOf(resource)
	id, c, err := r.debuggable(resource, pod, cmp.Or(container, set.Container))
	if err != nil {
		return nil, Session{}, err
	}
	mode, held := wire.DebugAttach, r.takeHeld(id)
	if held || launch {
		mode = wire.DebugRestart
	}
	conn, ready, err := c.Debug(ctx, wire.DebugRequest{Mode: mode})
	if err != nil {
		if held {
			_, _ = c.Start(r.ctx, wire.StartOptions{}) // it waited for this debugger; one that runs is left alone
		}
		return nil, Session{}, debugError(id, err)
	}
	s := Session{Target: id, Pid: ready.PID, Child: ready.Child, Program: ready.Program, Image: r.imageOf(id), PathMap: set.PathMap}
	if argv := c.Facts().Entrypoint; s.Program == "" && len(argv) > 0 {
		s.Program = argv[0]
	}
	return conn, s, nil
}

// debugError says where a debugger could not be opened, with the agent's hint.
func debugError(id engine.TargetID, err error) error {
	var refused *wire.Error
	if !errors.As(err, &refused) {
		return fmt.Errorf("debugging container %s of pod %s: %w", id.Container, id.Pod, err)
	}
	return &config.Problem{
		Message: fmt.Sprintf("container %s of pod %s: %s", id.Container, id.Pod, refused.Message),
		Hint:    refused.Hint,
	}
}

// debuggable chooses the container to debug.
func (r *Runner) debuggable(resource, pod, container string) (engine.TargetID, *client.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pods := slices.DeleteFunc(r.podsOf(resource), func(p kube.Pod) bool { return p.Deleting })
	for _, p := range slices.Backward(pods) {
		if pod != "" && p.Name != pod {
			continue
		}
		for _, c := range p.Containers {
			id := engine.TargetID{Namespace: p.Namespace, Pod: p.Name, Container: c.Name}
			t := r.targets[id]
			if t == nil || container != "" && c.Name != container {
				continue
			}
			t.mu.Lock()
			client := t.client
			t.mu.Unlock()
			if client != nil {
				return id, client, nil
			}
		}
	}
	return engine.TargetID{}, nil, undebuggable(resource, pods, pod, container)
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
			Message: resource + " runs no image that the Tiltfile builds, so it has no agent, which a debugger needs",
			Hint:    "build its image by docker_build or custom_build",
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

// debuggerTimeout is how long a process that is restarted while somebody
// debugs it waits for the debugger to come back.
const debuggerTimeout = 5 * time.Second

// debugged reports whether a debugger is attached to a target.
func (r *Runner) debugged(id engine.TargetID) bool {
	t := r.target(id)
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.facts.Process.Debug
}

// restartDebugged stops a process that is debugged and leaves the start of the
// next one to its debugger, which comes back by Debug: so a breakpoint in what
// runs first is not missed. When it does not come, the process starts alone.
func (r *Runner) restartDebugged(c *client.Client, id engine.TargetID) error {
	t := r.target(id)
	if t == nil {
		return fmt.Errorf("container %s of pod %s is gone", id.Container, id.Pod)
	}
	t.mu.Lock()
	t.held = true
	t.mu.Unlock()
	if _, err := c.Stop(r.ctx); err != nil {
		r.takeHeld(id)
		return err
	}
	r.spawn(func() {
		if pause(r.ctx, debuggerTimeout) && r.takeHeld(id) {
			_, _ = c.Start(r.ctx, wire.StartOptions{}) // a lost agent starts it when it is found again
		}
	})
	return nil
}

// takeHeld reports whether a target's process waits for its debugger, which
// it then no longer does.
func (r *Runner) takeHeld(id engine.TargetID) bool {
	t := r.target(id)
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	held := t.held
	t.held = false
	return held
}
