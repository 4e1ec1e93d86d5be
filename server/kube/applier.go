package kube

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/csaupgrade"
	"k8s.io/client-go/util/retry"
)

// applier applies one object.
type applier struct {
	cluster *Cluster
	client  dynamic.ResourceInterface
	object  *unstructured.Unstructured
	ref     Ref
	report  func(Progress)
	take    func(owner string) bool
	held    func(ctx context.Context, by Controller, object Ref) (leave bool, err error)
	anew    bool // what is there is replaced, though nothing changed
	clients bool // applied on the client's side
	recall  *Recollection
}

// definition is the kind that is in place only when the server serves what it
// defines.
const definition = "CustomResourceDefinition"

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
	if now, ok := a.recall.take(ctx, a.client, a.ref); ok && !a.anew && a.ref.Kind != definition && stands(&now, a.object) {
		return a.outcome(&now, Unchanged, ""), nil
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
	if before != nil {
		if err := a.claim(before); err != nil {
			return outcome{}, err
		}
		if left, err := a.leaves(ctx, before); err != nil || left {
			return a.outcome(before, Left, ""), err
		}
		a.keepSince(before)
		if err := a.takeOver(ctx, before); err != nil {
			return outcome{}, err
		}
	}
	if before != nil && a.anew {
		if err := a.remove(ctx, before, "it is to run once more: deleting the old one"); err != nil {
			return outcome{}, err
		}
		got, err := a.patch(ctx)
		return a.outcome(got, Replaced, "deleted and created anew, to run once more"), err
	}
	got, err := a.patch(ctx)
	action, message := Created, ""
	switch why := inert(before, got, err); {
	case why != "":
		message = "deleted and created anew: " + why
		if err := a.remove(ctx, before, why+": deleting the old one"); err != nil {
			return outcome{}, err
		}
		action = Replaced
		got, err = a.patch(ctx)
	case before != nil && got != nil && same(before, got):
		action = Unchanged
	case before != nil:
		action = Updated
	}
	if err == nil && action == Updated {
		err = a.unblock(ctx, before, got)
	}
	if err != nil {
		return outcome{}, err
	}
	if a.ref.Kind == definition {
		if err := a.waitEstablished(ctx); err != nil {
			return outcome{}, err
		}
	}
	return a.outcome(got, action, message), nil
}

// inert says why a change of an object that is there takes no effect unless it
// is replaced, "" where it does.
func inert(before, now *unstructured.Unstructured, err error) string {
	switch {
	case before == nil:
		return ""
	case err == nil:
		return stays(before, now)
	case immutable(err):
		return immutableField(err) + " cannot be changed in place"
	}
	return ""
}

// appliers are the field managers of tools that hold an object to its YAML and
// do not apply on the server's side, and of our own objects that were put whole.
var appliers = sets.New("kubectl-client-side-apply", "tilt", fieldManager)

// takeOver makes the fields ours that such a tool has set: what the YAML has
// lost since is then removed by the apply, as the tool itself would have done.
func (a *applier) takeOver(ctx context.Context, before *unstructured.Unstructured) error {
	if a.clients {
		return nil // the annotation knows what it had
	}
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		patch, err := csaupgrade.UpgradeManagedFieldsPatch(before, appliers, fieldManager)
		if err != nil || patch == nil {
			return err
		}
		_, err = a.client.Patch(ctx, before.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
		if !apierrors.IsConflict(err) {
			return err
		}
		now, getErr := a.client.Get(ctx, before.GetName(), metav1.GetOptions{})
		if getErr != nil {
			return getErr
		}
		before = now // somebody wrote it in between
		return err
	})
}

// same reports whether applying changed nothing. A controller may have written
// the status in between, which is none of ours.
func same(before, now *unstructured.Unstructured) bool {
	if before.GetResourceVersion() == now.GetResourceVersion() {
		return true
	}
	return before.GetGeneration() != 0 && before.GetGeneration() == now.GetGeneration() &&
		maps.Equal(before.GetLabels(), now.GetLabels()) && maps.Equal(before.GetAnnotations(), now.GetAnnotations())
}

// outcome describes the server's answer.
func (a *applier) outcome(got *unstructured.Unstructured, action Action, message string) outcome {
	if got == nil {
		return outcome{}
	}
	a.ref = RefOf(got.Object)
	return outcome{message: message, Applied: Applied{Ref: a.ref, Action: action, Generation: got.GetGeneration(), Content: got.Object}}
}

