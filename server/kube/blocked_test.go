package kube

import "testing"

// TestBlockers reads what API servers say when a pod is refused: what may give
// way without a change of the workload, and what will not.
func TestBlockers(t *testing.T) {
	for message, want := range map[string]Blocker{
		`pods "w-1" is forbidden: exceeded quota: tight, requested: limits.cpu=1, used: limits.cpu=0, limited: limits.cpu=0`:                                             {BlockedByQuota, "tight"},
		`pods "w-1" is forbidden: failed quota: tight.2: must specify limits.cpu for: c; limits.memory for: c`:                                                           {BlockedByQuota, "tight.2"},
		`pods "w-1" is forbidden: status unknown for quota: new, resources: pods`:                                                                                        {BlockedByQuota, "new"},
		`Error creating: pods "w-1" is forbidden: minimum cpu usage per Container is 50m, but request is 10m`:                                                            {BlockedByLimits, ""},
		`create Pod db-0 in StatefulSet db failed error: pods "db-0" is forbidden: [maximum memory usage per Pod is 1Gi, but limit is 2Gi, x]`:                           {BlockedByLimits, ""},
		`pods "w-1" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000`:                                                     {BlockedByLimits, ""},
		`Internal error occurred: failed calling webhook "inject.example.com": failed to call webhook: Post "https://x.y.svc:443/": dial tcp 10.0.0.1: connect: refused`: {BlockedByWebhook, "inject.example.com"},
		`pods "w-" is forbidden: error looking up service account team/robot: serviceaccount "robot" not found`:                                                          {BlockedByAccount, "robot"},
		`pods "w-" is forbidden: no PriorityClass with name high was found`:                                                                                              {BlockedByPriority, "high"},
		`admission webhook "policy.example.com" denied the request: no label team`:                                                                                       {},
		`pods "w-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true`:                                                                        {},
		`Pod "w-1" is invalid: spec.containers[0].resources: Invalid value`:                                                                                              {},
	} {
		if got := BlockerIn(message); got != want {
			t.Errorf("%s: %+v, want %+v", message, got, want)
		}
	}
}
