package kube

import (
	"regexp"
	"strings"
)

// The components of a cluster hand a cause up through many hands, and each puts
// its own words before it. A person needs the last of them: these functions cut
// the others away, as far as they are known, and leave what they do not know.

// longest is how long a cause may be, in bytes.
const longest = 300

// because is the end of a sentence that names its cause, "" without one.
func because(cause string) string {
	cause, _, _ = strings.Cut(strings.TrimSpace(cause), "\n")
	if len(cause) > longest {
		cause = strings.ToValidUTF8(cause[:longest], "") + "…"
	}
	if cause == "" {
		return ""
	}
	return ": " + cause
}

// handed is what the runtime and the kubelet put before a cause.
var handed = regexp.MustCompile(`^(?:Back-off pulling image "[^"]*":?|ErrImagePull:|rpc error: code = \w+ desc =|` +
	`[Ff]ailed to (?:pull and unpack|pull|resolve|resolve reference|resolve image) (?:image |reference )?"[^"]*":|` +
	`failed to (?:create containerd task|create shim task|start container "[^"]*"|create containerd container|setup network for sandbox "[^"]*"):|` +
	`[Ff]ailed to create pod sandbox:|OCI runtime create failed:|runc create failed:|unable to start container process:|` +
	`error during container init:|Error response from daemon:)\s*`)

// lastHand is what the last in a chain of programs said: a registry, a runtime,
// the program's own start.
func lastHand(words string) string {
	for {
		rest := handed.ReplaceAllString(words, "")
		if rest == words {
			return strings.TrimSuffix(rest, ": unknown")
		}
		words = rest
	}
}

// inPod is how the kubelet names a container in what it says about it.
var inPod = regexp.MustCompile(` \(pod: "[^"]*", container: [^)]*\)$`)

// schedulerWords is why no node takes a pod, without what the scheduler says of
// how it tried to make room.
func schedulerWords(message string) string {
	for _, more := range []string{" no new claims to deallocate", " preemption: "} {
		message, _, _ = strings.Cut(message, more)
	}
	return strings.TrimSuffix(strings.TrimSuffix(message, "."), ",")
}
