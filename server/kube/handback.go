package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"
)

// annotationOriginal is what an object was that a GitOps tool holds, before a
// workspace wrote into it. Who takes it over next keeps it.
const annotationOriginal = "towline.dev/original"

// mostOriginal bounds it, in bytes: all annotations of an object may have 256 KiB.
const mostOriginal = 200 << 10

// errTooLargeToKeep is why an object of a GitOps tool is not written.
var errTooLargeToKeep = errors.New("what it is now is too large to be kept beside it, so that it could not be handed back")

// Borrowed reports whether an object was a GitOps tool's before it was ours: it is to
// be handed back, and not deleted.
func Borrowed(object map[string]any) bool {
	u := unstructured.Unstructured{Object: object}
	return u.GetAnnotations()[annotationOriginal] != ""
}

// keepOriginal has the object keep what was there before it.
func (a *applier) keepOriginal(before *unstructured.Unstructured) error {
	kept := before.GetAnnotations()[annotationOriginal]
	if _, held := ControllerOf(before.Object); kept == "" && held && WorkspaceOf(before.Object) == "" {
		text, err := json.Marshal(original(before).Object)
		if err != nil {
			return fmt.Errorf("encoding the server's object: %w", err)
		}
		if len(text) > mostOriginal {
			return &Error{Kind: Invalid, Op: "applying", Object: a.ref.String(), Err: errTooLargeToKeep}
		}
		kept = string(text)
	}
	if kept != "" {
		annotate(a.object, annotationOriginal, kept)
	}
	return nil
}

// original is an object without what only a server says. A Secret's values have no
// place in an annotation: they stay as they are, and are the tool's to write.
func original(before *unstructured.Unstructured) *unstructured.Unstructured {
	u := before.DeepCopy()
	managed := u.GetManagedFields()
	dropServerFields(u)
	u.SetManagedFields(managed)
	if isSecret(u) {
		delete(u.Object, "data")
		annotate(u, "kubectl.kubernetes.io/last-applied-configuration", "")
	}
	return u
}

func isSecret(u *unstructured.Unstructured) bool {
	ref := RefOf(u.Object)
	return ref.Kind == "Secret" && ref.Group == ""
}

// HandBack makes a borrowed object what it was, and whose fields are whose. What is
// gone is its tool's to bring back; where a field cannot be changed back, the object
// is deleted for the tool to make it anew.
func (c *Cluster) HandBack(ctx context.Context, object map[string]any) (deleted bool, err error) {
	ref := RefOf(object)
	u, err := copyObject(object)
	if err != nil {
		return false, &Error{Kind: Invalid, Op: "handing back", Object: ref.String(), Err: err}
	}
	client, err := c.clientFor(u)
	if err != nil {
		return false, classify("handing back", ref.String(), err)
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		now, err := client.Get(ctx, u.GetName(), metav1.GetOptions{})
		if err != nil || !Borrowed(now.Object) {
			return err
		}
		whole, managed, err := givenBack(now)
		if err != nil {
			return err
		}
		got, err := client.Update(ctx, whole, metav1.UpdateOptions{FieldManager: fieldManager})
		if err != nil {
			return err
		}
		giveFields(ctx, client, got, managed)
		return nil
	})
	if immutable(err) {
		return true, c.Delete(ctx, []map[string]any{object}, DeleteOptions{})
	}
	if err := classify("handing back", ref.String(), err); !IsKind(err, NotFound) {
		return false, err
	}
	return false, nil
}

// givenBack is an object as it was before, in the place of what it is now, and whose
// its fields were.
func givenBack(now *unstructured.Unstructured) (*unstructured.Unstructured, []metav1.ManagedFieldsEntry, error) {
	whole := &unstructured.Unstructured{}
	if err := whole.UnmarshalJSON([]byte(now.GetAnnotations()[annotationOriginal])); err != nil {
		return nil, nil, fmt.Errorf("decoding what it was: %w", err)
	}
	managed := whole.GetManagedFields()
	unstructured.RemoveNestedField(whole.Object, "metadata", "managedFields")
	whole.SetResourceVersion(now.GetResourceVersion())
	whole.SetFinalizers(now.GetFinalizers())
	if isSecret(whole) && now.Object["data"] != nil {
		whole.Object["data"] = now.Object["data"]
	}
	return whole, managed, nil
}
