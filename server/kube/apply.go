package kube

import (
	"context"
	"errors"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// Action is what was done to an object, or is being waited for.
type Action string

// The actions.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Unchanged Action = "unchanged"
	Replaced  Action = "replaced" // deleted and created anew, since a change in place is refused or reaches nothing that runs
	Deleted   Action = "deleted"
	Left      Action = "left"    // as it is: a GitOps tool holds it, and a person wants that
	Waiting   Action = "waiting" // not done yet: Progress.Message says for what
)

// Progress reports one step of Apply or Delete.
type Progress struct {
	Object  Ref
	Action  Action
	Message string // a sentence for Replaced and Waiting, else ""
}

// ApplyOptions say how Apply marks objects and whom it tells.
type ApplyOptions struct {
	// Labels are set on every object and on the pod templates inside, next to
	// LabelManagedBy: LabelWorkspace at least. Values must be fit for labels
	// (see LabelValue).
	Labels map[string]string
	// Owner is noted on every object, for a person who finds it.
	Owner string
	// Take decides whether an object of another workspace is taken over from
	// its owner; nil: none is, and applying it fails with Taken. What lives in
	// no namespace is shared and stays its owner's.
	Take func(owner string) bool
	// Held decides, before it is written, what becomes of an object that a GitOps
	// tool holds: it stays as it is, or is written after all. Nil writes.
	Held func(ctx context.Context, by Controller, object Ref) (leave bool, err error)
	// Anew runs what ends once more: a Job or a Pod that is there, running or
	// ended, is deleted and created anew.
	Anew bool
	// ClientSide applies as `kubectl apply` does without --server-side.
	ClientSide bool
	// Recall knows what was there before; nil looks at each object.
	Recall *Recollection
	// Progress is called once per object when it is done, and in between for
	// what takes long. It may be called from several goroutines. Nil is fine.
	Progress func(Progress)
}

// Applied is an object as the API server has it now.
type Applied struct {
	Ref        Ref
	Action     Action
	Generation int64          // counts the changes of its spec
	Content    map[string]any // the server's answer; the reader's to keep
}

// runOnce are the kinds whose pods run to their end: applying what is there
// already does nothing.
var runOnce = []string{"Job", "Pod"}

// parallelApplies bounds the requests that Apply has open at once.
const parallelApplies = 8

// Apply makes the cluster hold the objects, by server-side apply as field
// manager "towline" unless the options say otherwise, taking over fields that others set. Namespaces go first,
// then custom resource definitions, which are waited for, then all else. An
// object without a namespace goes to the Cluster's. Where an immutable field
// changed, or what runs for it would go on as it was, the object is deleted and created anew, and Progress says so; a
// PersistentVolumeClaim is not, since its data would go too.
//
// The results are in the order of the objects, Lists taken apart. On an error
// (several are joined, each an *Error) the results hold those that succeeded,
// and later phases were not started.
func (c *Cluster) Apply(ctx context.Context, objects []map[string]any, o ApplyOptions) ([]Applied, error) {
	flat := flatten(objects)
	results := make([]Applied, len(flat))
	for p := range phases {
		if err := c.applyPhase(ctx, flat, results, p, o); err != nil {
			return done(results), err
		}
	}
	return done(results), nil
}

// done keeps the results that were reached.
func done(results []Applied) []Applied {
	return slices.DeleteFunc(results, func(a Applied) bool { return a.Content == nil })
}

// applyPhase applies the objects of one phase, several at once.
func (c *Cluster) applyPhase(ctx context.Context, objects []map[string]any, results []Applied, p int, o ApplyOptions) error {
	var group errgroup.Group
	group.SetLimit(parallelApplies)
	errs := make([]error, len(objects))
	for i, object := range objects {
		ref := RefOf(object)
		if phase(gvkOf(ref).GroupKind()) != p {
			continue
		}
		group.Go(func() error {
			results[i], errs[i] = c.applyOne(ctx, object, o)
			return nil
		})
	}
	_ = group.Wait() // each object's error is in errs
	return errors.Join(errs...)
}

// applyOne applies one object and reports it.
func (c *Cluster) applyOne(ctx context.Context, object map[string]any, o ApplyOptions) (Applied, error) {
	ref := RefOf(object)
	u, err := marked(object, o)
	if err != nil {
		return Applied{}, &Error{Kind: Invalid, Op: "applying", Object: ref.String(), Err: err}
	}
	client, err := c.clientFor(u)
	if err != nil {
		return Applied{}, classify("applying", ref.String(), err)
	}
	ref.Namespace = u.GetNamespace()
	a := applier{
		cluster: c, client: client, object: u, ref: ref, report: o.Progress, take: o.Take, held: o.Held,
		anew: o.Anew && slices.Contains(runOnce, ref.Kind), clients: o.ClientSide, recall: o.Recall,
	}
	applied, err := a.apply(ctx)
	if err != nil {
		return Applied{}, classify("applying", ref.String(), err)
	}
	a.tell(applied.Action, applied.message)
	return applied.Applied, nil
}

// marked is an object as it is applied: with our marks, and without what only a
// server says.
func marked(object map[string]any, o ApplyOptions) (*unstructured.Unstructured, error) {
	u, err := copyObject(object)
	if err != nil {
		return nil, err
	}
	dropServerFields(u)
	labels := maps.Clone(o.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelManagedBy] = fieldManager
	addLabels(u, labels)
	if o.Owner != "" {
		annotate(u, AnnotationOwner, o.Owner)
	}
	return u, note(u)
}

// clientFor finds the endpoint of an object's kind, and gives the object the
// Cluster's namespace if it needs one. Discovery is asked anew for a kind that
// it does not know.
func (c *Cluster) clientFor(u *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	gvk := u.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return nil, err
	}
	resource := c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		u.SetNamespace("")
		return resource, nil
	}
	if u.GetNamespace() == "" {
		u.SetNamespace(c.identity.Namespace)
	}
	return resource.Namespace(u.GetNamespace()), nil
}
