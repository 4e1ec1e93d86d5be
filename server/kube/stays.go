package kube

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	klabels "k8s.io/apimachinery/pkg/labels"
)

// stays says why what runs for an object goes on as it was, though the object
// was changed in place; "" where its controller or the kubelet brings the change.
func stays(before, now *unstructured.Unstructured) string {
	switch ref := RefOf(now.Object); {
	case ref.Kind == "Pod" && ref.Group == "":
		return podStays(before, now)
	case ref.Kind == "ReplicaSet" && ref.Group == "apps", ref.Kind == "ReplicationController" && ref.Group == "":
		if !sameTemplate(before, now) {
			return "a " + ref.Kind + " leaves its pods as they are"
		}
	}
	return ""
}

// sameTemplate reports whether a workload makes the pods that it made.
func sameTemplate(before, now *unstructured.Unstructured) bool {
	old, _, _ := unstructured.NestedMap(before.Object, "spec", "template")
	template, _, _ := unstructured.NestedMap(now.Object, "spec", "template")
	return equality.Semantic.DeepEqual(old, template)
}

// unblock deletes the pods of a StatefulSet that keeps an order which are not
// ready, when its template changed: the controller waits for each to become
// ready before it replaces it, which the change may be there to bring about.
func (a *applier) unblock(ctx context.Context, before, now *unstructured.Unstructured) error {
	policy, _, _ := unstructured.NestedString(now.Object, "spec", "podManagementPolicy")
	strategy, _, _ := unstructured.NestedString(now.Object, "spec", "updateStrategy", "type")
	labels, _, _ := unstructured.NestedStringMap(now.Object, "spec", "selector", "matchLabels")
	if a.ref.Kind != "StatefulSet" || a.ref.Group != "apps" || policy != "OrderedReady" || strategy != "RollingUpdate" || sameTemplate(before, now) {
		return nil
	}
	pods := a.cluster.clientset.CoreV1().Pods(now.GetNamespace())
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: klabels.Set(labels).String()})
	for i := 0; err == nil && i < len(list.Items); i++ {
		switch p := &list.Items[i]; {
		case !metav1.IsControlledBy(p, now) || p.DeletionTimestamp != nil || podOf(p).Ready:
		default:
			a.tell(Waiting, "pod "+p.Name+" is not ready and would hold the update up: deleting it")
			err = pods.Delete(ctx, p.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(p.UID))})
			if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
				err = nil // the controller was quicker
			}
		}
	}
	if apierrors.IsForbidden(err) {
		return nil // then it goes as Kubernetes has it go
	}
	return err
}

// podStays judges a change of a Pod's images, which alone may change in place.
// The kubelet then starts a container anew, unless it or the Pod runs to its end.
func podStays(before, now *unstructured.Unstructured) string {
	policy, _, _ := unstructured.NestedString(now.Object, "spec", "restartPolicy")
	phase, _, _ := unstructured.NestedString(now.Object, "status", "phase")
	initial := sameImages(before, now, "initContainers")
	switch {
	case initial && sameImages(before, now, "containers"):
		return ""
	case policy == "Never", policy == "OnFailure", phase == "Failed", phase == "Succeeded":
		return "a Pod that runs to its end does not start again"
	case !initial:
		return "a Pod runs its init containers once"
	}
	return ""
}

// sameImages reports whether the containers of a list in a Pod's spec have the
// images that they had.
func sameImages(before, now *unstructured.Unstructured, list string) bool {
	images := func(pod *unstructured.Unstructured) (all []string) {
		containers, _, _ := unstructured.NestedSlice(pod.Object, "spec", list)
		for _, c := range containers {
			m, _ := c.(map[string]any)
			image, _ := m["image"].(string)
			all = append(all, image)
		}
		return all
	}
	return slices.Equal(images(before), images(now))
}
