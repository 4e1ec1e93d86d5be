package kube

import (
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

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
