package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// The waits between attempts to reach an agent.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// target is one container that has an agent. Its goroutine enrols a fresh key
// by exec, dials the agent, follows its events, and begins anew when the
// connection is lost, until stop.
type target struct {
	id       engine.TargetID
	instance string
	stop     context.CancelFunc
	done     chan struct{}

	mu     sync.Mutex
	client *client.Client // nil while not connected
	policy wire.Policy    // that the agent was told, or has by itself
	held   bool           // the process was stopped and waits for its debugger
	facts  TargetFacts
}

// attach starts a target's goroutine.
func (r *Runner) attach(e engine.Attach) {
	ctx, cancel := context.WithCancel(r.ctx)
	t := &target{id: e.Target, instance: e.Instance, stop: cancel, done: make(chan struct{}), policy: policyOf(config.RestartSetting{})}
	t.facts = TargetFacts{ID: e.Target, Resource: e.Resource}
	r.mu.Lock()
	old := r.targets[e.Target]
	r.targets[e.Target] = t
	r.mu.Unlock()
	if old != nil {
		old.stop()
	}
	r.spawn(func() {
		defer close(t.done)
		if old != nil {
			<-old.done
		}
		r.observe(e.Resource) // fills in what is known of the container
		r.follow(ctx, t)
	})
}

// target returns a container that has an agent, nil when it is gone.
func (r *Runner) target(id engine.TargetID) *target {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.targets[id]
}

// detach ends a target's goroutine.
func (r *Runner) detach(id engine.TargetID) {
	r.mu.Lock()
	t := r.targets[id]
	delete(r.targets, id)
	r.mu.Unlock()
	if t != nil {
		t.stop()
		r.o.Sink.Facts(Facts{Target: &TargetFacts{ID: id}})
	}
}

// follow keeps a target connected until ctx ends.
func (r *Runner) follow(ctx context.Context, t *target) {
	wait := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := r.session(ctx, t)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		t.tell(r, func(f *TargetFacts) {
			f.Problem = &config.Problem{
				Message: fmt.Sprintf("container %s of pod %s: the agent does not answer: %v", t.id.Container, t.id.Pod, err),
				Hint:    "it is tried again; `kubectl describe pod` tells whether the container runs",
			}
		})
		select {
		case <-ctx.Done():
		case <-time.After(wait):
			wait = min(2*wait, lastRetry)
		}
	}
}

// session is one connection to the agent, from enrolment to its end.
func (r *Runner) session(ctx context.Context, t *target) error {
	began := time.Now()
	c, err := r.connect(ctx, t.id)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	t.mu.Lock()
	t.client = c
	t.mu.Unlock()
	r.govern(t.id)
	t.tell(r, func(f *TargetFacts) { f.Process, f.Problem = c.Facts().Process, nil })
	r.o.Sink.Event(engine.Attached{Target: t.id, Instance: t.instance})
	err = c.Events(ctx, func(e wire.Event) error {
		t.tell(r, func(f *TargetFacts) { f.Process = e.Process })
		r.observe(t.resource())
		if e.Kind == wire.EventExited && e.Process.Exit != nil && !e.Process.Exit.Asked {
			r.log(t.resource(), "towline", "error", fmt.Sprintf("%s: the process ended: %s", t.id.Pod, e.Process.Exit))
		}
		return nil
	})
	t.mu.Lock()
	t.client = nil
	t.mu.Unlock()
	if time.Since(began) < time.Second {
		pause(ctx, time.Second) // an agent that drops everybody is not asked all the time
	}
	r.o.Sink.Event(engine.Detached{Target: t.id, Instance: t.instance})
	if err == nil {
		err = errors.New("the connection ended")
	}
	return err
}

// connect proves by exec that we may speak to the agent, and dials it.
func (r *Runner) connect(ctx context.Context, id engine.TargetID) (*client.Client, error) {
	key := client.NewKey()
	var out, errs bytes.Buffer
	code, err := r.o.Cluster.Exec(ctx, kube.ExecOptions{
		Namespace: id.Namespace, Pod: id.Pod, Container: id.Container,
		Argv:  client.EnrollCommand(id.Container, r.o.Workspace),
		Stdin: bytes.NewReader(client.EnrollInput(key)), Stdout: &out, Stderr: &errs,
	})
	if err != nil {
		return nil, fmt.Errorf("enrolling by exec: %w", err)
	}
	if code != 0 {
		return nil, fmt.Errorf("enrolling by exec: exit code %d: %s", code, strings.TrimSpace(errs.String()))
	}
	enrolled, err := client.ParseEnrolled(out.Bytes())
	if err != nil {
		return nil, err
	}
	conn, err := r.o.Cluster.Dial(ctx, id.Namespace, id.Pod, enrolled.Port)
	if err != nil {
		return nil, fmt.Errorf("forwarding the agent's port: %w", err)
	}
	return client.New(ctx, conn, key)
}

// tell changes what is known of a target and passes it on.
func (t *target) tell(r *Runner, change func(*TargetFacts)) {
	t.mu.Lock()
	t.facts.ID = t.id
	change(&t.facts)
	facts := t.facts
	t.mu.Unlock()
	r.o.Sink.Facts(Facts{Target: &facts})
}

// judge says whether the application runs: the agent outlives it, so that the
// cluster alone would not know.
func (t *target) judge() (ready, broken bool, message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.facts.Process
	switch p.State {
	case wire.StateExited, wire.StateBackoff:
		text := t.id.Pod + ": the process ended"
		if p.Exit != nil {
			text += ": " + p.Exit.String()
		}
		return false, p.Exit == nil || !p.Exit.Asked, text
	case wire.StateHeld:
		return false, false, t.id.Pod + ": the process is about to start"
	}
	return true, false, ""
}

func (t *target) resource() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.facts.Resource
}

// connected returns the agent of a target.
func (r *Runner) connected(id engine.TargetID) (*client.Client, error) {
	t := r.target(id)
	if t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.client != nil {
			return t.client, nil
		}
	}
	return nil, fmt.Errorf("container %s of pod %s: no agent is connected", id.Container, id.Pod)
}
