package kube

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The labels that every applied object and every pod of it carries.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelWorkspace = "towline.dev/workspace"
	LabelResource  = "towline.dev/resource"

	// LabelMade marks a namespace that was made for a workspace's objects.
	LabelMade = "towline.dev/made"
	// AnnotationOwner says whose an object is, for a person.
	AnnotationOwner = "towline.dev/owner"
	// AnnotationSince says since when it is that owner's, of an object that was
	// there before; of any other its creation says so.
	AnnotationSince = "towline.dev/since"
	// AnnotationDownPolicy says, with the value "keep", that an object outlives
	// the project's end, as in Tilt.
	AnnotationDownPolicy = "tilt.dev/down-policy"

	fieldManager = "towline"
)

// Kept reports whether an object is to outlive the project's end.
func Kept(object map[string]any) bool {
	u := unstructured.Unstructured{Object: object}
	return u.GetAnnotations()[AnnotationDownPolicy] == "keep"
}

// WorkspaceOf returns the workspace whose label an object carries, "" if it
// was not applied by this program.
func WorkspaceOf(object map[string]any) string {
	u := unstructured.Unstructured{Object: object}
	if labels := u.GetLabels(); labels[LabelManagedBy] == fieldManager {
		return labels[LabelWorkspace]
	}
	return ""
}

// OwnerOf names, for a person, whose an object of another workspace is, and
// since when.
func OwnerOf(object map[string]any) string {
	u := unstructured.Unstructured{Object: object}
	since, err := time.Parse(time.RFC3339, u.GetAnnotations()[AnnotationSince])
	if err != nil {
		since = u.GetCreationTimestamp().Time
	}
	return fmt.Sprintf("%s, since %s", OwnedBy(object), since.Local().Format("2006-01-02 15:04"))
}

// OwnedBy names, for a person, whose an object is.
func OwnedBy(object map[string]any) string {
	u := unstructured.Unstructured{Object: object}
	return cmp.Or(u.GetAnnotations()[AnnotationOwner], "another workspace")
}

// ManagedBy returns the tool that an object says it is managed by.
func ManagedBy(object map[string]any) string {
	u := unstructured.Unstructured{Object: object}
	return u.GetLabels()[LabelManagedBy]
}

// MadeFor returns the workspace that a namespace was made for, "" if for none.
func MadeFor(object map[string]any) string {
	u := unstructured.Unstructured{Object: object}
	return u.GetLabels()[LabelMade]
}

// Ref names an object.
type Ref struct {
	Group, Version, Kind string
	Namespace            string // "" for an object that lives in no namespace
	Name                 string
	UID                  string // "" when not known
}

// String returns "Deployment web in namespace demo".
func (r Ref) String() string {
	text := r.Kind + " " + r.Name
	if r.Namespace != "" {
		text += " in namespace " + r.Namespace
	}
	return text
}

// Object is an object that has no more than its name.
func (r Ref) Object() map[string]any {
	return map[string]any{
		"apiVersion": schema.GroupVersion{Group: r.Group, Version: r.Version}.String(), "kind": r.Kind,
		"metadata": map[string]any{"namespace": r.Namespace, "name": r.Name},
	}
}

// RefOf reads the Ref out of a decoded object. The namespace is what the
// object says, which may be nothing.
func RefOf(object map[string]any) Ref {
	u := unstructured.Unstructured{Object: object}
	gvk := u.GroupVersionKind()
	return Ref{
		Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind,
		Namespace: u.GetNamespace(), Name: u.GetName(), UID: string(u.GetUID()),
	}
}

// HasNamespace reports whether an object that is written without a namespace
// gets the cluster's: all but the well-known kinds that live in none.
func HasNamespace(r Ref) bool { return r.Namespace != "" || !slices.Contains(clusterKinds, r.Kind) }

// clusterKinds are Kubernetes' own kinds that live in no namespace.
var clusterKinds = []string{
	"Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PersistentVolume", "StorageClass", "PriorityClass",
	"IngressClass", "RuntimeClass", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "APIService", "CSIDriver", "Node",
}

// badLabelChar is what a label's value must not contain.
var badLabelChar = regexp.MustCompile(`[^A-Za-z0-9_.-]`)

