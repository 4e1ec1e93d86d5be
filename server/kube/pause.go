package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"
)

// What a Controller that is paused says of it itself, so that any daemon, of any
// machine, can undo it: who wants it paused, an annotation for each workspace, and
// how it is undone when the last of them goes.
const (
	pausedFor      = "paused.towline.dev/" // and the workspace
	annotationUndo = "towline.dev/unpause"
	pauseSettles   = 15 * time.Second // for what the Controller was in the middle of
)

// unpause says how a pause is undone: by a merge patch, and by whose the fields were.
type unpause struct {
	Patch   map[string]any              `json:"patch"`
	Managed []metav1.ManagedFieldsEntry `json:"managed,omitempty"`
}

// Pauser is a workspace that has Controllers paused, and whose it is, for a person.
type Pauser struct{ Workspace, Owner string }

// holder is a Controller as the cluster has it.
type holder struct {
	client dynamic.ResourceInterface
	object *unstructured.Unstructured
}

// Fight says what a Controller does about what others write into what it holds. The
// error says why that is not known, and why it cannot be paused.
func (c *Cluster) Fight(ctx context.Context, ctl Controller) (string, error) {
	h, err := c.holder(ctx, ctl)
	if err != nil {
		return "", classify("reading", ctl.String(), err)
	}
	text := fight(h.object)
	if by := madeBy(h.object); by != "" {
		text += "; " + by + " made it, and may undo a pause"
	}
	return text, nil
}

// Pause has a Controller leave alone what it holds, until Resume, and returns when it
// writes nothing more. One that somebody else has paused is left as it is: done is
// false then, and where it is paused for the workspace already.
func (c *Cluster) Pause(ctx context.Context, ctl Controller, by Pauser) (done bool, err error) {
	var h holder
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if h, err = c.holder(ctx, ctl); err != nil {
			return err
		}
		patch := pauseFor(h.object, by)
		if done = patch != nil; !done {
			return nil
		}
		_, err = h.patch(ctx, patch)
		return err
	})
	if err == nil {
		err = h.settle(ctx)
	}
	return done, classify("pausing", ctl.String(), err)
}

// pauseFor is the change that pauses a Controller for a workspace, nil for none.
func pauseFor(object *unstructured.Unstructured, by Pauser) map[string]any {
	notes := object.GetAnnotations()
	paused, mine, anybody := isPaused(object), notes[pausedFor+by.Workspace] != "", len(pausers(notes)) > 0
	switch {
	case paused && (mine || !anybody):
		return nil
	case paused:
		return withNotes(map[string]any{}, object, map[string]any{pausedFor + by.Workspace: by.Owner})
	}
	patch, undo := pausing(object)
	text, _ := json.Marshal(unpause{Patch: undo, Managed: object.GetManagedFields()}) // a part of what was decoded
	return withNotes(patch, object, map[string]any{pausedFor + by.Workspace: by.Owner, annotationUndo: string(text)})
}

// Resume undoes what Pause did for a workspace. The pause itself ends with the last
// workspace, and where nobody has changed it since.
func (c *Cluster) Resume(ctx context.Context, ctl Controller, workspace string) (done bool, err error) {
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		h, err := c.holder(ctx, ctl)
		if err != nil {
			return err
		}
		patch, undo := resumeFor(h.object, workspace)
		if done = undo != nil; patch == nil {
			return nil
		}
		wrote, err := h.patch(ctx, patch)
		if err != nil || undo == nil {
			return err
		}
		giveFields(ctx, h.client, wrote, undo.Managed)
		return nil
	})
	if err := classify("resuming", ctl.String(), err); !IsKind(err, NotFound) {
		return done, err
	}
	return false, nil
}

// resumeFor is the change that ends a workspace's wish, nil where it has none, and
// what it undoes, nil where the pause does not end with it.
func resumeFor(object *unstructured.Unstructured, workspace string) (patch map[string]any, ends *unpause) {
	notes := object.GetAnnotations()
	key := pausedFor + workspace
	if notes[key] == "" {
		return nil, nil
	}
	patch, gone := map[string]any{}, map[string]any{key: nil}
	if len(pausers(notes)) == 1 {
		gone[annotationUndo] = nil
		var undo unpause
		if asPaused(object) && json.Unmarshal([]byte(notes[annotationUndo]), &undo) == nil && undo.Patch != nil {
			patch, ends = undo.Patch, &undo
		}
	}
	return withNotes(patch, object, gone), ends
}

