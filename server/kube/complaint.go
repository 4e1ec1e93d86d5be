package kube

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// complaints are the reasons of notices that say why a pod is not ready, where
// the pod's own status does not.
var complaints = []string{"Unhealthy", "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"}

// probeWords is how the kubelet words that a probe failed.
var probeWords = regexp.MustCompile(`(?s)^(Readiness|Liveness|Startup) probe (?:failed|errored)[^:]*:\s*(.*)$`)

// volumeWords is how it words that a volume cannot be mounted.
var volumeWords = regexp.MustCompile(`(?s)for volume "([^"]+)"\s*:\s*(.*)$`)

// neverMounts is what of it does not pass by itself.
var neverMounts = regexp.MustCompile(`^(?:configmap|secret) "[^"]*" not found|references non-existent (?:config|secret) key`)

// Complaints returns what is to be remembered of a pod when a notice about it
// comes: the last of each probe of each container, and of its volumes.
func Complaints(known []Notice, n Notice) []Notice {
	if !n.Warning || !slices.Contains(complaints, n.Reason) {
		return known
	}
	same := func(k Notice) bool {
		return k.Reason == n.Reason && k.Container == n.Container && probeOf(k) == probeOf(n)
	}
	return append(slices.DeleteFunc(slices.Clone(known), same), n)
}

// probeOf is the kind of probe that a notice is about, "" for another notice.
func probeOf(n Notice) string {
	if m := probeWords.FindStringSubmatch(n.Message); n.Reason == "Unhealthy" && m != nil {
		return m[1]
	}
	return ""
}

// complaint says which of some probes of a container fails since a moment, and
// with which words.
func (p *Pod) complaint(c *Container, since time.Time, probes ...string) (text string, said bool) {
	for _, n := range p.Said {
		if n.Container != c.Name || n.At.Before(since.Truncate(time.Second)) || !slices.Contains(probes, probeOf(n)) {
			continue
		}
		m := probeWords.FindStringSubmatch(n.Message)
		return strings.ToLower(m[1]) + " probe fails" + because(m[2]), true
	}
	return "", false
}

// lacks says what keeps the pod's containers from being made that only notices
// tell, a volume or its sandbox, "" for nothing; and whether that does not pass
// by itself.
func (p *Pod) lacks() (text string, forGood bool) {
	if slices.ContainsFunc(p.containers(), func(c *Container) bool { return c.ID != "" }) {
		return "", false // it had them once
	}
	for _, n := range p.Said {
		switch n.Reason {
		case "FailedMount", "FailedAttachVolume":
			if m := volumeWords.FindStringSubmatch(n.Message); m != nil {
				return "volume " + m[1] + " cannot be mounted" + because(m[2]), neverMounts.MatchString(m[2])
			}
			return "its volumes cannot be mounted" + because(n.Message), false
		case "FailedCreatePodSandBox":
			return "its sandbox cannot be made" + because(lastHand(n.Message)), false
		}
	}
	return "", false
}
