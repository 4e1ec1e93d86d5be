package kube

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// The reasons of the kubelet that are told apart.
const (
	reasonCrashLoop = "CrashLoopBackOff"
	reasonOOM       = "OOMKilled"
	reasonDone      = "Completed"
)

// overLimit is said of a container that used too much memory.
const overLimit = "was killed: it used more memory than its limit"

// noImage, noStart and noContainer are the waiting reasons that do not pass by
// themselves, or not soon. The kubelet goes back and forth between those of one
// kind while it tries, so that none of them is named to a person.
var (
	noImage     = []string{"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"}
	noContainer = []string{"CreateContainerConfigError", "CreateContainerError"}
	noStart     = []string{"RunContainerError", "StartError", "ContainerCannotRun"}
)

// crashesEnough is how often a container starts anew before that counts as a
// failure: one that waits for another in this way comes up before.
const crashesEnough = 3

// Stuck reports whether a pod waits for what does not come by itself: an image
// that cannot be had, settings that are wrong or missing, a program that crashes
// again and again.
func (p *Pod) Stuck() bool {
	_, forGood := p.lacks()
	return forGood || slices.ContainsFunc(p.containers(), (*Container).stuck)
}

// containers are all of the pod's, in the order in which they start.
func (p *Pod) containers() []*Container {
	var all []*Container
	for _, list := range [][]Container{p.InitContainers, p.Containers} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return all
}

func (c *Container) stuck() bool {
	switch {
	case c.State == ContainerTerminated:
		return c.ExitCode != 0 && c.RestartCount > 0 && c.RestartCount >= c.patience()
	case c.State != ContainerWaiting:
		return false
	case c.Reason == reasonCrashLoop:
		return c.RestartCount >= c.patience()
	}
	return slices.Contains(slices.Concat(noImage, noContainer, noStart), c.Reason)
}

// patience is how often a container starts anew before that counts as a failure.
// One that cannot be started at all, uses too much memory or ends with success
// waits for nobody.
func (c *Container) patience() int {
	switch {
	case slices.Contains(noStart, c.Last.Reason):
		return 0
	case c.Last.Reason == reasonOOM, c.Last.Reason == reasonDone:
		return 1
	}
	return crashesEnough
}

// Rollout sums a pod up like a workload: ready, failed, or why not yet.
func (p *Pod) Rollout() Rollout {
	switch {
	case p.Deleting:
		return Rollout{Message: "pod is ending"}
	case p.Phase == string(corev1.PodSucceeded):
		return Rollout{Ready: true, Succeeded: true, Message: "pod has completed"}
	case p.Phase == string(corev1.PodFailed) && p.Reason != "":
		return Rollout{Failed: true, Message: strings.TrimSuffix(p.Reason+": "+p.Message, ": ")}
	}
	for _, c := range p.containers() {
		if message := p.failure(c); message != "" {
			return Rollout{Failed: true, Message: p.name(c) + " " + message}
		}
	}
	switch {
	case p.Phase == string(corev1.PodFailed):
		return Rollout{Failed: true, Message: "pod has failed"}
	case p.Ready:
		return Rollout{Ready: true, Message: "pod is ready"}
	case p.Reason == corev1.PodReasonUnschedulable:
		return Rollout{Blocker: Blocker{By: BlockedByNodes}, Message: "pod cannot be scheduled: " + schedulerWords(p.Message)}
	}
	return Rollout{Message: p.pending()}
}

// name is a container as a sentence begins with it.
func (p *Pod) name(c *Container) string {
	if slices.ContainsFunc(p.InitContainers, func(i Container) bool { return i.Name == c.Name }) {
		return "init container " + c.Name
	}
	return "container " + c.Name
}

// failure says why a container does not work, "" when it does or may still.
func (p *Pod) failure(c *Container) string {
	switch {
	case c.State == ContainerWaiting && c.Reason == reasonCrashLoop:
		return p.crashes(c)
	case c.State == ContainerWaiting && slices.Contains(noImage, c.Reason):
		return fmt.Sprintf("has no image: %s cannot be pulled%s", c.Image, because(strings.TrimPrefix(lastHand(c.Message), c.Image+": ")))
	case c.State == ContainerWaiting && slices.Contains(noContainer, c.Reason):
		return "cannot be created" + because(lastHand(inPod.ReplaceAllString(c.Message, "")))
	case c.State == ContainerWaiting && slices.Contains(noStart, c.Reason),
		c.State == ContainerTerminated && slices.Contains(noStart, c.Reason):
		return "cannot be started" + because(lastHand(c.Message))
	case c.State == ContainerTerminated && c.Reason == reasonOOM:
		return overLimit
	case c.State == ContainerTerminated && c.stuck():
		return fmt.Sprintf("crashes again and again (exit code %d)", c.ExitCode)
	case c.State == ContainerTerminated && c.ExitCode != 0:
		return fmt.Sprintf("exited with code %d", c.ExitCode)
	}
	return ""
}

// crashes says why a container is started again and again. How often is not part
// of the sentence: it would be told anew with each start.
func (p *Pod) crashes(c *Container) string {
	killed, byProbe := p.complaint(c, c.Last.StartedAt, "Liveness", "Startup")
	switch {
	case slices.Contains(noStart, c.Last.Reason):
		return "cannot be started" + because(lastHand(c.Last.Message))
	case c.Last.Reason == reasonOOM:
		return overLimit
	case byProbe:
		return "is started again and again, since its " + killed
	case c.Last.Reason == reasonDone:
		return "ends again and again (exit code 0)"
	}
	return fmt.Sprintf("crashes again and again (exit code %d)", c.ExitCode)
}

// pending says what a pod is waiting for.
func (p *Pod) pending() string {
	if p.Node == "" {
		return "waiting to be scheduled"
	}
	if lacks, _ := p.lacks(); lacks != "" {
		return lacks
	}
	for _, c := range p.InitContainers {
		if c.State == ContainerRunning && !c.Ready {
			return "init container " + c.Name + " is running"
		}
	}
	for i := range p.Containers {
		switch c := &p.Containers[i]; {
		case c.State == ContainerWaiting && c.Reason != "":
			return fmt.Sprintf("container %s: %s", c.Name, c.Reason)
		case c.State == ContainerRunning && !c.Ready:
			if fails, said := p.complaint(c, c.StartedAt, "Readiness", "Startup"); said {
				return fmt.Sprintf("container %s runs, but its %s", c.Name, fails)
			}
			return fmt.Sprintf("container %s runs but is not ready", c.Name)
		}
	}
	return "waiting for the containers"
}
