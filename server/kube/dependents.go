package kube

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// dependents is what workloads of Kubernetes' own brought forth: ReplicaSets and
// pods. A zero one has nobody.
type dependents struct {
	root   map[types.UID]types.UID // of a workload, or of what descends from it: the workload
	ended  map[types.UID]bool      // that were asked to end
	places []place
	left   []member // that were there at the last look
}

// place is where dependents are looked for.
type place struct{ namespace, selector string }

// member is one of the dependents, a ReplicaSet or a pod.
type member struct {
	kind, namespace, name string
	uid                   types.UID
	leaving               bool
}

// owners are the kinds whose dependents name them as owner.
var owners = []string{"Deployment.apps", "ReplicaSet.apps", "StatefulSet.apps", "DaemonSet.apps", "Job.batch", "Pod"}

// dependentsOf is what the workloads among some deletions own, as far as it may be
// seen: where it may not, the cluster's garbage collector has to do alone.
func (c *Cluster) dependentsOf(ctx context.Context, doomed []*deletion) dependents {
	deps := dependents{root: map[types.UID]types.UID{}, ended: map[types.UID]bool{}}
	for _, d := range doomed {
		workspace := d.old.GetLabels()[LabelWorkspace]
		if workspace == "" || !slices.Contains(owners, gvkOf(d.ref).GroupKind().String()) {
			continue
		}
		deps.root[d.old.GetUID()] = d.old.GetUID()
		at := place{namespace: d.ref.Namespace, selector: LabelWorkspace + "=" + workspace}
		if !slices.Contains(deps.places, at) {
			deps.places = append(deps.places, at)
		}
	}
	if err := deps.find(ctx, c); err != nil {
		return dependents{}
	}
	return deps
}

// has reports whether an object is the root of one.
func (deps *dependents) has(uid types.UID) bool { return deps.root[uid] == uid && uid != "" }

// find looks for the members that are there.
func (deps *dependents) find(ctx context.Context, c *Cluster) error {
	deps.left = nil
	for _, at := range deps.places {
		options := metav1.ListOptions{LabelSelector: at.selector}
		sets, err := c.clientset.AppsV1().ReplicaSets(at.namespace).List(ctx, options)
		if err != nil {
			return err
		}
		for i := range sets.Items {
			deps.take("ReplicaSet", &sets.Items[i].ObjectMeta)
		}
		pods, err := c.clientset.CoreV1().Pods(at.namespace).List(ctx, options)
		if err != nil {
			return err
		}
		for i := range pods.Items {
			deps.take("Pod", &pods.Items[i].ObjectMeta)
		}
	}
	return nil
}

// take notes an object that a member, or a root, owns.
func (deps *dependents) take(kind string, m *metav1.ObjectMeta) {
	for _, owner := range m.OwnerReferences {
		if root, ours := deps.root[owner.UID]; ours {
			deps.root[m.UID] = root
			deps.left = append(deps.left, member{kind: kind, namespace: m.Namespace, name: m.Name, uid: m.UID, leaving: m.DeletionTimestamp != nil})
			return
		}
	}
}

// look finds the members anew, deletes those that came since, and says for each
// root which of them is there still.
func (deps *dependents) look(ctx context.Context, c *Cluster) (map[types.UID]string, error) {
	if err := deps.find(ctx, c); err != nil {
		return nil, err
	}
	deps.end(ctx, c)
	held := map[types.UID]string{}
	for _, m := range deps.left {
		held[deps.root[m.uid]] = m.kind + " " + m.name
	}
	return held, nil
}

// end deletes the members of which that was not asked before. What may not be
// deleted is left to the garbage collector.
func (deps *dependents) end(ctx context.Context, c *Cluster) {
	for _, kind := range []string{"ReplicaSet", "Pod"} { // else a ReplicaSet would replace its pods
		var group errgroup.Group
		group.SetLimit(parallelDeletes)
		for _, m := range deps.left {
			if m.kind != kind || m.leaving || deps.ended[m.uid] {
				continue
			}
			deps.ended[m.uid] = true
			group.Go(func() error { return c.end(ctx, m) })
		}
		_ = group.Wait() // see above
	}
}

func (c *Cluster) end(ctx context.Context, m member) error {
	background := metav1.DeletePropagationBackground
	options := metav1.DeleteOptions{PropagationPolicy: &background, Preconditions: &metav1.Preconditions{UID: &m.uid}}
	if m.kind == "Pod" {
		return c.clientset.CoreV1().Pods(m.namespace).Delete(ctx, m.name, options)
	}
	return c.clientset.AppsV1().ReplicaSets(m.namespace).Delete(ctx, m.name, options)
}
