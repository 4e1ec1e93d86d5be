package kube

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	Replaced  Action = "replaced" // deleted and created anew, since an immutable field changed
	Deleted   Action = "deleted"
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

// parallelApplies bounds the requests that Apply has open at once.
const parallelApplies = 8

// Apply makes the cluster hold the objects, by server-side apply as field
// manager "towline", taking over fields that others set. Namespaces go first,
// then custom resource definitions, which are waited for, then all else. An
// object without a namespace goes to the Cluster's. Where an immutable field
// changed, the object is deleted and created anew, and Progress says so; a
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
	u, err := copyObject(object)
	if err != nil {
		return Applied{}, &Error{Kind: Invalid, Op: "applying", Object: ref.String(), Err: err}
	}
	client, err := c.clientFor(u)
	if err != nil {
		return Applied{}, classify("applying", ref.String(), err)
	}
	ref.Namespace = u.GetNamespace()
	dropServerFields(u)
	labels := map[string]string{LabelManagedBy: fieldManager}
	for k, v := range o.Labels {
		labels[k] = v
	}
	addLabels(u, labels)
	a := applier{cluster: c, client: client, object: u, ref: ref, report: o.Progress}
	applied, err := a.apply(ctx)
	if err != nil {
		return Applied{}, classify("applying", ref.String(), err)
	}
	a.tell(applied.Action, applied.message)
	return applied.Applied, nil
}

// applier applies one object.
type applier struct {
	cluster *Cluster
	client  dynamic.ResourceInterface
	object  *unstructured.Unstructured
	ref     Ref
	report  func(Progress)
}

// outcome is an Applied with the sentence that its report carries.
type outcome struct {
	Applied
	message string
}

// tell reports progress.
func (a *applier) tell(action Action, message string) {
	if a.report != nil {
		a.report(Progress{Object: a.ref, Action: action, Message: message})
	}
}

// apply gets the object to the server, whatever is there now.
func (a *applier) apply(ctx context.Context) (outcome, error) {
	if a.object.GetName() == "" { // generateName: server-side apply needs a name
		got, err := a.client.Create(ctx, a.object, metav1.CreateOptions{FieldManager: fieldManager})
		return a.outcome(got, Created, ""), err
	}
	before, err := a.client.Get(ctx, a.object.GetName(), metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return outcome{}, err
	}
	if err != nil {
		before = nil
	}
	if before != nil && before.GetDeletionTimestamp() != nil {
		a.tell(Waiting, "waiting until the old one is gone")
		if err := a.waitGone(ctx, before); err != nil {
			return outcome{}, err
		}
		before = nil
	}
	got, err := a.patch(ctx)
	action, message := Created, ""
	switch {
	case err != nil && before != nil && immutable(err):
		message = "deleted and created anew: " + immutableField(err) + " cannot be changed in place"
		if err := a.remove(ctx, before); err != nil {
			return outcome{}, err
		}
		action = Replaced
		got, err = a.patch(ctx)
	case before != nil && got != nil && got.GetResourceVersion() == before.GetResourceVersion():
		action = Unchanged
	case before != nil:
		action = Updated
	}
	if err != nil {
		return outcome{}, err
	}
	if a.ref.Kind == "CustomResourceDefinition" {
		if err := a.waitEstablished(ctx); err != nil {
			return outcome{}, err
		}
	}
	return a.outcome(got, action, message), nil
}

// outcome describes the server's answer.
func (a *applier) outcome(got *unstructured.Unstructured, action Action, message string) outcome {
	if got == nil {
		return outcome{}
	}
	a.ref = RefOf(got.Object)
	return outcome{message: message, Applied: Applied{Ref: a.ref, Action: action, Generation: got.GetGeneration(), Content: got.Object}}
}

