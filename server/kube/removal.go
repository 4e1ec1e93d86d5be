package kube

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// removal deletes the objects of one phase.
//
// Kubernetes' garbage collector deletes what an object owns one by one, at a
// few dozen requests a second for the whole cluster: three hundred Deployments
// took over a minute. So it is only left what nobody else knows. Kinds that own
// nothing of their own go at once; of the workloads of Kubernetes the
// ReplicaSets and pods are deleted here, all at the same time; for any other
// kind the collector is waited for.
type removal struct {
	cluster    *Cluster
	report     func(Progress)
	doomed     []*deletion
	dependents dependents
	silence    silence
}

// silence is a time without answers of the server, which may pass.
type silence struct {
	mu    sync.Mutex
	since time.Time // of the first that was missing; zero: all came
	now   bool      // one was missing in this look
}

// patience is how long a server may be silent. It is restarted within that.
const patience = 15 * time.Second

// bridges reports whether an error is waited out: nothing follows from it.
func (s *silence) bridges(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !Passing(err) {
		return false
	}
	if s.now = true; s.since.IsZero() {
		s.since = time.Now()
	}
	return time.Since(s.since) < patience
}

// looked ends a look: where all was answered, the silence is over.
func (s *silence) looked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.now {
		s.since = time.Time{}
	}
	s.now = false
}

// deletion is the removal of one object. One goroutine at a time has it.
type deletion struct {
	object map[string]any
	ref    Ref
	client dynamic.ResourceInterface
	old    *unstructured.Unstructured // nil: there is nothing to wait for
	held   string                     // what is being waited for
	err    error
}

// here reports whether the object may still be there.
func (d *deletion) here() bool { return d.old != nil && d.err == nil }

// parallelDeletes bounds the requests that a removal has open at once.
const parallelDeletes = 24

// each calls do for some deletions, several at once, and notes their errors.
func each(all []*deletion, do func(*deletion) error) {
	var group errgroup.Group
	group.SetLimit(parallelDeletes)
	for _, d := range all {
		group.Go(func() error {
			if err := do(d); err != nil {
				d.err = classify("deleting", d.ref.String(), err)
			}
			return nil
		})
	}
	_ = group.Wait() // each object's error is its own
}

// order asks the server for all of it.
func (r *removal) order(ctx context.Context) {
	each(r.doomed, func(d *deletion) error { return d.find(ctx, r.cluster) })
	r.dependents = r.cluster.dependentsOf(ctx, r.left())
	each(r.left(), func(d *deletion) error { return deleteNow(ctx, d.client, d.old, r.policy(d)) })
	r.dependents.end(ctx, r.cluster)
}

// left are the objects that may still be there.
func (r *removal) left() []*deletion {
	return slices.DeleteFunc(slices.Clone(r.doomed), func(d *deletion) bool { return !d.here() })
}

// policy says who deletes what an object owns, and whether it stays until then.
func (r *removal) policy(d *deletion) metav1.DeletionPropagation {
	if slices.Contains(childless, gvkOf(d.ref).GroupKind().String()) || r.dependents.has(d.old.GetUID()) {
		return metav1.DeletePropagationBackground
	}
	return metav1.DeletePropagationForeground
}

// childless are kinds of which nothing depends that outlives them for long.
var childless = []string{
	"ConfigMap", "Secret", "Service", "ServiceAccount", "PersistentVolumeClaim", "PersistentVolume", "LimitRange", "ResourceQuota", "Namespace",
	"Role.rbac.authorization.k8s.io", "RoleBinding.rbac.authorization.k8s.io",
	"ClusterRole.rbac.authorization.k8s.io", "ClusterRoleBinding.rbac.authorization.k8s.io",
	"Ingress.networking.k8s.io", "NetworkPolicy.networking.k8s.io", "IngressClass.networking.k8s.io",
	"PodDisruptionBudget.policy", "HorizontalPodAutoscaler.autoscaling", "PriorityClass.scheduling.k8s.io", "StorageClass.storage.k8s.io",
}

