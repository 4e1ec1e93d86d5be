package kube

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// DeleteOptions say whether Delete waits, and whom it tells.
type DeleteOptions struct {
	// NoWait returns once the deletions are ordered, not when they are done.
	NoWait bool
	// Progress is called once per object that is gone, and every few seconds
	// for one that is not. It may be called from several goroutines. Nil is fine.
	Progress func(Progress)
}

// Delete removes the objects and all that they own (foreground), those that
// were applied last first, and waits until they are gone. Objects that are not
// there count as deleted, and so do those of a kind that the cluster does not
// know. The limit of the waiting is ctx.
func (c *Cluster) Delete(ctx context.Context, objects []map[string]any, o DeleteOptions) error {
	flat := flatten(objects)
	var all []error
	for p := range phases {
		var doomed []*deletion
		for _, object := range flat {
			if phase(gvkOf(RefOf(object)).GroupKind()) == phases-1-p {
				doomed = append(doomed, &deletion{cluster: c, object: object, report: o.Progress})
			}
		}
		// All are ordered before any is waited for: pods end beside each other.
		all = append(all, inParallel(doomed, parallelApplies, func(d *deletion) error { return d.order(ctx) })...)
		if !o.NoWait {
			all = append(all, inParallel(doomed, parallelWaits, func(d *deletion) error { return d.wait(ctx) })...)
		}
	}
	return errors.Join(all...)
}

// parallelWaits bounds the deletions that are watched at once.
const parallelWaits = 64

// inParallel calls do for each deletion, some at once.
func inParallel(all []*deletion, limit int, do func(*deletion) error) []error {
	var group errgroup.Group
	group.SetLimit(limit)
	errs := make([]error, len(all))
	for i, d := range all {
		group.Go(func() error {
			errs[i] = do(d)
			return nil
		})
	}
	_ = group.Wait() // each object's error is in errs
	return errs
}

// deletion is the removal of one object.
type deletion struct {
	cluster *Cluster
	object  map[string]any
	report  func(Progress)
	ref     Ref
	client  dynamic.ResourceInterface
	old     *unstructured.Unstructured // nil: there is nothing to wait for
}

// order asks the server for the removal.
func (d *deletion) order(ctx context.Context) error {
	d.ref = RefOf(d.object)
	u, err := copyObject(d.object)
	if err != nil {
		return &Error{Kind: Invalid, Op: "deleting", Object: d.ref.String(), Err: err}
	}
	d.client, err = d.cluster.clientFor(u)
	if meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return classify("deleting", d.ref.String(), err)
	}
	d.ref.Namespace = u.GetNamespace()
	old, err := d.client.Get(ctx, u.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		err = deleteNow(ctx, d.client, old)
	}
	if err != nil {
		return classify("deleting", d.ref.String(), err)
	}
	d.old = old
	return nil
}

// wait waits until it is gone.
func (d *deletion) wait(ctx context.Context) error {
	if d.old == nil {
		return nil
	}
	if err := waitDeleted(ctx, d.client, d.old, d.report); err != nil {
		return classify("deleting", d.ref.String(), err)
	}
	if d.report != nil {
		d.report(Progress{Object: d.ref, Action: Deleted})
	}
	return nil
}

// deleteNow orders the deletion of this very object, with all that it owns.
func deleteNow(ctx context.Context, client dynamic.ResourceInterface, old *unstructured.Unstructured) error {
	foreground := metav1.DeletePropagationForeground
	uid := old.GetUID()
	err := client.Delete(ctx, old.GetName(), metav1.DeleteOptions{
		PropagationPolicy: &foreground,
		Preconditions:     &metav1.Preconditions{UID: &uid},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // gone, or another one under its name already
	}
	return err
}

// waitDeleted waits until an object is gone and says every few seconds what
// holds it.
func waitDeleted(ctx context.Context, client dynamic.ResourceInterface, old *unstructured.Unstructured, report func(Progress)) error {
	const every = 3 * time.Second
	next := time.Now().Add(every)
	return waitFor(ctx, func() (bool, error) {
		now, err := client.Get(ctx, old.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err != nil || now.GetUID() != old.GetUID() {
			return err == nil, err
		}
		if report != nil && time.Now().After(next) {
			next = time.Now().Add(every)
			report(Progress{Object: RefOf(now.Object), Action: Waiting, Message: heldBy(now)})
		}
		return false, nil
	})
}

// heldBy says why a deleted object is still there.
func heldBy(u *unstructured.Unstructured) string {
	others := slices.DeleteFunc(u.GetFinalizers(), func(f string) bool { return f == metav1.FinalizerDeleteDependents })
	if len(others) > 0 {
		return "waiting for its finalizer " + strings.Join(others, ", ")
	}
	return "waiting for what it owns to end"
}

// Current returns the objects as the cluster holds them, those that are not
// there left out.
func (c *Cluster) Current(ctx context.Context, objects []map[string]any) ([]Applied, error) {
	flat := flatten(objects)
	found := make([]Applied, len(flat))
	var group errgroup.Group
	group.SetLimit(parallelApplies)
	for i, object := range flat {
		group.Go(func() (err error) {
			found[i], err = c.currentOne(ctx, object)
			return err
		})
	}
	err := group.Wait()
	return done(found), err
}

// currentOne reads one object; a zero Applied when it is not there.
func (c *Cluster) currentOne(ctx context.Context, object map[string]any) (Applied, error) {
	ref := RefOf(object)
	u, err := copyObject(object)
	if err != nil {
		return Applied{}, &Error{Kind: Invalid, Op: "reading", Object: ref.String(), Err: err}
	}
	client, err := c.clientFor(u)
	if meta.IsNoMatchError(err) {
		return Applied{}, nil
	}
	if err != nil {
		return Applied{}, classify("reading", ref.String(), err)
	}
	now, err := client.Get(ctx, u.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return Applied{}, nil
	}
	if err != nil {
		return Applied{}, classify("reading", ref.String(), err)
	}
	return Applied{Ref: RefOf(now.Object), Action: Unchanged, Generation: now.GetGeneration(), Content: now.Object}, nil
}

// gvkOf is a Ref's kind in apimachinery's type.
func gvkOf(r Ref) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind}
}

// EnsureNamespace creates a namespace if it is not there, and says whether it
// did. One that is being deleted is waited for first.
func (c *Cluster) EnsureNamespace(ctx context.Context, name string, labels map[string]string) (created bool, err error) {
	object := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}
	now, err := c.Current(ctx, []map[string]any{object})
	if err != nil {
		return false, err
	}
	if len(now) == 1 && !terminating(now[0].Content) {
		return false, nil
	}
	_, err = c.Apply(ctx, []map[string]any{object}, ApplyOptions{Labels: labels})
	return err == nil, err
}

// DeleteNamespace removes a namespace and waits until it is gone.
func (c *Cluster) DeleteNamespace(ctx context.Context, name string) error {
	object := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}
	return c.Delete(ctx, []map[string]any{object}, DeleteOptions{})
}

// terminating reports whether an object is being deleted.
func terminating(object map[string]any) bool {
	u := unstructured.Unstructured{Object: object}
	return u.GetDeletionTimestamp() != nil
}
