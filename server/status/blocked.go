package status

import (
	"fmt"
	"strings"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
)

// blocked tells of a workload whose pods the cluster refuses for now: nothing of
// it is wrong, and it comes up once that gives way.
func blocked(spec *config.Resource, r engine.Resource) verdict {
	wait := api.Wait{Kind: api.WaitKind(r.Blocker.Kind), Name: r.Blocker.Name}
	what, cure := blocker(wait)
	why := what + " (" + r.Message + ")"
	return verdict{state: api.StateWaiting, why: why, waits: []api.Wait{wait}, problem: &config.Problem{
		Message: why, Pos: spec.Pos, Hint: cure + "; its pods then come by themselves",
	}}
}

// blocker says what refuses pods, and what a person does about it.
func blocker(w api.Wait) (what, cure string) {
	switch w.Kind {
	case api.WaitQuota:
		return strings.TrimSpace("its pods do not fit in the quota " + w.Name),
			fmt.Sprintf("`kubectl describe resourcequota %s` shows what is used: free some of it, or let the workload ask for less, or state what the quota wants stated", w.Name)
	case api.WaitLimits:
		return "its pods ask for other resources than the namespace's LimitRange allows", "`kubectl describe limitrange` shows what is allowed: change the workload's resources or the LimitRange"
	case api.WaitWebhook:
		return "the admission webhook " + w.Name + ", which is asked about its pods, does not answer", "see whether what serves the webhook runs"
	case api.WaitAccount:
		return "the service account " + w.Name + " is not there", "create it, or deploy what makes it"
	case api.WaitNode:
		return "no node takes its pods", "make room, add what the cause names, or let the workload ask for less"
	case api.WaitStrategy:
		return "its update strategy leaves old pods until they are deleted", "delete them (`kubectl delete pod`), or let the YAML say RollingUpdate"
	case api.WaitPriority:
		return "the priority class " + w.Name + " is not there", "create it, or deploy what makes it"
	}
	return "its pods are refused", "see the cause"
}
