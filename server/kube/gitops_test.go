package kube

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

func decoded(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return u
}

// TestWhatGitOpsToolsHold is known by the marks that they leave, and by no copy of them.
func TestWhatGitOpsToolsHold(t *testing.T) {
	for meta, want := range map[string]string{
		`{}`: "",
		`{"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}`:                                                                                   "kustomization:flux-system/apps",
		`{"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}, "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}`:                                                                     "",
		`{"labels": {"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "shop"}}`:                                                                                                     "helmrelease:shop/web",
		`{"labels": {"helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "shop", "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}`: "helmrelease:shop/web",
		`{"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:ns/web"}}`:                                                                                                                 "application:shop",
		`{"annotations": {"argocd.argoproj.io/tracking-id": "team-a_shop:apps/Deployment:ns/web"}}`:                                                                                                          "application:team-a/shop",
		`{"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:ns/other"}}`:                                                                                                               "",
		`{"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:elsewhere/web"}}`:                                                                                                          "",
		`{"annotations": {"argocd.argoproj.io/tracking-id": "shop"}}`:                                                                                                                                        "",
		`{"labels": {"argocd.argoproj.io/instance": "shop"}}`:                                                                                                                                                "application:shop",
		`{"labels": {"app.kubernetes.io/instance": "shop"}}`:                                                                                                                                                 "",
		`{"labels": {"app.kubernetes.io/instance": "shop"}, "managedFields": [{"manager": "helm"}]}`:                                                                                                         "",
		`{"labels": {"app.kubernetes.io/instance": "shop"}, "managedFields": [{"manager": "argocd-controller"}]}`:                                                                                            "application:shop",
	} {
		u := decoded(t, `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": `+meta+`}`)
		u.SetName("web")
		u.SetNamespace("ns")
		got := ""
		if by, held := ControllerOf(u.Object); held {
			got = by.ID()
		}
		if got != want {
			t.Errorf("%s: held by %q, want %q", meta, got, want)
		}
	}
	for c, want := range map[Controller]string{
		{Kind: "Application", Name: "shop"}:                       "Argo CD's Application shop",
		{Kind: "HelmRelease", Namespace: "shop", Name: "web"}:     "Flux's HelmRelease web in namespace shop",
		{Kind: "Kustomization", Namespace: "flux", Name: "infra"}: "Flux's Kustomization infra in namespace flux",
	} {
		if c.String() != want {
			t.Errorf("%q, want %q", c, want)
		}
	}
}

// merged does to an object what a JSON merge patch says.
func merged(object, patch map[string]any) map[string]any {
	for key, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(object, key)
		case map[string]any:
			inner, _ := object[key].(map[string]any)
			if inner == nil {
				inner = map[string]any{}
			}
			object[key] = merged(inner, value)
		default:
			object[key] = value
		}
	}
	return object
}

