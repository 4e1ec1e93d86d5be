package kube

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"
)

// TestClusterClientSide holds client-side apply to what kubectl does, against
// the real server: an object changes sides and back, loses what its YAML has
// lost, and keeps what somebody else has set.
func TestClusterClientSide(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	object := func(env ...string) map[string]any {
		d := deployment("web", testImage, "sleep", "1000")
		var list []any
		for _, name := range env {
			list = append(list, map[string]any{"name": name, "value": "1"})
		}
		spec := d["spec"].(map[string]any)
		container := spec["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		container["env"], container["imagePullPolicy"] = list, "Never"
		return d
	}
	apply := func(clients bool, env ...string) Applied {
		t.Helper()
		got, err := c.Apply(t.Context(), []map[string]any{object(env...)}, ApplyOptions{ClientSide: clients})
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	apply(true, "A", "B")
	scale(t, c, object())
	for i, step := range []struct {
		clients bool
		env     []string
	}{{true, []string{"B", "C"}}, {false, []string{"C", "D"}}, {true, []string{"D"}}} {
		got := apply(step.clients, step.env...)
		if names := envNames(got.Content); len(names) != len(step.env) || names[0] != step.env[0] {
			t.Errorf("step %d: the variables are %q, want %q", i, names, step.env)
		}
		if n, _, _ := unstructured.NestedInt64(got.Content, "spec", "replicas"); n != 0 {
			t.Errorf("step %d: %d replicas, want 0, which somebody else has set", i, n)
		}
		u := unstructured.Unstructured{Object: got.Content}
		if step.clients && u.GetAnnotations()[corev1.LastAppliedConfigAnnotation] == "" {
			t.Errorf("step %d: kubectl would not know what was applied", i)
		}
	}
}

// TestClusterClientSideSaysWhatItDid: nothing is sent for what is the same.
func TestClusterClientSideSaysWhatItDid(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	for i, want := range []Action{Created, Unchanged, Updated} {
		object := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "conf"}, "data": map[string]any{"half": fmt.Sprint(i / 2)}}
		got, err := c.Apply(t.Context(), []map[string]any{object}, ApplyOptions{ClientSide: true})
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Action != want {
			t.Errorf("apply %d: %s, want %s", i, got[0].Action, want)
		}
	}
}

// scale scales an object as another program does.
func scale(t *testing.T, c *Cluster, object map[string]any) {
	t.Helper()
	client, err := c.clientFor(&unstructured.Unstructured{Object: object})
	if err != nil {
		t.Fatal(err)
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		now, err := client.Get(context.Background(), "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		_ = unstructured.SetNestedField(now.Object, int64(0), "spec", "replicas") // the path is a map's
		_, err = client.Update(context.Background(), now, metav1.UpdateOptions{FieldManager: "somebody"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// envNames are the variables of a Deployment's container.
func envNames(object map[string]any) []string {
	containers, _, _ := unstructured.NestedSlice(object, "spec", "template", "spec", "containers")
	var names []string
	env, _ := containers[0].(map[string]any)["env"].([]any)
	for _, v := range env {
		name, _ := v.(map[string]any)["name"].(string)
		names = append(names, name)
	}
	return names
}
