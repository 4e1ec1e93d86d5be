package agents

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/inbox"
	"github.com/towline-dev/towline/starlark/config"
)

// The waits between attempts to reach an agent. One that drops everybody is
// not asked more often than once in shortSession.
const (
	firstRetry   = 50 * time.Millisecond
	lastRetry    = 5 * time.Second
	shortSession = time.Second
)

// follow keeps a target connected until ctx ends.
func (a *Agents) follow(ctx context.Context, t *target) {
	wait := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := a.connection(ctx, t)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > lastRetry {
			wait = firstRetry
		}
		a.update(t, func(t *target) {
			t.status.Problem, t.status.Refused = unreached(t.Target, err), kube.IsKind(err, kube.Forbidden)
		})
		if pause(ctx, wait) {
			wait = min(2*wait, lastRetry)
		}
	}
}

// unreached says why an agent does not answer, and which right is missing.
func unreached(id engine.TargetID, err error) *config.Problem {
	p := &config.Problem{
		Message: fmt.Sprintf("%s: the agent does not answer: %v", id, err),
		Hint:    "it is tried again; `kubectl describe pod` tells whether the container runs",
	}
	if id.Composed() {
		p.Hint = "it is tried again; `docker inspect " + id.Pod + "` tells whether the container runs"
	}
	if kube.IsKind(err, kube.Forbidden) {
		p.Message = fmt.Sprintf("%s: the agent may not be reached: %v", id, err)
		p.Hint = fmt.Sprintf("live updates need the rights to create pods/exec and pods/portforward in namespace %s; `kubectl auth can-i --list -n %s` shows yours", id.Namespace, id.Namespace)
	}
	return p
}

// connection is one connection to the agent, from enrolment to its end.
func (a *Agents) connection(ctx context.Context, t *target) error {
	began := time.Now()
	c, err := a.o.Connect(ctx, t.Target)
	if err != nil {
		return err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	facts := c.Facts()
	due := inbox.Ask(ctx, a.box, func(_ context.Context, s *state) *wire.Policy {
		t.agent = c
		t.status.Process, t.status.Problem, t.status.Refused = facts.Process, nil, false
		if _, policy, due := s.policy(t); due {
			return &policy
		}
		return nil
	})
	if due != nil {
		a.setPolicy(ctx, t, c, *due)
	}
	a.update(t, func(*target) {})
	a.o.Tell(engine.Attached{Target: t.Target, Instance: t.Instance})
	err = c.Events(ctx, func(e wire.Event) error {
		a.processed(t, e.Process)
		if e.Kind == wire.EventExited && e.Process.Exit != nil && !e.Process.Exit.Asked {
			a.o.Log.Say(t.Resource, "error", fmt.Sprintf("%s: the process ended: %s", t.Target.Pod, e.Process.Exit))
		}
		return nil
	})
	inbox.Ask(ctx, a.box, func(context.Context, *state) bool { t.agent = nil; return true })
	if time.Since(began) < shortSession {
		pause(ctx, shortSession)
	}
	a.o.Tell(engine.Detached{Target: t.Target, Instance: t.Instance})
	if err == nil {
		err = errors.New("the connection ended")
	}
	return err
}

// policy notes the policy that a target's agent is to have, and returns it
// where the agent has another one.
func (s *state) policy(t *target) (c Starter, policy wire.Policy, due bool) {
	if t.agent == nil {
		return nil, policy, false // the next connection does it
	}
	set, _ := s.set.RestartOf(t.Image)
	policy = policyOf(set)
	due = policy != t.policy
	t.policy = policy
	return t.agent, policy, due
}

// setPolicy tells an agent how towline.restart() wants its application
// treated, or that nothing does any longer.
func (a *Agents) setPolicy(ctx context.Context, t *target, c Starter, policy wire.Policy) {
	if _, err := c.SetPolicy(ctx, policy); err != nil && ctx.Err() == nil {
		a.o.Log.Say(t.Resource, "warn", fmt.Sprintf("%s: towline.restart() is not in force: %v", t.Target.Pod, err))
	}
}

// policyOf turns a setting into the agent's words. Without a setting all is as
// a new agent has it, with the signal that the image names.
func policyOf(set config.RestartSetting) wire.Policy {
	p := wire.DefaultPolicy()
	p.StopSignal = ""
	switch set.Policy {
	case "step", "on_change": // and not when it has ended by itself, unless that was a failure
		p.Restart = wire.RestartOnFailure
	case "never":
		p.Restart = wire.RestartNever
	}
	if set.Signal != "" {
		p.StopSignal = "SIG" + strings.TrimPrefix(strings.ToUpper(set.Signal), "SIG")
	}
	if set.Grace > 0 {
		p.GraceMS = set.Grace.Milliseconds()
	}
	return p
}
