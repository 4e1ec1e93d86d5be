package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/retry"
)

// errTooLarge is why an object cannot be applied on the client's side that can
// be on the server's.
var errTooLarge = errors.New("it is too large for the annotation in which client-side apply keeps what was applied")

// clientSide applies as `kubectl apply` does without --server-side: what was
// applied last is kept in an annotation of the object, and a patch brings what
// has changed since and takes what is no longer said. What others have set stays.
func (a *applier) clientSide(ctx context.Context) (*unstructured.Unstructured, error) {
	object, err := noted(a.object)
	if err != nil {
		return nil, err
	}
	var got *unstructured.Unstructured
	again := func(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }
	err = retry.OnError(retry.DefaultRetry, again, func() error {
		now, err := a.client.Get(ctx, object.GetName(), metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			got, err = a.client.Create(ctx, object, metav1.CreateOptions{FieldManager: fieldManager})
		case err == nil:
			got, err = a.merge(ctx, now, object)
		}
		return err
	})
	return got, err
}

// merge patches what is there.
func (a *applier) merge(ctx context.Context, now, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if err := a.leaveServerSide(ctx, now); err != nil {
		return nil, err
	}
	kind, patch, err := threeWay([]byte(now.GetAnnotations()[corev1.LastAppliedConfigAnnotation]), object, now)
	if err != nil || string(patch) == "{}" {
		return now, err
	}
	return a.client.Patch(ctx, object.GetName(), kind, patch, metav1.PatchOptions{FieldManager: fieldManager})
}

// leaveServerSide takes from an object what was applied on the server's side
// and is no longer said, which no annotation tells of.
func (a *applier) leaveServerSide(ctx context.Context, now *unstructured.Unstructured) error {
	if now.GetAnnotations()[corev1.LastAppliedConfigAnnotation] != "" {
		return nil
	}
	for _, entry := range now.GetManagedFields() {
		if entry.Manager == fieldManager && entry.Operation == metav1.ManagedFieldsOperationApply {
			got, err := a.serverSide(ctx)
			if err == nil {
				*now = *got
			}
			if unmergeable(err) {
				return nil // it was put whole
			}
			return err
		}
	}
	return nil
}

// noted is an object with the annotation that says what was applied: the
// object as it is without one.
func noted(object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	u := object.DeepCopy()
	unstructured.RemoveNestedField(u.Object, "metadata", "annotations", corev1.LastAppliedConfigAnnotation)
	note, err := json.Marshal(u.Object)
	if err != nil {
		return nil, fmt.Errorf("encoding the object: %w", err)
	}
	if len(note) > validation.TotalAnnotationSizeLimitB {
		return nil, &Error{Kind: Invalid, Op: "applying", Object: RefOf(u.Object).String(), Err: errTooLarge}
	}
	annotate(u, corev1.LastAppliedConfigAnnotation, string(note)+"\n")
	return u, nil
}

// threeWay is the patch that brings an object from what is there to what is
// wanted, knowing what was wanted last. Lists of Kubernetes' own kinds are
// merged by their keys; those of other kinds are replaced.
func threeWay(last []byte, want, now *unstructured.Unstructured) (types.PatchType, []byte, error) {
	modified, err := json.Marshal(want.Object)
	if err != nil {
		return "", nil, fmt.Errorf("encoding the object: %w", err)
	}
	current, err := json.Marshal(now.Object)
	if err != nil {
		return "", nil, fmt.Errorf("encoding the server's object: %w", err)
	}
	typed, err := scheme.Scheme.New(want.GroupVersionKind())
	if runtime.IsNotRegisteredError(err) {
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(last, modified, current)
		return types.MergePatchType, patch, err
	}
	if err != nil {
		return "", nil, err
	}
	meta, err := strategicpatch.NewPatchMetaFromStruct(typed)
	if err != nil {
		return "", nil, err
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(last, modified, current, meta, true)
	return types.StrategicMergePatchType, patch, err
}

// unmergeable reports whether the server cannot apply an object on its side:
// a list says the same key twice, such as an environment variable, which
// Kubernetes otherwise takes (the last one wins).
func unmergeable(err error) bool {
	return err != nil && strings.Contains(err.Error(), "duplicate entries for key")
}
