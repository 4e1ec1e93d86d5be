package run

import (
	"context"
	"fmt"
	"net"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// DialPod connects to a port of a resource's newest ready pod: through the
// agent, which waits out a restart of the application, or by a port-forward of
// its own.
func (r *Runner) DialPod(ctx context.Context, resource string, spec config.PortForward) (net.Conn, error) {
	r.mu.Lock()
	pods := r.podsOf(resource)
	var best *kube.Pod
	for i := range pods {
		if p := &pods[i]; !p.Deleting && p.Phase == "Running" && (best == nil || p.Ready || !best.Ready) {
			best = p
		}
	}
	var agent *target
	if best != nil {
		for id, t := range r.targets {
			if id.Pod == best.Name && id.Namespace == best.Namespace {
				agent = t
			}
		}
	}
	r.mu.Unlock()
	if best == nil {
		return nil, fmt.Errorf("no pod of %s runs", resource)
	}
	port := containerPort(spec, best)
	if agent != nil {
		agent.mu.Lock()
		c := agent.client
		agent.mu.Unlock()
		if c != nil {
			return c.Dial(ctx, port)
		}
	}
	return r.o.Cluster.Dial(ctx, best.Namespace, best.Name, port)
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
