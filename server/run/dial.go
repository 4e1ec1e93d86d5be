package run

import (
	"cmp"
	"context"
	"net"
	"slices"
	"time"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// DialPod connects to a port of the pod that is debugged, else of a resource's
// newest ready pod: through an agent, which waits out a restart of the application, or by a port-forward of
// its own.
func (r *Runner) DialPod(ctx context.Context, resource string, spec config.PortForward) (net.Conn, error) {
	if r.composed(resource) {
		return r.dialService(ctx, resource, spec)
	}
	pod := r.bestPod(ctx, resource)
	if pod == nil {
		return nil, &config.Problem{Message: "no pod of " + resource + " runs", Hint: "`towline status " + resource + "` shows what it waits for"}
	}
	port := containerPort(spec, pod)
	for _, c := range pod.Containers {
		if agent := r.agents.Connected(ctx, engine.TargetID{Namespace: pod.Namespace, Pod: pod.Name, Container: c.Name}); agent != nil {
			return agent.Dial(ctx, port)
		}
	}
	return r.o.Cluster.Dial(ctx, pod.Namespace, pod.Name, port)
}

// dialService is DialPod of a Compose service: through an agent alone, published or
// not.
func (r *Runner) dialService(ctx context.Context, resource string, spec config.PortForward) (net.Conn, error) {
	for _, id := range r.compose.Targets(ctx, resource) {
		if agent := r.agents.Connected(ctx, id); agent != nil {
			return agent.Dial(ctx, cmp.Or(spec.Container, spec.Local))
		}
	}
	return nil, &config.Problem{Message: "no container of " + resource + " runs with an agent, through which its ports are reached", Hint: "publish the port in the Compose file"}
}

// ComingUp reports whether a resource's pod is not there yet, not ready, or has
// only just begun to run: without a probe a program is ready before it listens.
func (r *Runner) ComingUp(ctx context.Context, resource string) bool {
	pod := r.bestPod(ctx, resource)
	return pod == nil || !pod.Ready || slices.ContainsFunc(pod.Containers, func(c kube.Container) bool {
		return time.Since(c.StartedAt) < youth
	})
}

// youth is how long a program may take until it listens, where no probe tells.
const youth = 10 * time.Second

func (r *Runner) bestPod(ctx context.Context, resource string) *kube.Pod {
	return bestPod(r.rollout.Pods(ctx, resource), func(p *kube.Pod) bool {
		return slices.ContainsFunc(p.Containers, func(c kube.Container) bool {
			return r.agents.Debugged(ctx, engine.TargetID{Namespace: p.Namespace, Pod: p.Name, Container: c.Name})
		})
	})
}

// bestPod chooses the newest pod that is debugged, or else is ready, or else
// runs. A program that stands at a breakpoint is not ready, but it is the one
// that the person wants to reach. The pods are in the order of their age.
func bestPod(pods []kube.Pod, debugged func(*kube.Pod) bool) (best *kube.Pod) {
	rank := func(p *kube.Pod) int {
		switch {
		case debugged(p):
			return 2
		case p.Ready:
			return 1
		}
		return 0
	}
	for i := range pods {
		if p := &pods[i]; !p.Deleting && p.Phase == "Running" && (best == nil || rank(p) >= rank(best)) {
			best = p
		}
	}
	return best
}

// containerPort chooses the port as Tilt does: the one that is named, else an
// exposed one of the same number, else the first exposed one, else the same
// number.
func containerPort(spec config.PortForward, p *kube.Pod) int {
	if spec.Container != 0 {
		return spec.Container
	}
	first := 0
	for _, c := range p.Containers {
		for _, port := range c.Ports {
			if port == spec.Local {
				return port
			}
			if first == 0 {
				first = port
			}
		}
	}
	if first != 0 {
		return first
	}
	return spec.Local
}