// LabelValue makes a text fit for a label's value: other characters become
// "-", and it is cut to 63 characters.
func LabelValue(text string) string {
	value := badLabelChar.ReplaceAllString(text, "-")
	if len(value) > 63 {
		value = value[:63]
	}
	return strings.Trim(value, "-_.")
}

// copyObject copies an object deeply into the types that JSON decoding gives,
// so that the caller's stays untouched and numbers are of the kinds that
// client-go accepts.
func copyObject(object map[string]any) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encoding the object: %w", err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(body); err != nil {
		return nil, fmt.Errorf("decoding the object: %w", err)
	}
	return u, nil
}

// flatten replaces every List object by its items.
func flatten(objects []map[string]any) []map[string]any {
	var flat []map[string]any
	for _, o := range objects {
		items, isList := o["items"].([]any)
		kind, _ := o["kind"].(string)
		if !isList || !strings.HasSuffix(kind, "List") {
			flat = append(flat, o)
			continue
		}
		for _, item := range items {
			if m, ok := item.(map[string]any); ok {
				flat = append(flat, flatten([]map[string]any{m})...)
			}
		}
	}
	return flat
}

// addLabels sets labels on an object and on the pod templates inside it.
func addLabels(u *unstructured.Unstructured, labels map[string]string) {
	setLabels(u.Object, labels)
	if u.GetKind() == "Pod" {
		return
	}
	for _, path := range podTemplatePaths {
		template, found, _ := unstructured.NestedFieldNoCopy(u.Object, path...)
		m, isMap := template.(map[string]any)
		if !found || !isMap || m["spec"] == nil {
			continue
		}
		setLabels(m, labels)
	}
}

// annotate sets an annotation of an object; "" takes it away.
func annotate(u *unstructured.Unstructured, key, value string) {
	annotations := u.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	if value == "" {
		delete(annotations, key)
	}
	u.SetAnnotations(annotations)
}

// podTemplatePaths are the places of pod templates in the built-in workloads.
var podTemplatePaths = [][]string{{"spec", "template"}, {"spec", "jobTemplate", "spec", "template"}}

// setLabels merges labels into the metadata of an object or template.
func setLabels(object map[string]any, labels map[string]string) {
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		metadata = map[string]any{}
		object["metadata"] = metadata
	}
	present, ok := metadata["labels"].(map[string]any)
	if !ok {
		present = map[string]any{}
		metadata["labels"] = present
	}
	for k, v := range labels {
		present[k] = v
	}
}

// dropServerFields removes what only the server may say, so that YAML fetched
// with `kubectl get -o yaml` applies.
func dropServerFields(u *unstructured.Unstructured) {
	delete(u.Object, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
}

// phase orders objects for applying; deletion goes the other way round.
func phase(gk schema.GroupKind) int {
	switch {
	case gk.Group == "" && gk.Kind == "Namespace":
		return phaseNamespaces
	case gk.Group == "apiextensions.k8s.io":
		return phaseDefinitions
	case slices.Contains(configKinds, gk.Kind):
		return phaseConfig
	case strings.HasSuffix(gk.Kind, "WebhookConfiguration"), gk.Kind == "APIService":
		return phaseHooks
	}
	return phaseRest
}

// The phases of applying. Hooks go last, since one whose server is not there
// yet would refuse all that follows.
const (
	phaseNamespaces = iota
	phaseDefinitions
	phaseConfig
	phaseRest
	phaseHooks
	phases
)

// configKinds are what pods need before they start.
var configKinds = []string{
	"ServiceAccount", "Secret", "ConfigMap", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding",
	"PersistentVolume", "PersistentVolumeClaim", "StorageClass", "PriorityClass", "LimitRange", "ResourceQuota",
	"NetworkPolicy", "PodDisruptionBudget", "IngressClass", "RuntimeClass",
}

// ChangedAt is when what is wished of an object was changed last, by the
// cluster's clock and to the second, as the server's answer tells.
func ChangedAt(object map[string]any) time.Time {
	u := unstructured.Unstructured{Object: object}
	var last time.Time
	for _, f := range u.GetManagedFields() {
		if f.Subresource == "" && f.Time != nil && f.Time.After(last) {
			last = f.Time.Time
		}
	}
	return last
}
