package kube

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// changesInPlace are changes that a server takes, and whether what runs takes
// them too: one change is old to new.
var changesInPlace = []struct {
	name, object string
	want         string // a part of why it does not
}{
	{"a program that goes on", `{apiVersion: v1, kind: Pod, spec: {containers: [{name: c, image: CHANGES}]}}`, ""},
	{"a program that ends", `{apiVersion: v1, kind: Pod, spec: {restartPolicy: Never, containers: [{name: c, image: CHANGES}]}}`, "runs to its end"},
	{"one that is tried again", `{apiVersion: v1, kind: Pod, spec: {restartPolicy: OnFailure, containers: [{name: c, image: CHANGES}]}}`, "runs to its end"},
	{"an init container", `{apiVersion: v1, kind: Pod, spec: {initContainers: [{name: i, image: CHANGES}], containers: [{name: c, image: BASE}]}}`, "init containers once"},
	{"no image", `{apiVersion: v1, kind: Pod, metadata: {labels: {a: CHANGES}}, spec: {restartPolicy: Never, containers: [{name: c, image: BASE}]}}`, ""},
	{"a set of pods", `{apiVersion: apps/v1, kind: ReplicaSet, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: CHANGES}]}}}}`, "a ReplicaSet leaves its pods"},
	{"its number", `{apiVersion: apps/v1, kind: ReplicaSet, metadata: {labels: {a: CHANGES}}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: BASE}]}}}}`, ""},
	{"the older set of pods", `{apiVersion: v1, kind: ReplicationController, spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: BASE, env: [{name: A, value: CHANGES}]}]}}}}`, "a ReplicationController leaves its pods"},
	{"what replaces its pods", `{apiVersion: apps/v1, kind: Deployment, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: CHANGES}]}}}}`, ""},
}

func TestWhatStaysAsItWas(t *testing.T) {
	object := func(text, change string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: parse(t, strings.NewReplacer("CHANGES", change, "BASE", testImage).Replace(text))}
	}
	for _, test := range changesInPlace {
		before := object(test.object, "old")
		if got := stays(before, before); got != "" {
			t.Errorf("%s, unchanged: %q", test.name, got)
		}
		if got := stays(before, object(test.object, "new")); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	const evicted = `{apiVersion: v1, kind: Pod, spec: {restartPolicy: Always, containers: [{name: c, image: CHANGES}]}, status: {phase: Failed, reason: Evicted}}`
	if stays(object(evicted, "old"), object(evicted, "new")) == "" {
		t.Error("a Pod that was evicted does not come back by itself")
	}
}

// TestClusterReplacesWhatStays: on a real server, too, a change of what would go
// on as it was makes it anew.
func TestClusterReplacesWhatStays(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	for step, change := range []string{"old", "new", "new"} {
		var objects []map[string]any
		for i, test := range changesInPlace {
			object := parse(t, strings.NewReplacer("CHANGES", change, "BASE", testImage).Replace(test.object))
			metadata, _ := object["metadata"].(map[string]any)
			if metadata == nil {
				metadata = map[string]any{}
			}
			metadata["name"], object["metadata"] = fmt.Sprint("changed-", i), metadata
			objects = append(objects, object)
		}
		applied, err := c.Apply(t.Context(), objects, ApplyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, test := range changesInPlace {
			want := []Action{Created, Updated, Unchanged}[step]
			if want == Updated && test.want != "" {
				want = Replaced
			}
			if got := applied[i].Action; got != want {
				t.Errorf("%s, change %d: %s, want %s", test.name, step, got, want)
			}
		}
	}
}

// TestClusterUnblocksOrderedSets: a StatefulSet that keeps an order is mended by
// a change while its first pod is not ready, and one that is ready stays until
// the controller replaces it.
func TestClusterUnblocksOrderedSets(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	set := func(image string) []map[string]any {
		return []map[string]any{parse(t, `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {serviceName: db, podManagementPolicy: OrderedReady, selector: {matchLabels: {app: db}},
  template: {metadata: {labels: {app: db}}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: "`+image+`", command: [sleep, "100000"]}]}}}}`)}
	}
	var deleted []string
	apply := func(image string) {
		t.Helper()
		_, err := c.Apply(t.Context(), set(image), ApplyOptions{Labels: testLabels, Progress: func(p Progress) {
			if strings.HasPrefix(p.Message, "pod db-0 is not ready") {
				deleted = append(deleted, image)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	events := watchAll(t, c, "")
	runs := func(image string) {
		t.Helper()
		events.wait(t, "a pod that is ready with "+image, func(e Event) bool {
			return e.Kind == PodChanged && e.Pod.Ready && e.Pod.Containers[0].Image == image
		})
	}
	apply("127.0.0.1:5000/no-such-image:1")
	events.wait(t, "a pod without its image", func(e Event) bool { return e.Kind == PodChanged && e.Pod.Stuck() })
	apply(testImage)
	runs(testImage)
	apply(testImage)
	same := strings.Replace(testImage, "127.0.0.1", "localhost", 1)
	apply(same)
	if want := []string{testImage}; !slices.Equal(deleted, want) {
		t.Errorf("pods that were deleted for %q, want %q", deleted, want)
	}
}