// patch is one server-side apply.
//
// Server-side apply refuses a list that says the same key twice, such as an
// environment variable, which Kubernetes otherwise takes (the last one wins).
// Such an object is created or put whole.
func (a *applier) patch(ctx context.Context) (*unstructured.Unstructured, error) {
	got, err := a.client.Apply(ctx, a.object.GetName(), a.object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
	if err == nil || !strings.Contains(err.Error(), "duplicate entries for key") {
		return got, err
	}
	now, err := a.client.Get(ctx, a.object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return a.client.Create(ctx, a.object, metav1.CreateOptions{FieldManager: fieldManager})
	}
	if err != nil {
		return nil, err
	}
	return a.client.Update(ctx, over(now, a.object), metav1.UpdateOptions{FieldManager: fieldManager})
}

// over is an object to be put in another's place, with the metadata that
// others have written there.
func over(now, object *unstructured.Unstructured) *unstructured.Unstructured {
	whole := object.DeepCopy()
	whole.SetResourceVersion(now.GetResourceVersion())
	whole.SetFinalizers(now.GetFinalizers())
	whole.SetOwnerReferences(now.GetOwnerReferences())
	annotations, labels := now.GetAnnotations(), now.GetLabels()
	if annotations != nil {
		maps.Copy(annotations, object.GetAnnotations())
		whole.SetAnnotations(annotations)
	}
	if labels != nil {
		maps.Copy(labels, object.GetLabels())
		whole.SetLabels(labels)
	}
	return whole
}

// remove deletes an object and waits until it is gone.
func (a *applier) remove(ctx context.Context, old *unstructured.Unstructured) error {
	a.tell(Waiting, "an immutable field changed: deleting the old one")
	if err := deleteNow(ctx, a.client, old); err != nil {
		return err
	}
	return a.waitGone(ctx, old)
}

// waitGone waits until this very object is gone; one that was created anew
// under the same name does not count.
func (a *applier) waitGone(ctx context.Context, old *unstructured.Unstructured) error {
	return waitFor(ctx, func() (bool, error) {
		now, err := a.client.Get(ctx, old.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return err == nil && now.GetUID() != old.GetUID(), err
	})
}

// waitEstablished waits until a custom resource definition serves its kind,
// and forgets what discovery said before.
func (a *applier) waitEstablished(ctx context.Context) error {
	err := waitFor(ctx, func() (bool, error) {
		now, err := a.client.Get(ctx, a.object.GetName(), metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return conditionTrue(now.Object, "Established"), nil
	})
	a.cluster.mapper.Reset()
	return err
}

// waitFor asks again and again, ever less often, until it is true.
func waitFor(ctx context.Context, is func() (bool, error)) error {
	pause := 10 * time.Millisecond
	for {
		ok, err := is()
		if ok || err != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(pause*2, 500*time.Millisecond)
	}
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

// neverReplaced are the kinds whose deletion would lose what is not in the YAML.
var neverReplaced = []string{"PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition"}

// immutable reports whether the server refused a change only because a field
// may not change, so that a new object would do.
func immutable(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsInvalid(err) {
		return false
	}
	details := status.Status().Details
	if details == nil || slices.Contains(neverReplaced, details.Kind) {
		return false
	}
	for _, c := range details.Causes {
		if !isImmutableText(c.Message) {
			return false
		}
	}
	return len(details.Causes) > 0
}

// isImmutableText knows the API server's wordings.
func isImmutableText(message string) bool {
	for _, text := range []string{
		"field is immutable", "is immutable after", "may not change once set", "may not be changed",
		"updates to statefulset spec for fields other than", "pod updates may not change fields other than",
		"cannot change roleRef", "primary clusterIP can not be unset",
	} {
		if strings.Contains(message, text) {
			return true
		}
	}
	return false
}

// immutableField names the first field at fault.
func immutableField(err error) string {
	causes := causesOf(err)
	if len(causes) == 0 {
		return "a field"
	}
	return causes[0].Field
}

// conditionTrue looks for a status condition.
func conditionTrue(object map[string]any, name string) bool {
	conditions, _, _ := unstructured.NestedSlice(object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(c any) bool {
		m, _ := c.(map[string]any)
		return m["type"] == name && m["status"] == "True"
	})
}