// giveFields makes the fields of an object, as we wrote it, theirs again whose they were.
// Somebody may be quicker, to tell of its status for example: then it is tried again,
// unless the object is another one by now. Where it fails they are ours beside them.
func giveFields(ctx context.Context, client dynamic.ResourceInterface, wrote *unstructured.Unstructured, were []metav1.ManagedFieldsEntry) {
	now := wrote
	for range retry.DefaultRetry.Steps {
		if len(were) == 0 || patchOwners(ctx, client, now, fieldsOf(were, now.GetManagedFields())) == nil {
			return
		}
		var err error
		if now, err = client.Get(ctx, wrote.GetName(), metav1.GetOptions{}); err != nil || now.GetGeneration() != wrote.GetGeneration() {
			return
		}
	}
}

// fieldsOf are whose fields are whose, as before we wrote: of those who have come since
// as it is now.
func fieldsOf(were, now []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	all := slices.Clone(were)
	for _, entry := range now {
		same := func(e metav1.ManagedFieldsEntry) bool {
			return e.Manager == entry.Manager && e.Operation == entry.Operation && e.Subresource == entry.Subresource
		}
		if entry.Manager != fieldManager && !slices.ContainsFunc(were, same) {
			all = append(all, entry)
		}
	}
	return all
}

// patchOwners writes whose the fields of an object are, in a request of its own: in
// one that changes fields we would stay listed.
func patchOwners(ctx context.Context, client dynamic.ResourceInterface, object *unstructured.Unstructured, managed []metav1.ManagedFieldsEntry) error {
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/resourceVersion", "value": object.GetResourceVersion()},
		{"op": "replace", "path": "/metadata/managedFields", "value": managed},
	})
	if err == nil {
		_, err = client.Patch(ctx, object.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	}
	return err
}

// withNotes adds annotations to a patch, and has it refused where somebody else was
// quicker.
func withNotes(patch map[string]any, object *unstructured.Unstructured, notes map[string]any) map[string]any {
	patch["metadata"] = map[string]any{"resourceVersion": object.GetResourceVersion(), "annotations": notes}
	return patch
}

// pausers are the annotations of those who want a Controller paused.
func pausers(notes map[string]string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(notes)), func(key string) bool { return !strings.HasPrefix(key, pausedFor) })
}

func (h holder) patch(ctx context.Context, patch map[string]any) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("encoding the patch: %w", err)
	}
	return h.client.Patch(ctx, h.object.GetName(), types.MergePatchType, body, metav1.PatchOptions{FieldManager: fieldManager})
}

// settle waits until the Controller has ended what it was in the middle of, which
// may be at something that does not end.
func (h holder) settle(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, pauseSettles)
	defer cancel()
	err := waitFor(bounded, func() (bool, error) {
		now, err := h.client.Get(bounded, h.object.GetName(), metav1.GetOptions{})
		return err == nil && !isBusy(now), err
	})
	if bounded.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

// holder finds a Controller, in the version that the server prefers.
func (c *Cluster) holder(ctx context.Context, ctl Controller) (holder, error) {
	mapping, err := c.mapper.RESTMapping(ctl.groupKind())
	if meta.IsNoMatchError(err) {
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(ctl.groupKind())
	}
	if err != nil {
		return holder{}, err
	}
	all := c.dynamic.Resource(mapping.Resource)
	namespace := ctl.Namespace
	if namespace == "" {
		namespace = argoHome
		list, err := all.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + ctl.Name})
		if err == nil && len(list.Items) == 1 { // of several, and where nobody may look, it is Argo CD's own
			namespace = list.Items[0].GetNamespace()
		}
	}
	client := all.Namespace(namespace)
	object, err := client.Get(ctx, ctl.Name, metav1.GetOptions{})
	return holder{client: client, object: object}, err
}
