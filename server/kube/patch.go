package kube

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Patch changes an object that is there by a JSON merge patch, with which
// Towline owns no more than it says. A patch that names a resourceVersion is
// refused when somebody has changed the object since.
func (c *Cluster) Patch(ctx context.Context, object, patch map[string]any) (Applied, error) {
	ref := RefOf(object)
	u, err := copyObject(object)
	if err != nil {
		return Applied{}, &Error{Kind: Invalid, Op: "changing", Object: ref.String(), Err: err}
	}
	body, err := json.Marshal(patch)
	if err != nil {
		return Applied{}, &Error{Kind: Invalid, Op: "changing", Object: ref.String(), Err: err}
	}
	client, err := c.clientFor(u)
	if err != nil {
		return Applied{}, classify("changing", ref.String(), err)
	}
	got, err := client.Patch(ctx, u.GetName(), types.MergePatchType, body, metav1.PatchOptions{FieldManager: fieldManager})
	if err != nil {
		return Applied{}, classify("changing", ref.String(), err)
	}
	return Applied{Ref: RefOf(got.Object), Action: Updated, Generation: got.GetGeneration(), Content: got.Object}, nil
}