// TestPausesAreUndoneExactly, by the last of those who want them, and where nobody has
// changed them since.
func TestPausesAreUndoneExactly(t *testing.T) {
	const (
		ann, bert = "ann-1", "bert-2"
		app       = `{"kind": "Application", "metadata": {"name": "shop"}, "spec": `
		flux      = `{"kind": "Kustomization", "metadata": {"name": "shop", "annotations": {"a": "b"}}, "spec": `
	)
	for _, test := range []struct{ object, fights, by string }{
		{app + `{"syncPolicy": {"automated": {"selfHeal": true, "prune": true}, "syncOptions": ["x"]}}}`, "heals itself", ""},
		{app + `{"syncPolicy": {"automated": {}}}}`, "with the next commit", ""},
		{app + `{"syncPolicy": {"automated": {"enabled": true}}}}`, "with the next commit", ""},
		{app + `{"syncPolicy": {"syncOptions": ["x"]}}}`, "is paused", ""},
		{app + `{"syncPolicy": {"automated": {"enabled": false}}}}`, "is paused", ""},
		{app + `{}}`, "is paused", ""},
		{strings.Replace(app, `"shop"`, `"shop", "ownerReferences": [{"kind": "ApplicationSet", "name": "shops"}]`, 1) + `{"syncPolicy": {"automated": {}}}}`, "with the next commit", "ApplicationSet shops"},
		{flux + `{"interval": "10m0s"}}`, "every 10m0s", ""},
		{flux + `{"interval": "1h", "suspend": false}}`, "every 1h", ""},
		{flux + `{"suspend": true}}`, "is paused", ""},
		{strings.Replace(flux, "Kustomization", "HelmRelease", 1) + `{}}`, "next version of its chart", ""},
		{strings.Replace(flux, "Kustomization", "HelmRelease", 1) + `{"driftDetection": {"mode": "enabled"}}}`, "next reconciliation", ""},
	} {
		before := decoded(t, test.object)
		if got := fight(before); !strings.Contains(got, test.fights) {
			t.Errorf("%s fights: %q, want %q", test.object, got, test.fights)
		}
		if got := madeBy(before); got != test.by {
			t.Errorf("%s is made by %q, want %q", test.object, got, test.by)
		}
		merge := func(u *unstructured.Unstructured, patch map[string]any) *unstructured.Unstructured {
			t.Helper()
			if patch == nil {
				return u
			}
			now := &unstructured.Unstructured{Object: merged(u.DeepCopy().Object, patch)}
			unstructured.RemoveNestedField(now.Object, "metadata", "resourceVersion")
			if len(now.GetAnnotations()) == 0 {
				now.SetAnnotations(nil) // as a server has it
			}
			return now
		}
		one := merge(before, pauseFor(before, Pauser{Workspace: ann, Owner: "ann@laptop:/shop"}))
		if !isPaused(one) {
			t.Errorf("%s is not paused: %v", test.object, one)
		}
		if again := pauseFor(one, Pauser{Workspace: ann, Owner: "ann"}); again != nil {
			t.Errorf("%s is paused again: %v", test.object, again)
		}
		if isPaused(before) {
			if one != before {
				t.Errorf("what is paused is paused: %v", one)
			}
			continue
		}
		two := merge(one, pauseFor(one, Pauser{Workspace: bert, Owner: "bert"}))
		first, ends := resumeFor(two, ann)
		left := merge(two, first)
		if ends != nil || !isPaused(left) || left.GetAnnotations()[pausedFor+ann] != "" {
			t.Errorf("%s: when one of two goes: %v %v", test.object, ends, left)
		}
		if patch, _ := resumeFor(left, ann); patch != nil {
			t.Errorf("resumed twice: %v", patch)
		}
		last, ends := resumeFor(left, bert)
		if after := merge(left, last); ends == nil || !cmp.Equal(before.Object, after.Object) {
			t.Errorf("%s: when both went (%v) it differs: %s", test.object, ends, cmp.Diff(before.Object, after.Object))
		}
		// What somebody has resumed meanwhile stays as he wants it.
		theirs := decoded(t, test.object)
		theirs.SetAnnotations(left.GetAnnotations())
		last, ends = resumeFor(theirs, bert)
		if after := merge(theirs, last); ends != nil || !cmp.Equal(before.Object["spec"], after.Object["spec"]) {
			t.Errorf("%s: what was resumed by hand: %v %s", test.object, ends, cmp.Diff(before.Object, after.Object))
		}
	}
}

