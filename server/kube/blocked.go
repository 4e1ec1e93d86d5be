package kube

import (
	"regexp"
	"strings"
)

// Blocker is what keeps a controller from making a workload's pods though it
// goes on trying: they come when it gives way. The zero value is none.
type Blocker struct {
	By   BlockerKind
	Name string // of the quota, the webhook, …; "" where the cluster does not tell
}

// BlockerKind says what kind of thing refuses pods.
type BlockerKind string

// The kinds of blockers.
const (
	BlockedByQuota    BlockerKind = "quota"           // a ResourceQuota
	BlockedByLimits   BlockerKind = "limits"          // a LimitRange
	BlockedByWebhook  BlockerKind = "webhook"         // an admission webhook that does not answer
	BlockedByAccount  BlockerKind = "service account" // that is not there
	BlockedByPriority BlockerKind = "priority class"  // that is not there
	BlockedByNodes    BlockerKind = "node"            // none of them takes a pod
	BlockedByStrategy BlockerKind = "update strategy" // which leaves old pods until somebody deletes them
)

// FailedCreate is why controllers say that they could not make a pod.
const FailedCreate = "FailedCreate"

// blockers are how the API server words each kind; the first group is the name.
// What a webhook or PodSecurity denies is no blocker: they have answered.
var blockers = []struct {
	by      BlockerKind
	message *regexp.Regexp
}{
	{BlockedByQuota, regexp.MustCompile(`(?:exceeded|failed) quota: ([^\s:,]+)`)},
	{BlockedByQuota, regexp.MustCompile(`insufficient quota|status unknown for quota: ([^\s:,]+)`)},
	{BlockedByLimits, regexp.MustCompile(`(?:minimum|maximum) \S+ usage per (?:Container|Pod) is|max limit to request ratio per (?:Container|Pod) is`)},
	{BlockedByWebhook, regexp.MustCompile(`failed calling webhook "([^"]+)"`)},
	{BlockedByAccount, regexp.MustCompile(`error looking up service account [^\s:]+/([^\s:]+): `)},
	{BlockedByPriority, regexp.MustCompile(`no PriorityClass with name (\S+) was found`)},
}

// BlockerIn finds out what refused a pod from the words of a controller.
func BlockerIn(message string) Blocker {
	for _, b := range blockers {
		if m := b.message.FindStringSubmatch(message); m != nil {
			name := ""
			if len(m) > 1 {
				name = m[1]
			}
			return Blocker{By: b.by, Name: name}
		}
	}
	return Blocker{}
}

// refusal judges a workload by why its controller could not make a pod.
func refusal(message string) Rollout {
	b := BlockerIn(message)
	return Rollout{Failed: b.By == "", Blocker: b, Message: FailedCreate + ": " + strings.TrimPrefix(message, "Error creating: ")}
}

// RefusalOf judges a workload by a notice about it, if that says that a pod could
// not be made.
func RefusalOf(n Notice) (Rollout, bool) {
	if n.Reason != FailedCreate || !n.Warning {
		return Rollout{}, false
	}
	return refusal(n.Message), true
}
