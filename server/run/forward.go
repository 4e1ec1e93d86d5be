package run

import (
	"context"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// forwarder holds the listeners of one resource. Each accepted connection is
// dialled to the newest ready pod at that moment, so that a forward outlives
// the pods behind it.
type forwarder struct {
	specs []config.PortForward
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// serveForwards opens a resource's port-forwards, or keeps them as they are.
func (r *Runner) serveForwards(res config.Resource) {
	r.mu.Lock()
	old := r.forwards[res.Name]
	if old != nil && reflect.DeepEqual(old.specs, res.PortForwards) || old == nil && len(res.PortForwards) == 0 {
		r.mu.Unlock()
		return
	}
	ctx, cancel := context.WithCancel(r.ctx)
	f := &forwarder{specs: res.PortForwards, stop: cancel}
	r.forwards[res.Name] = f
	r.mu.Unlock()
	if old != nil {
		old.stop()
		old.done.Wait()
	}
	facts := ForwardFacts{Resource: res.Name}
	for _, spec := range res.PortForwards {
		facts.Forwards = append(facts.Forwards, r.listen(ctx, f, res.Name, spec))
	}
	r.o.Sink.Facts(Facts{Forwards: &facts})
	known := slices.Clone(facts.Forwards)
	if slices.ContainsFunc(known, func(fwd Forward) bool { return fwd.Problem != "" }) {
		f.done.Add(1)
		r.spawn(func() {
			defer f.done.Done()
			r.listenAgain(ctx, f, ForwardFacts{Resource: res.Name, Forwards: known})
		})
	}
}

// listenAgain tries ports that were in use until all are open, or ctx ends.
func (r *Runner) listenAgain(ctx context.Context, f *forwarder, facts ForwardFacts) {
	for _, fwd := range facts.Forwards {
		if fwd.Problem != "" {
			r.log(facts.Resource, "towline", "error", fwd.Problem)
		}
	}
	for waits := true; waits && pause(ctx, portRetry); {
		waits = false
		for i, old := range facts.Forwards {
			if old.Problem == "" {
				continue
			}
			now := r.listen(ctx, f, facts.Resource, old.Spec)
			if now.Problem != "" {
				waits = true
				continue
			}
			facts.Forwards = slices.Clone(facts.Forwards) // the old list is in others' hands
			facts.Forwards[i] = now
			r.log(facts.Resource, "towline", "", fmt.Sprintf("port %d is free now: forwarding", now.Spec.Local))
			r.o.Sink.Facts(Facts{Forwards: &ForwardFacts{Resource: facts.Resource, Forwards: facts.Forwards}})
		}
	}
}

// portRetry is the time between attempts to listen on a port that is in use.
const portRetry = time.Second

// listen opens one forward's port on this machine.
func (r *Runner) listen(ctx context.Context, f *forwarder, resource string, spec config.PortForward) Forward {
	host := spec.Host
	if host == "" {
		host = "127.0.0.1"
	}
	fwd := Forward{Spec: spec, Local: net.JoinHostPort(host, strconv.Itoa(spec.Local)), Remote: spec.Container}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", fwd.Local)
	if err != nil {
		fwd.Problem = fmt.Sprintf("port %d: %v; it is tried again until it is free, or choose another local port in port_forwards", spec.Local, err)
		return fwd
	}
	fwd.Local = ln.Addr().String()
	if spec.Local == 0 {
		fwd.Spec.Local = ln.Addr().(*net.TCPAddr).Port
	}
	context.AfterFunc(ctx, func() { ln.Close() })
	f.done.Add(1)
	r.spawn(func() {
		defer f.done.Done()
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			r.spawn(func() { r.pipe(ctx, conn, resource, fwd.Spec) })
		}
	})
	return fwd
}

// pipe carries one connection.
func (r *Runner) pipe(ctx context.Context, local net.Conn, resource string, spec config.PortForward) {
	defer local.Close()
	remote, err := r.dialPod(ctx, resource, spec)
	if err != nil {
		r.log(resource, "towline", "warn", fmt.Sprintf("port-forward %d: %v", spec.Local, err))
		return
	}
	defer remote.Close()
	stop := context.AfterFunc(ctx, func() { local.Close(); remote.Close() })
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(remote, local)
		closeWrite(remote)
	}()
	_, _ = io.Copy(local, remote)
	local.Close()
	<-done
}

// closeWrite tells the other side that nothing follows, where it can be told.
func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// dialPod connects to a port of a resource's newest ready pod: through the
// agent, which waits out a restart of the application, or by a port-forward of
// its own.
func (r *Runner) dialPod(ctx context.Context, resource string, spec config.PortForward) (net.Conn, error) {
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
