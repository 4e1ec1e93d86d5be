// Package buildpod is BuildKit in the cluster: a pod that is made when something is
// to be built, and a way to it for buildctl.
//
// The pod is privileged, for that is what running a Dockerfile's commands in
// containers needs, has no token of the cluster, and listens on nothing: each
// connection of buildctl is a command in the pod, so that whoever builds has to be
// allowed pods/exec there. Here it arrives at a socket in a folder of its owner alone,
// which exists while one build goes on. The pod carries the workspace's label, and goes
// with all else that `towline down` deletes.
package buildpod

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// Kube is the part of a cluster that is used.
type Kube interface {
	Apply(ctx context.Context, objects []map[string]any, o kube.ApplyOptions) ([]kube.Applied, error)
	Pods(ctx context.Context, namespace, selector string) ([]kube.Pod, error)
	Exec(ctx context.Context, o kube.ExecOptions) (exitCode int, err error)
}

// Options make a Keeper.
type Options struct {
	Kube        Kube
	WorkspaceID string // labels the pod
	Owner       string // for a person who finds it
	Namespace   string // where it runs unless the Tiltfile names another
}

// Keeper keeps a workspace's pod. Its methods may be called concurrently. It owns no
// goroutines beside those of the connections that Connect returned.
type Keeper struct {
	o    Options
	turn chan struct{} // one makes the pod at a time
}

// New makes a Keeper. It asks the cluster for nothing.
func New(o Options) *Keeper {
	k := &Keeper{o: o, turn: make(chan struct{}, 1)}
	k.turn <- struct{}{}
	return k
}

// Connect implements build.Remote.
func (k *Keeper) Connect(ctx context.Context, o build.RemoteOptions) (address string, end func() error, err error) {
	o.Image, o.Namespace = cmp.Or(o.Image, DefaultImage), cmp.Or(o.Namespace, k.o.Namespace)
	if o.Output == nil {
		o.Output = io.Discard
	}
	if err := k.ready(ctx, o); err != nil {
		return "", nil, err
	}
	return k.listen(ctx, o.Namespace, nameOf(k.o.WorkspaceID))
}

// patience is how long a pod may take for which nothing says that it cannot come up:
// a new node may have to start, and the image to be pulled.
const patience = 5 * time.Minute

// pause is the time between two looks at the pod.
const pause = 300 * time.Millisecond

// ready makes the pod, unless it is there as it should be, and waits until it answers.
func (k *Keeper) ready(ctx context.Context, o build.RemoteOptions) error {
	select {
	case <-k.turn:
		defer func() { k.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := k.apply(ctx, o, false); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errLate)
	defer cancel()
	said, anew := "", false
	for {
		pod, err := k.pod(ctx, o.Namespace)
		state := pod.Rollout()
		switch {
		case kube.IsKind(err, kube.Unreachable):
			said = "the cluster does not answer" // it was there a moment ago
		case err != nil:
			return late(ctx, said, err)
		case pod.Ready && !pod.Deleting:
			return nil
		case over(pod) && !anew: // evicted, or its node is gone
			anew = true
			if err := k.apply(ctx, o, true); err != nil {
				return err
			}
		case state.Failed:
			return cannot(o, pod.Name, state.Message)
		case state.Message != said:
			said = state.Message
			_, _ = fmt.Fprintf(o.Output, "waiting for BuildKit in the cluster (pod %s in namespace %s): %s\n", pod.Name, o.Namespace, said)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return late(ctx, said, ctx.Err())
		}
	}
}

// over reports whether a pod has ended for good: it is never started again.
func over(p kube.Pod) bool { return p.Phase == "Failed" || p.Phase == "Succeeded" }

// apply makes the pod, or makes it anew.
func (k *Keeper) apply(ctx context.Context, o build.RemoteOptions, anew bool) error {
	name := nameOf(k.o.WorkspaceID)
	_, err := k.o.Kube.Apply(ctx, objects(name, o.Namespace, o), kube.ApplyOptions{
		Labels: map[string]string{kube.LabelWorkspace: k.o.WorkspaceID}, Owner: k.o.Owner, Anew: anew,
		Progress: func(p kube.Progress) {
			if p.Action == kube.Created || p.Action == kube.Replaced {
				_, _ = fmt.Fprintf(o.Output, "BuildKit in the cluster: %s %s\n", p.Object, p.Action)
			}
		},
	})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	refused := cannot(o, name, err.Error())
	if kube.IsKind(err, kube.Unreachable) {
		return &build.Away{Problem: refused}
	}
	return refused
}

// pod looks at the pod. One that is not there yet is on its way.
func (k *Keeper) pod(ctx context.Context, namespace string) (kube.Pod, error) {
	name := nameOf(k.o.WorkspaceID)
	pods, err := k.o.Kube.Pods(ctx, namespace, kube.LabelWorkspace+"="+k.o.WorkspaceID)
	for _, p := range pods {
		if p.Name == name {
			return p, nil
		}
	}
	return kube.Pod{Name: name, Namespace: namespace}, err
}

// cannot says that there is no BuildKit in the cluster, and what else builds.
func cannot(o build.RemoteOptions, pod, why string) *config.Problem {
	return &config.Problem{
		Message: fmt.Sprintf("BuildKit does not run in the cluster (pod %s in namespace %s): %s", pod, o.Namespace, why),
		Hint:    "it needs a namespace in which a privileged pod may run, and an image that the cluster can pull: towline.builder('cluster', namespace=…, image=…); docker or BUILDKIT_HOST build elsewhere",
	}
}

// errLate is why the wait for the pod ends.
var errLate = fmt.Errorf("not ready after %s", patience)

// late says what was waited for in vain, or what the wait ended with.
func late(ctx context.Context, said string, err error) error {
	if context.Cause(ctx) != errLate {
		return err
	}
	return &config.Problem{
		Message: fmt.Sprintf("BuildKit in the cluster is %v: %s", errLate, cmp.Or(said, "the cluster shows no pod")),
		Hint:    "see what the cluster says of it: `kubectl describe pod -l app.kubernetes.io/name=towline-buildkit`",
	}
}
