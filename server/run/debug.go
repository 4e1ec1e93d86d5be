package run

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// Session describes a debugger's stream.
type Session struct {
	Target  engine.TargetID
	Pid     int
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
	mode := wire.DebugAttach
	if r.takeHeld(id) || launch {
		mode = wire.DebugRestart
	}
	conn, ready, err := c.Debug(ctx, wire.DebugRequest{Mode: mode})
	if err != nil {
		return nil, Session{}, fmt.Errorf("debugging container %s of pod %s: %w", id.Container, id.Pod, err)
	}
	s := Session{Target: id, Pid: ready.PID, Image: r.imageOf(id), PathMap: set.PathMap}
	if argv := c.Facts().Entrypoint; len(argv) > 0 {
		s.Program = argv[0]
	}
	return conn, s, nil
}

// debuggable chooses the container to debug.
func (r *Runner) debuggable(resource, pod, container string) (engine.TargetID, *client.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pods := r.podsOf(resource)
	for i := len(pods) - 1; i >= 0; i-- {
		if pods[i].Deleting || pod != "" && pods[i].Name != pod {
			continue
		}
		for _, c := range pods[i].Containers {
			id := engine.TargetID{Namespace: pods[i].Namespace, Pod: pods[i].Name, Container: c.Name}
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
	problem := &config.Problem{
		Message: fmt.Sprintf("nothing of %s can be debugged now: no container of it has an agent that answers", resource),
		Hint:    "bring it up with `towline up` and wait until it is ready; only containers whose image the Tiltfile builds can be debugged",
	}
	return engine.TargetID{}, nil, problem
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
