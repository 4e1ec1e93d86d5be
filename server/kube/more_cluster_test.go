package kube

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/kubeconfig"
)

func TestClusterDefinitions(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	group := strings.ReplaceAll(c.Identity().Namespace, "-", "") + ".towline.dev"
	widget := parse(t, "apiVersion: "+group+"/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}")
	definition := parse(t, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.`+group+`}
spec:
  group: `+group+`
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}`)
	both := []map[string]any{widget, definition} // in the wrong order on purpose
	applied, err := c.Apply(t.Context(), both, ApplyOptions{Labels: testLabels})
	if err != nil || len(applied) != 2 || applied[0].Ref.Kind != "Widget" || applied[0].Ref.Namespace == "" || applied[1].Ref.Namespace != "" {
		t.Errorf("applied %+v, %v", applied, err)
	}
	if err := c.Delete(t.Context(), both, DeleteOptions{}); err != nil {
		t.Error(err)
	}
	if now, err := c.Current(t.Context(), both); err != nil || len(now) != 0 {
		t.Errorf("still there: %+v, %v", now, err)
	}
}

func TestClusterDuplicateKeys(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	web := deployment("web", testImage, "sleep", "1000")
	container := web["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
	container["env"] = []any{map[string]any{"name": "A", "value": "1"}, map[string]any{"name": "A", "value": "2"}}
	for _, want := range []Action{Created, Unchanged, Updated} {
		if want == Updated {
			container["args"] = []any{"x"}
		}
		applied, err := c.Apply(t.Context(), []map[string]any{web}, ApplyOptions{Labels: testLabels})
		if err != nil || applied[0].Action != want {
			t.Fatalf("applied %+v, %v; want %s", applied, err, want)
		}
		// The controller writes its annotation, which counts as a change.
		err = waitFor(t.Context(), func() (bool, error) {
			now, err := c.Current(t.Context(), []map[string]any{web})
			if err != nil || len(now) != 1 {
				return false, err
			}
			metadata := now[0].Content["metadata"].(map[string]any)
			status, _ := now[0].Content["status"].(map[string]any)
			return metadata["annotations"] != nil && status["observedGeneration"] == metadata["generation"], nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestClusterWaitsForEndingObjects(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	held := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "m", "finalizers": []any{"towline.dev/test"}}}
	if _, err := c.Apply(t.Context(), []map[string]any{held}, ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), []map[string]any{held}, DeleteOptions{NoWait: true}); err != nil {
		t.Fatal(err)
	}
	free := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "m"}, "data": map[string]any{"new": "yes"}}
	applied, err := c.Apply(t.Context(), []map[string]any{free}, ApplyOptions{Progress: func(p Progress) {
		if p.Action != Waiting {
			return
		}
		_, err := c.clientset.CoreV1().ConfigMaps(c.Identity().Namespace).Patch(context.Background(), "m", "application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`), patchOptions)
		if err != nil {
			t.Error(err)
		}
	}})
	if err != nil || applied[0].Action != Created || terminating(applied[0].Content) {
		t.Errorf("applied %+v, %v; want a new one", applied, err)
	}
}

func TestClusterForbidden(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	limited := rest.CopyConfig(c.credentials.config)
	limited.Impersonate.UserName = "nobody"
	other, err := newCluster(limited, nil)
	if err != nil {
		t.Fatal(err)
	}
	other.identity = c.identity
	_, err = other.Apply(t.Context(), []map[string]any{deployment("web", testImage, "true")}, ApplyOptions{})
	var p *config.Problem
	if !IsKind(err, Forbidden) || !errors.As(err, &p) || !strings.Contains(p.Hint, "--namespace") {
		t.Errorf("got %v, %+v; want forbidden with a hint", err, p)
	}
	if r, unread, err := other.DiscoverRegistry(t.Context()); err != nil || !strings.Contains(unread, "get configmaps") && !strings.Contains(unread, "list nodes") {
		t.Errorf("registry %v, unread %q, %v; want the missing right and no error", r, unread, err)
	}
	if _, err := other.Dial(t.Context(), "default", "x", 1); !IsKind(err, Forbidden) {
		t.Errorf("dialling: %v, want forbidden", err)
	}
}

func TestClusterFacts(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	version, err := c.ServerVersion(t.Context())
	if err != nil || !strings.HasPrefix(version, "v1.") {
		t.Errorf("version %q, %v", version, err)
	}
	nodes, err := c.Nodes(t.Context())
	if err != nil || len(nodes) == 0 || !nodes[0].Ready || nodes[0].OS != "linux" || nodes[0].Arch == "" || nodes[0].Runtime == "" {
		t.Errorf("nodes %+v, %v", nodes, err)
	}
	registry, _, err := c.DiscoverRegistry(t.Context())
	if c.Identity().Product == kubeconfig.Testbed && (err != nil || registry == nil || registry.Host != "127.0.0.1:5000") {
		t.Errorf("registry %+v, %v", registry, err)
	}
}

