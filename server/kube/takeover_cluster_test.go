package kube

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"
)

// TestClusterTakesOver holds that what a YAML has lost goes, whoever brought
// the object: kubectl apply, Tilt, or ourselves when we put it whole. What
// somebody else has set since stays.
func TestClusterTakesOver(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	for _, manager := range []string{"kubectl-client-side-apply", "tilt", fieldManager} {
		name := "conf-" + manager
		object := func(data map[string]any) map[string]any {
			return map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap", "data": data,
				"metadata": map[string]any{"name": name, "namespace": c.identity.Namespace},
			}
		}
		u := &unstructured.Unstructured{Object: object(map[string]any{"kept": "1", "lost": "1"})}
		client, err := c.clientFor(u)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Create(t.Context(), u, metav1.CreateOptions{FieldManager: manager}); err != nil {
			t.Fatal(err)
		}
		err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
			now, err := client.Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			_ = unstructured.SetNestedField(now.Object, "1", "data", "theirs") // the path is a map's
			_, err = client.Update(t.Context(), now, metav1.UpdateOptions{FieldManager: "somebody"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		applied, err := c.Apply(t.Context(), []map[string]any{object(map[string]any{"kept": "2"})}, ApplyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data, _, _ := unstructured.NestedStringMap(applied[0].Content, "data")
		if data["kept"] != "2" || data["lost"] != "" || data["theirs"] != "1" {
			t.Errorf("%s: data %v, want kept=2 and theirs=1", manager, data)
		}
		again, err := c.Apply(t.Context(), []map[string]any{object(map[string]any{"kept": "2"})}, ApplyOptions{})
		if err != nil || again[0].Action != Unchanged {
			t.Errorf("%s: the second apply: %v, %+v", manager, err, again)
		}
	}
}
