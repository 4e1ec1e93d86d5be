package kube

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// stays says why what runs for an object goes on as it was, though the object
// was changed in place; "" where its controller or the kubelet brings the change.
func stays(before, now *unstructured.Unstructured) string {
	switch ref := RefOf(now.Object); {
	case ref.Kind == "Pod" && ref.Group == "":
		return podStays(before, now)
	case ref.Kind == "ReplicaSet" && ref.Group == "apps", ref.Kind == "ReplicationController" && ref.Group == "":
		old, _, _ := unstructured.NestedMap(before.Object, "spec", "template")
		template, _, _ := unstructured.NestedMap(now.Object, "spec", "template")
		if !equality.Semantic.DeepEqual(old, template) {
			return "a " + ref.Kind + " leaves its pods as they are"
		}
	}
	return ""
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