// TestFieldsAreTheirsAgain who had them before a pause, and of those who came since.
func TestFieldsAreTheirsAgain(t *testing.T) {
	entry := func(manager, subresource, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: "Apply", Subresource: subresource, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	were := []metav1.ManagedFieldsEntry{entry("git", "", "all"), entry("argocd", "status", "old")}
	now := []metav1.ManagedFieldsEntry{entry("git", "", "some"), entry("argocd", "status", "old"), entry(fieldManager, "", "spec"), entry("kubectl", "", "labels")}
	if diff := cmp.Diff(append(slices.Clone(were), now[3]), fieldsOf(were, now)); diff != "" {
		t.Error(diff)
	}
}

// TestBorrowedObjects keep what they were, whoever writes them next, and give it back
// without a Secret's values.
func TestBorrowedObjects(t *testing.T) {
	const marks = `"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}`
	before := decoded(t, `{"apiVersion": "v1", "kind": "Secret", "data": {"a": "c2VjcmV0"}, "status": {}, "metadata": {"name": "s", "uid": "1", "resourceVersion": "7",
		"managedFields": [{"manager": "kustomize-controller", "operation": "Apply"}],
		"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "c2VjcmV0"}, `+marks+`}}`)
	a := applier{object: decoded(t, `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}`)}
	if err := a.keepOriginal(before); err != nil || !Borrowed(a.object.Object) {
		t.Fatalf("kept is %v, %v", a.object, err)
	}
	if text := a.object.GetAnnotations()[annotationOriginal]; strings.Contains(text, "c2VjcmV0") || strings.Contains(text, "resourceVersion") {
		t.Errorf("kept is %s", text)
	}
	next := applier{object: decoded(t, `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}`)}
	now := a.object.DeepCopy()
	now.SetLabels(map[string]string{LabelManagedBy: fieldManager, LabelWorkspace: "another"})
	now.SetResourceVersion("9")
	now.Object["data"] = map[string]any{"a": "b3Vycw=="}
	if err := next.keepOriginal(now); err != nil || next.object.GetAnnotations()[annotationOriginal] != a.object.GetAnnotations()[annotationOriginal] {
		t.Errorf("the next one keeps %v, %v", next.object, err)
	}
	whole, managed, err := givenBack(now)
	if err != nil || len(managed) != 1 || whole.GetResourceVersion() != "9" || Borrowed(whole.Object) || WorkspaceOf(whole.Object) != "" || len(whole.GetLabels()) != 2 {
		t.Errorf("given back is %v, %v, %v", whole, managed, err)
	}
	if data := whole.Object["data"].(map[string]any); data["a"] != "b3Vycw==" {
		t.Errorf("data %v", data)
	}
	for text, wants := range map[string]bool{
		`{` + marks + `}`: true,
		`{"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "app.kubernetes.io/managed-by": "towline", "towline.dev/workspace": "ours"}}`: false, // our own YAML says so
		`{}`: false,
	} {
		a := applier{object: decoded(t, `{"kind": "ConfigMap", "metadata": {"name": "s"}}`)}
		if err := a.keepOriginal(decoded(t, `{"kind": "ConfigMap", "metadata": `+text+`}`)); err != nil || Borrowed(a.object.Object) != wants {
			t.Errorf("%s: borrowed %v, %v", text, !wants, err)
		}
	}
	large := decoded(t, `{"kind": "ConfigMap", "metadata": {`+marks+`}, "data": {"a": "`+strings.Repeat("x", mostOriginal)+`"}}`)
	if err := a.keepOriginal(large); !IsKind(err, Invalid) {
		t.Errorf("what is too large: %v", err)
	}
}

// TestFieldsAreGivenBack: who tells of the status between two requests does not leave
// fields ours, and who has made it another object since is not overruled.
func TestFieldsAreGivenBack(t *testing.T) {
	object := func(generation int64, managers ...string) *unstructured.Unstructured {
		u := decoded(t, `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "ns"}}`)
		u.SetGeneration(generation)
		var all []metav1.ManagedFieldsEntry
		for _, m := range managers {
			all = append(all, metav1.ManagedFieldsEntry{Manager: m, Operation: "Update"})
		}
		u.SetManagedFields(all)
		return u
	}
	for name, test := range map[string]struct {
		now  *unstructured.Unstructured // at the server, when a patch was refused
		want string                     // whose fields are, by the last patch; "": none came through
	}{
		"a status":       {object(2, "argocd-controller", fieldManager, "kubelet"), "argocd-controller kubelet"},
		"another object": {object(3, "argocd-controller", fieldManager), ""},
	} {
		client := fake.NewSimpleDynamicClient(runtime.NewScheme(), test.now)
		tries, got := 0, ""
		client.PrependReactor("patch", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
			if tries++; tries == 1 {
				return true, nil, errors.New("the object is not as it was")
			}
			var patch []struct{ Value json.RawMessage }
			var managed []metav1.ManagedFieldsEntry
			if json.Unmarshal(a.(clienttesting.PatchAction).GetPatch(), &patch) != nil || json.Unmarshal(patch[1].Value, &managed) != nil {
				t.Errorf("%s: %s", name, a.(clienttesting.PatchAction).GetPatch())
			}
			var managers []string
			for _, m := range managed {
				managers = append(managers, m.Manager)
			}
			got = strings.Join(managers, " ")
			return true, test.now, nil
		})
		resource := client.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}).Namespace("ns")
		giveFields(t.Context(), resource, object(2, fieldManager), object(1, "argocd-controller").GetManagedFields())
		if got != test.want {
			t.Errorf("%s: the fields are of %q, want %q", name, got, test.want)
		}
	}
}
