package run

import (
	"fmt"
	"strings"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// govern tells a target's agent how towline.restart() wants its application
// treated, or that nothing does any longer.
func (r *Runner) govern(id engine.TargetID) {
	c, err := r.connected(id)
	if err != nil {
		return // the next connection does it
	}
	set, _ := r.ours().RestartOf(r.imageOf(id).Ref)
	policy := policyOf(set)
	t := r.target(id)
	if t == nil || !t.governed(policy) {
		return
	}
	if _, err := c.SetPolicy(r.ctx, policy); err != nil && r.ctx.Err() == nil {
		r.log(r.resourceOf(id), "towline", "warn", fmt.Sprintf("%s: towline.restart() is not in force: %v", id.Pod, err))
	}
}

// governed notes the policy that a target is to have and reports whether its
// agent has another one.
func (t *target) governed(policy wire.Policy) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	had := t.policy
	t.policy = policy
	return policy != had
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
