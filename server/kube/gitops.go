package kube

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Controller names what a GitOps tool holds other objects by to what a Git
// repository says: an Application of Argo CD, a Kustomization or a HelmRelease of
// Flux. The tool undoes what anybody else writes into them.
type Controller struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // "": its objects do not say
	Name      string `json:"name"`
}

// gitOpsKinds are the kinds of Controllers, and the labels by which Flux marks what
// they hold. What a HelmRelease brings may carry labels of the Kustomization that
// brought the HelmRelease: it comes first.
var gitOpsKinds = []struct{ kind, group, marks string }{
	{kind: "HelmRelease", group: "helm.toolkit.fluxcd.io", marks: "helm.toolkit.fluxcd.io"},
	{kind: "Kustomization", group: "kustomize.toolkit.fluxcd.io", marks: "kustomize.toolkit.fluxcd.io"},
	{kind: application, group: "argoproj.io"},
}

const (
	application = "Application"

	argoTracking = "argocd.argoproj.io/tracking-id"
	argoInstance = "argocd.argoproj.io/instance"
	helmInstance = "app.kubernetes.io/instance" // Argo CD's label too, unless it is told otherwise
	argoSkips    = "argocd.argoproj.io/skip-reconcile"
	argoHome     = "argocd" // the namespace that Argo CD is installed in, and its Applications
)

// Tool is the Controller's GitOps tool, as a person names it.
func (c Controller) Tool() string {
	if c.Kind == application {
		return "Argo CD"
	}
	return "Flux"
}

// ID is a text that names the Controller, "application:argocd/shop".
func (c Controller) ID() string {
	return strings.ToLower(c.Kind) + ":" + strings.TrimPrefix(c.Namespace+"/"+c.Name, "/")
}

// String names the Controller for a person.
func (c Controller) String() string {
	return c.Tool() + "'s " + Ref{Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}.String()
}

// groupKind is the kind of the Controller.
func (c Controller) groupKind() schema.GroupKind {
	i := slices.IndexFunc(gitOpsKinds, func(k struct{ kind, group, marks string }) bool { return k.kind == c.Kind })
	return schema.GroupKind{Group: gitOpsKinds[max(i, 0)].group, Kind: c.Kind}
}

// ControllerOf finds by what a GitOps tool holds an object, if one does: by the marks
// that the tool leaves on it.
func ControllerOf(object map[string]any) (c Controller, held bool) {
	u := &unstructured.Unstructured{Object: object}
	labels, annotations := u.GetLabels(), u.GetAnnotations()
	for _, k := range gitOpsKinds {
		if name := labels[k.marks+"/name"]; k.marks != "" && name != "" {
			return Controller{Kind: k.kind, Namespace: labels[k.marks+"/namespace"], Name: name}, annotations[k.marks+"/reconcile"] != "disabled"
		}
	}
	switch id, instance := annotations[argoTracking], labels[helmInstance]; {
	case id != "":
		name, about, _ := strings.Cut(id, ":")
		return argoCD(name), tracks(about, RefOf(object)) // else the mark came with a copy: Argo CD leaves that alone
	case labels[argoInstance] != "":
		return argoCD(labels[argoInstance]), true
	case instance != "" && slices.ContainsFunc(u.GetManagedFields(), byArgoCD):
		return argoCD(instance), true
	}
	return Controller{}, false
}

// argoCD reads the name of an Application, before which stands its namespace if that
// is another than Argo CD's own.
func argoCD(name string) Controller {
	if namespace, own, ok := strings.Cut(name, "_"); ok {
		return Controller{Kind: application, Namespace: namespace, Name: own}
	}
	return Controller{Kind: application, Name: name}
}

// tracks reports whether a tracking id, "apps/Deployment:shop/web", is about an object.
func tracks(about string, ref Ref) bool {
	kind, place, _ := strings.Cut(about, ":")
	namespace, name, _ := strings.Cut(place, "/")
	return kind == ref.Group+"/"+ref.Kind && name == ref.Name && (ref.Namespace == "" || namespace == ref.Namespace)
}

// byArgoCD reports whether Argo CD has written some of an object.
func byArgoCD(f metav1.ManagedFieldsEntry) bool { return strings.HasPrefix(f.Manager, "argocd-") }

// fight says, for a person, what a Controller does about what others write into what
// it holds, as it stands in the cluster.
func fight(object *unstructured.Unstructured) string {
	interval, _, _ := unstructured.NestedString(object.Object, "spec", "interval")
	drift, _, _ := unstructured.NestedString(object.Object, "spec", "driftDetection", "mode")
	heals, _, _ := unstructured.NestedBool(object.Object, "spec", "syncPolicy", "automated", "selfHeal")
	switch kind := object.GetKind(); {
	case isPaused(object):
		return "is paused"
	case kind == application && heals:
		return "heals itself: it undoes that within seconds"
	case kind == application:
		return "syncs by itself: it undoes that with the next commit"
	case kind == "HelmRelease" && drift != "enabled":
		return "undoes that with the next version of its chart or values"
	}
	return "undoes that at its next reconciliation, every " + cmp.Or(interval, "few minutes")
}

// madeBy says who has made a Controller, and may undo what is changed in it; "" for
// nobody that is known.
func madeBy(object *unstructured.Unstructured) string {
	for _, o := range object.GetOwnerReferences() {
		if o.Kind == "ApplicationSet" {
			return "ApplicationSet " + o.Name
		}
	}
	if above, held := ControllerOf(object.Object); held && above.Kind == application {
		return above.String()
	}
	return ""
}

// isPaused reports whether a Controller leaves alone what it holds.
func isPaused(object *unstructured.Unstructured) bool {
	if object.GetKind() != application {
		suspended, _, _ := unstructured.NestedBool(object.Object, "spec", "suspend")
		return suspended
	}
	automated, found, _ := unstructured.NestedMap(object.Object, "spec", "syncPolicy", "automated")
	return !found || automated == nil || automated["enabled"] == false || object.GetAnnotations()[argoSkips] == "true"
}

// isBusy reports whether a Controller is in the middle of writing what it holds, which
// a pause does not end.
func isBusy(object *unstructured.Unstructured) bool {
	phase, _, _ := unstructured.NestedString(object.Object, "status", "operationState", "phase")
	return phase == "Running" || conditionTrue(object.Object, "Reconciling")
}

// pausing is the change that pauses a Controller, and the one that undoes it.
func pausing(object *unstructured.Unstructured) (pause, undo map[string]any) {
	field := func(value any) map[string]any { return map[string]any{"spec": map[string]any{"suspend": value}} }
	path := []string{"spec", "suspend"}
	paused := any(true)
	if object.GetKind() == application {
		field = func(value any) map[string]any {
			return map[string]any{"spec": map[string]any{"syncPolicy": map[string]any{"automated": value}}}
		}
		path, paused = []string{"spec", "syncPolicy", "automated"}, nil
	}
	before, _, _ := unstructured.NestedFieldCopy(object.Object, path...)
	return field(paused), field(before)
}

// asPaused reports whether a Controller is paused in the way in which pausing does it.
func asPaused(object *unstructured.Unstructured) bool {
	if object.GetKind() != application {
		return isPaused(object)
	}
	automated, _, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "syncPolicy", "automated")
	return automated == nil
}