// claim sees whose the object is now. Another workspace's is only taken over
// if that is allowed.
func (a *applier) claim(now *unstructured.Unstructured) error {
	theirs, ours := WorkspaceOf(now.Object), a.object.GetLabels()[LabelWorkspace]
	if theirs == "" || theirs == ours || ours == "" {
		return nil
	}
	owner := now.GetAnnotations()[AnnotationOwner]
	if a.take != nil && a.take(owner) {
		a.tell(Waiting, "taken over from "+cmp.Or(owner, "another workspace"))
		return nil
	}
	if now.GetNamespace() == "" {
		labels := a.object.GetLabels()
		labels[LabelWorkspace] = theirs
		a.object.SetLabels(labels)
		annotate(a.object, AnnotationOwner, owner)
		return nil
	}
	return &Error{Kind: Taken, Op: "applying", Object: a.ref.String(), Err: fmt.Errorf("it belongs to %s", OwnerOf(now.Object))}
}

// leaves reports whether the object stays as it is, since a GitOps tool holds it and a
// person wants it so. What our own YAML marks as the tool's is ours all the same.
func (a *applier) leaves(ctx context.Context, before *unstructured.Unstructured) (bool, error) {
	by, is := ControllerOf(before.Object)
	if marked, copied := ControllerOf(a.object.Object); !is || copied && marked == by && WorkspaceOf(before.Object) != "" && !Borrowed(before.Object) {
		return false, a.keepOriginal(before)
	}
	if a.held != nil {
		if leave, err := a.held(ctx, by, RefOf(before.Object)); leave || err != nil {
			return leave && err == nil, err
		}
	}
	return false, a.keepOriginal(before)
}

// keepSince has the object say since when it is its owner's: an apply that left
// it out would take it away.
func (a *applier) keepSince(before *unstructured.Unstructured) {
	ours, since := a.object.GetLabels()[LabelWorkspace], before.GetAnnotations()[AnnotationSince]
	if WorkspaceOf(before.Object) != ours {
		since = time.Now().UTC().Format(time.RFC3339)
	}
	if ours != "" {
		annotate(a.object, AnnotationSince, since)
	}
}

// patch is one apply: on the server's side, unless the Tiltfile wants it on
// the client's or the server cannot. What has a key twice in a list is created
// or put whole there.
func (a *applier) patch(ctx context.Context) (*unstructured.Unstructured, error) {
	if a.clients {
		return a.clientSide(ctx)
	}
	got, err := a.serverSide(ctx)
	switch {
	case apierrors.IsUnsupportedMediaType(err):
		return a.clientSide(ctx)
	case !unmergeable(err):
		return got, err
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		got, err = a.put(ctx)
		return err
	})
	return got, err
}

// serverSide is one server-side apply.
func (a *applier) serverSide(ctx context.Context) (*unstructured.Unstructured, error) {
	return a.client.Apply(ctx, a.object.GetName(), a.object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
}

// put creates or replaces the object whole.
func (a *applier) put(ctx context.Context) (*unstructured.Unstructured, error) {
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
func (a *applier) remove(ctx context.Context, old *unstructured.Unstructured, why string) error {
	a.tell(Waiting, why)
	if err := deleteNow(ctx, a.client, old, metav1.DeletePropagationForeground); err != nil {
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

// discoveryDelay is how long a kind may be missing from discovery after its
// definition was established: discovery is told later, a moment on a quiet API
// server.
const discoveryDelay = 10 * time.Second

// waitEstablished waits until a custom resource definition serves its kind and
// discovery lists it, and forgets what discovery said before. What discovery
// keeps to itself is not this object's error: who applies such a kind says so.
func (a *applier) waitEstablished(ctx context.Context) error {
	err := waitFor(ctx, func() (bool, error) {
		now, err := a.client.Get(ctx, a.object.GetName(), metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return conditionTrue(now.Object, "Established"), nil
	})
	if err == nil {
		listed, cancel := context.WithTimeout(ctx, discoveryDelay)
		defer cancel()
		_ = waitFor(listed, func() (bool, error) { return a.discovered(listed), nil })
	}
	a.cluster.mapper.Reset()
	return err
}

// discovered tells whether discovery lists the kind of a custom resource
// definition in each version that it serves.
func (a *applier) discovered(ctx context.Context) bool {
	group, _, _ := unstructured.NestedString(a.object.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(a.object.Object, "spec", "names", "kind")
	versions, _, _ := unstructured.NestedSlice(a.object.Object, "spec", "versions")
	for _, v := range versions {
		version, _ := v.(map[string]any)
		if version["served"] != true {
			continue
		}
		name, _ := version["name"].(string)
		list, err := a.cluster.clientset.Discovery().ServerResourcesForGroupVersionWithContext(ctx, group+"/"+name)
		if err != nil || !slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Kind == kind }) {
			return false
		}
	}
	return true
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

// conditionTrue looks for a status condition.
func conditionTrue(object map[string]any, name string) bool {
	conditions, _, _ := unstructured.NestedSlice(object, "status", "conditions")
	return slices.ContainsFunc(conditions, func(c any) bool {
		m, _ := c.(map[string]any)
		return m["type"] == name && m["status"] == "True"
	})
}