func TestClusterLogsFollow(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	watched := watchAll(t, c, "")
	pod := parse(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: count}\nspec:\n  restartPolicy: Never\n  terminationGracePeriodSeconds: 1\n  containers:\n  - name: main\n    image: "+testImage+"\n    command: [sh, -c, 'for i in 1 2 3 4 5 6; do echo line $i; sleep 0.2; done; exit 3']")
	if _, err := c.Apply(t.Context(), []map[string]any{pod}, ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	watched.wait(t, "a running container", func(e Event) bool {
		return e.Kind == PodChanged && len(e.Pod.Containers) == 1 && e.Pod.Containers[0].State != ContainerWaiting
	})
	o := LogOptions{Namespace: c.Identity().Namespace, Pod: "count", Container: "main", Follow: true}
	var got []string
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	take := func(l LogLine) {
		got = append(got, l.Text)
		o.Since = l.Time.Add(1) // no two lines of this program are of one moment
		if len(got) == 3 {
			cancel() // the connection is lost
		}
	}
	if err := c.Logs(ctx, o, take); err != nil {
		t.Fatal(err)
	}
	if err := c.Logs(t.Context(), o, take); err != nil { // resumed
		t.Fatal(err)
	}
	if want := "line 1,line 2,line 3,line 4,line 5,line 6"; strings.Join(got, ",") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	failed := watched.wait(t, "the exit code", func(e Event) bool { return e.Kind == PodChanged && e.Pod.Rollout().Failed })
	if message := failed.Pod.Rollout().Message; message != "container main exited with code 3" {
		t.Errorf("got %q", message)
	}
}

func TestClusterDialEndsWithThePod(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	watched := watchAll(t, c, "")
	pod := parse(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: echo}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers:\n  - {name: main, image: "+testImage+", command: [nc, -ll, -p, '9000', -e, cat]}")
	if _, err := c.Apply(t.Context(), []map[string]any{pod}, ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	running := watched.wait(t, "a ready pod", func(e Event) bool { return e.Kind == PodChanged && e.Pod.Ready }).Pod
	conn, err := c.Dial(t.Context(), running.Namespace, running.Name, 9000)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	roundTrip(t, conn, []byte("x"))
	ended := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		ended <- err
	}()
	if err := c.Delete(t.Context(), []map[string]any{pod}, DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a read went well after the pod's end")
		}
		t.Log(err)
	case <-time.After(20 * time.Second):
		t.Error("a read still waits after the pod's end")
	}
	closed, err := c.Dial(t.Context(), running.Namespace, running.Name, 9000)
	if err == nil {
		_ = closed.Close()
		t.Error("dialled a pod that is gone")
	}
}

// TestWatchKind follows objects that have no pods, from what is there at first.
func TestWatchKind(t *testing.T) {
	c := testCluster(t)
	object := func(name string) map[string]any {
		return map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name}}
	}
	apply := func(name string, labels map[string]string) Ref {
		t.Helper()
		applied, err := c.Apply(t.Context(), []map[string]any{object(name)}, ApplyOptions{Labels: labels})
		if err != nil {
			t.Fatal(err)
		}
		return applied[0].Ref
	}
	first := apply("first", testLabels)
	e := &events{more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	kind := Ref{Version: "v1", Kind: "ConfigMap", Namespace: c.Identity().Namespace}
	go func() { done <- c.WatchKind(ctx, kind, LabelWorkspace+"=ws-1", e.add) }()
	e.wait(t, "what is there", func(ev Event) bool { return ev.Kind == ObjectSeen && ev.Object == first })
	apply("stranger", nil)
	second := apply("second", testLabels)
	e.wait(t, "what is new", func(ev Event) bool { return ev.Kind == ObjectSeen && ev.Object == second })
	if err := c.Delete(t.Context(), []map[string]any{object("stranger"), object("first")}, DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.wait(t, "what was deleted", func(ev Event) bool { return ev.Kind == ObjectGone && ev.Object == first })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if slices.ContainsFunc(e.all, func(ev Event) bool { return ev.Object.Name == "stranger" }) {
		t.Error("an object without the label was told")
	}
	kind.Kind = "Nonsense"
	if err := c.WatchKind(t.Context(), kind, "", nil); !IsKind(err, NotFound) {
		t.Errorf("a kind that nobody knows: %v", err)
	}
}
