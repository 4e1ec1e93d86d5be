package kube

import (
	"context"
	"errors"
	"slices"
	"strings"

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

// Delete removes the objects and all that they own, those that were applied
// last first, and waits until they are gone. Objects that are not there count
// as deleted, and so do those of a kind that the cluster does not know. One
// that carries a UID is this very object; another one under its name stays.
// The limit of the waiting is ctx.
func (c *Cluster) Delete(ctx context.Context, objects []map[string]any, o DeleteOptions) error {
	flat := flatten(objects)
	var all []error
	for p := range phases {
		r := removal{cluster: c, report: o.Progress}
		for _, object := range flat {
			if phase(gvkOf(RefOf(object)).GroupKind()) == phases-1-p {
				r.doomed = append(r.doomed, &deletion{object: object})
			}
		}
		// All are ordered before any is waited for: pods end beside each other.
		r.order(ctx)
		if !o.NoWait {
			r.wait(ctx)
		}
		for _, d := range r.doomed {
			all = append(all, d.err)
		}
	}
	return errors.Join(all...)
}

// deleteNow orders the deletion of this very object, with all that it owns.
func deleteNow(ctx context.Context, client dynamic.ResourceInterface, old *unstructured.Unstructured, policy metav1.DeletionPropagation) error {
	uid := old.GetUID()
	err := client.Delete(ctx, old.GetName(), metav1.DeleteOptions{
		PropagationPolicy: &policy,
		Preconditions:     &metav1.Preconditions{UID: &uid},
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // gone, or another one under its name already
	}
	return err
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