// find looks the object up, unless it is known which one is meant.
func (d *deletion) find(ctx context.Context, c *Cluster) error {
	d.ref = RefOf(d.object)
	u, err := copyObject(d.object)
	if err != nil {
		return &Error{Kind: Invalid, Op: "deleting", Object: d.ref.String(), Err: err}
	}
	d.client, err = c.clientFor(u)
	if meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return err
	}
	d.ref.Namespace = u.GetNamespace()
	if u.GetUID() != "" {
		d.old = u
		return nil
	}
	old, err := d.client.Get(ctx, u.GetName(), metav1.GetOptions{})
	if err == nil {
		d.old = old
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// wait waits until all is gone.
func (r *removal) wait(ctx context.Context) {
	const every = 3 * time.Second
	next := time.Now().Add(every)
	err := waitFor(ctx, func() (bool, error) {
		r.look(ctx)
		left := r.left()
		if len(left) > 0 && time.Now().After(next) {
			next = time.Now().Add(every)
			for _, d := range left {
				r.tell(d, Waiting, d.held)
			}
		}
		return len(left) == 0, nil
	})
	for _, d := range r.left() {
		d.err = classify("deleting", d.ref.String(), err)
	}
}

func (r *removal) tell(d *deletion, action Action, message string) {
	if r.report != nil {
		r.report(Progress{Object: d.ref, Action: action, Message: message})
	}
}

// look sees which are gone, with all that they own.
func (r *removal) look(ctx context.Context) {
	left := r.left()
	there := r.present(ctx, left)
	held, err := r.dependents.look(ctx, r.cluster)
	defer r.silence.looked()
	for _, d := range left {
		uid := d.old.GetUID()
		now := there[uid]
		unseen := err != nil && r.dependents.has(uid)
		if failed := classify("deleting", d.ref.String(), err); unseen && !r.silence.bridges(failed) {
			d.err = failed
		}
		switch {
		case d.err != nil:
		case now != nil:
			d.held = heldBy(now)
		case held[uid] != "":
			d.held = "waiting for " + held[uid] + " to end"
		case unseen:
			d.held = "waiting for the cluster to answer"
		default:
			d.old = nil
			r.tell(d, Deleted, "")
		}
	}
}

// fewObjects are asked for one by one, more by a list.
const fewObjects = 4

// present returns those that are still there, by UID.
func (r *removal) present(ctx context.Context, left []*deletion) map[types.UID]*unstructured.Unstructured {
	type place struct{ group, kind, namespace string }
	places := map[place][]*deletion{}
	for _, d := range left {
		at := place{d.ref.Group, d.ref.Kind, d.ref.Namespace}
		places[at] = append(places[at], d)
	}
	var mu sync.Mutex
	there := map[types.UID]*unstructured.Unstructured{}
	see := func(u *unstructured.Unstructured) {
		mu.Lock()
		defer mu.Unlock()
		there[u.GetUID()] = u
	}
	var group errgroup.Group
	group.SetLimit(parallelApplies)
	for _, some := range places {
		group.Go(func() error {
			if len(some) <= fewObjects || !listed(ctx, some, see) {
				each(some, func(d *deletion) error { return r.get(ctx, d, see) })
			}
			return nil
		})
	}
	_ = group.Wait() // each object's error is its own
	return there
}

// listed tells which objects of one kind and namespace are there; false when
// they cannot be listed.
func listed(ctx context.Context, some []*deletion, see func(*unstructured.Unstructured)) bool {
	selector, ok := selectorOf(some)
	if !ok {
		return false
	}
	list, err := some[0].client.List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return false
	}
	for i := range list.Items {
		see(&list.Items[i])
	}
	return true
}

// selectorOf is the workspace's label, if all of them carry it.
func selectorOf(some []*deletion) (string, bool) {
	workspace := some[0].old.GetLabels()[LabelWorkspace]
	return LabelWorkspace + "=" + workspace, workspace != "" && !slices.ContainsFunc(some, func(d *deletion) bool {
		return d.old.GetLabels()[LabelWorkspace] != workspace
	})
}

// get tells whether one object is there.
func (r *removal) get(ctx context.Context, d *deletion, see func(*unstructured.Unstructured)) error {
	now, err := d.client.Get(ctx, d.old.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	switch {
	case err == nil:
		see(now)
	case r.silence.bridges(classify("looking for", d.ref.String(), err)):
		see(d.old) // nobody can tell now: it is asked again
		return nil
	}
	return err
}
