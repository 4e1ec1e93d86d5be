package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testImage is in the test bed's registry.
const testImage = "127.0.0.1:5000/busybox:1"

// testClusters numbers the namespaces.
var testClusters atomic.Int64

// testCluster opens the real cluster in a namespace of the test's own.
func testCluster(t testing.TB) *Cluster {
	t.Helper()
	path := os.Getenv("TOWLINE_TEST_KUBECONFIG")
	if path == "" {
		t.Skip("TOWLINE_TEST_KUBECONFIG is not set: this test needs a real cluster")
	}
	namespace := fmt.Sprintf("tl-kube-%x-%d", time.Now().UnixNano(), testClusters.Add(1))
	c, err := Open(Options{Kubeconfig: path, Namespace: namespace, Warn: func(text string) { t.Log("warning:", text) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.EnsureNamespace(t.Context(), namespace, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		object := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace}}
		if err := c.Delete(ctx, []map[string]any{object}, DeleteOptions{NoWait: true}); err != nil {
			t.Error(err)
		}
	})
	return c
}

// events collects a Watch's events and lets a test wait for one.
type events struct {
	mu   sync.Mutex
	all  []Event
	more chan struct{}
}

// watchAll starts a Watch that ends with the test.
func watchAll(t testing.TB, c *Cluster, selector string) *events {
	e := &events{more: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Watch(ctx, c.Identity().Namespace, selector, e.add)
	}()
	t.Cleanup(func() { cancel(); <-done })
	e.wait(t, "the first list", func(ev Event) bool { return ev.Kind == Synced })
	return e
}

func (e *events) add(ev Event) {
	e.mu.Lock()
	e.all = append(e.all, ev)
	e.mu.Unlock()
	select {
	case e.more <- struct{}{}:
	default:
	}
}

// wait returns the first event that fits, which may have come already.
func (e *events) wait(t testing.TB, what string, fits func(Event) bool) Event {
	t.Helper()
	limit := time.After(40 * time.Second)
	for {
		e.mu.Lock()
		for _, ev := range e.all {
			if fits(ev) {
				e.mu.Unlock()
				return ev
			}
		}
		e.mu.Unlock()
		select {
		case <-e.more:
		case <-limit:
			t.Fatalf("no event for %s in time; got %d events", what, len(e.all))
		}
	}
}

// object makes an object of text.
func deployment(name, image string, argv ...any) map[string]any {
	return map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"app": name}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": name}},
				"spec": map[string]any{
					"terminationGracePeriodSeconds": 1,
					"containers":                    []any{map[string]any{"name": "main", "image": image, "command": argv}},
				},
			},
		},
	}
}

var testLabels = map[string]string{LabelWorkspace: "ws-1"}

func TestClusterStory(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	ctx := t.Context()
	namespace := c.Identity().Namespace
	watched := watchAll(t, c, LabelWorkspace+"=ws-1")

	script := "nc -ll -p 9000 -e cat & echo started; trap 'exit 0' TERM; while true; do sleep 0.1; done"
	web := deployment("web", testImage, "sh", "-c", script)
	configMap := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "settings"}, "data": map[string]any{"a": "b"}}
	applied, err := c.Apply(ctx, []map[string]any{web, configMap}, ApplyOptions{Labels: testLabels})
	if err != nil {
		t.Fatal(err)
	}
	if len(applied) != 2 || applied[0].Action != Created || applied[0].Ref.Kind != "Deployment" || applied[0].Ref.Namespace != namespace {
		t.Fatalf("applied %+v", applied)
	}
	if _, labelled := web["metadata"].(map[string]any)["labels"]; labelled {
		t.Error("Apply changed the caller's object")
	}
	again, err := c.Apply(ctx, []map[string]any{configMap}, ApplyOptions{Labels: testLabels})
	if err != nil || again[0].Action != Unchanged {
		t.Errorf("applied again: %+v, %v; want unchanged", again, err)
	}

	pod := watched.wait(t, "a ready pod", func(e Event) bool { return e.Kind == PodChanged && e.Pod.Ready }).Pod
	if want := (Owner{Kind: "Deployment", Name: "web"}); pod.Owner != want || pod.TemplateHash == "" {
		t.Errorf("owner %+v, template hash %q; want %+v", pod.Owner, pod.TemplateHash, want)
	}
	main := pod.Container("main")
	if main.State != ContainerRunning || main.StartedAt.IsZero() || !strings.Contains(main.ImageID, "sha256:") {
		t.Errorf("container %+v", main)
	}
	watched.wait(t, "a ready deployment", func(e Event) bool {
		return e.Kind == WorkloadChanged && e.Workload.Ref.Name == "web" && e.Workload.Rollout.Ready
	})
	watched.wait(t, "a notice about the pod", func(e Event) bool { return e.Kind == Noticed && e.Notice.About.UID == pod.UID })

	t.Run("logs", func(t *testing.T) { checkLogs(t, c, pod) })
	t.Run("exec", func(t *testing.T) { checkExec(t, c, pod) })
	t.Run("dial", func(t *testing.T) { checkDial(t, c, pod) })

	owned, err := c.Owned(ctx, "ws-1")
	owned = slices.DeleteFunc(owned, func(o map[string]any) bool { return RefOf(o).Namespace != namespace }) // other tests' have the label too
	if err != nil || len(owned) != 2 {
		t.Errorf("owned %d objects, %v; want the two applied", len(owned), err)
	}
	var progress []Progress
	var mu sync.Mutex
	err = c.Delete(ctx, []map[string]any{web, configMap}, DeleteOptions{Progress: func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		progress = append(progress, p)
	}})
	if err != nil || len(progress) != 2 {
		t.Errorf("deleting: %v, progress %+v", err, progress)
	}
	watched.wait(t, "the pod's end", func(e Event) bool { return e.Kind == PodGone && e.Pod.UID == pod.UID })
	if now, err := c.Current(ctx, []map[string]any{web, configMap}); err != nil || len(now) != 0 {
		t.Errorf("still there: %+v, %v", now, err)
	}
}

// checkLogs reads a log whole and from its end.
func checkLogs(t *testing.T, c *Cluster, pod Pod) {
	var lines []LogLine
	o := LogOptions{Namespace: pod.Namespace, Pod: pod.Name, Container: "main"}
	if err := c.Logs(t.Context(), o, func(l LogLine) { lines = append(lines, l) }); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1 || lines[0].Text != "started" || lines[0].Time.IsZero() {
		t.Fatalf("got lines %+v", lines)
	}
	o.Since = lines[0].Time.Add(1)
	if err := c.Logs(t.Context(), o, func(l LogLine) { t.Errorf("read again: %+v", l) }); err != nil {
		t.Fatal(err)
	}
	o.Container = "missing"
	if err := c.Logs(t.Context(), o, func(LogLine) {}); !IsKind(err, Invalid) {
		t.Errorf("log of a container that is not there: %v", err)
	}
}

// checkExec runs commands.
func checkExec(t *testing.T, c *Cluster, pod Pod) {
	var out, complaints strings.Builder
	code, err := c.Exec(t.Context(), ExecOptions{
		Namespace: pod.Namespace, Pod: pod.Name, Container: "main",
		Argv: []string{"sh", "-c", "cat; echo oops >&2; exit 7"}, Stdin: strings.NewReader("hello"), Stdout: &out, Stderr: &complaints,
	})
	if err != nil || code != 7 || out.String() != "hello" || complaints.String() != "oops\n" {
		t.Errorf("exit %d, %v, out %q, err %q", code, err, out.String(), complaints.String())
	}
	_, err = c.Exec(t.Context(), ExecOptions{Namespace: pod.Namespace, Pod: "missing", Container: "main", Argv: []string{"true"}})
	if !IsKind(err, NotFound) {
		t.Errorf("exec in a pod that is not there: %v", err)
	}
	sizes := make(chan Size, 1)
	sizes <- Size{Columns: 97, Rows: 31}
	close(sizes)
	var shown bytes.Buffer
	stdin, hold := io.Pipe() // what ends it would end the terminal
	defer hold.Close()
	code, err = c.Exec(t.Context(), ExecOptions{
		Namespace: pod.Namespace, Pod: pod.Name, Container: pod.Containers[0].Name, TTY: true, Sizes: sizes, Stdin: stdin, Stdout: &shown,
		Argv: []string{"sh", "-c", "until [ \"$(stty size)\" = '31 97' ]; do sleep 0.01; done; [ -t 1 ] && echo on a terminal; exit 7"},
	})
	if err != nil || code != 7 || !strings.Contains(shown.String(), "on a terminal\r\n") {
		t.Errorf("on a terminal: %d, %v, %q", code, err, shown.String())
	}
	pods, err := c.Pods(t.Context(), pod.Namespace, "")
	if err != nil || !slices.ContainsFunc(pods, func(p Pod) bool { return p.Name == pod.Name && len(p.Containers) > 0 }) {
		t.Errorf("pods: %+v, %v", pods, err)
	}
}

func TestClusterReplacesImmutable(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	web := deployment("web", testImage, "sleep", "1000")
	if _, err := c.Apply(t.Context(), []map[string]any{web}, ApplyOptions{Labels: testLabels}); err != nil {
		t.Fatal(err)
	}
	spec := web["spec"].(map[string]any)
	spec["selector"] = map[string]any{"matchLabels": map[string]any{"tier": "front"}}
	spec["template"].(map[string]any)["metadata"] = map[string]any{"labels": map[string]any{"tier": "front"}}
	var messages []string
	applied, err := c.Apply(t.Context(), []map[string]any{web}, ApplyOptions{Labels: testLabels, Progress: func(p Progress) {
		messages = append(messages, string(p.Action)+" "+p.Message)
	}})
	if err != nil || applied[0].Action != Replaced {
		t.Fatalf("applied %+v, %v; want replaced", applied, err)
	}
	if want := "replaced deleted and created anew: spec.selector cannot be changed in place"; messages[len(messages)-1] != want {
		t.Errorf("got %q, want %q last", messages, want)
	}
}

// TestClusterRunsAnew: a Job and a Pod that are there run once more when that is
// asked for, and nothing else is replaced.
func TestClusterRunsAnew(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	pod := map[string]any{"restartPolicy": "Never", "containers": []any{map[string]any{"name": "c", "image": testImage, "command": []any{"true"}}}}
	all := []map[string]any{
		{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "settings"}},
		{"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"name": "migrate"}, "spec": map[string]any{"template": map[string]any{"spec": pod}}},
		{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "once"}, "spec": pod},
	}
	var before []string
	for _, test := range []struct {
		anew bool
		want []Action
	}{{true, []Action{Created, Created, Created}}, {false, []Action{Unchanged, Unchanged, Unchanged}}, {true, []Action{Unchanged, Replaced, Replaced}}} {
		applied, err := c.Apply(t.Context(), all, ApplyOptions{Labels: testLabels, Anew: test.anew})
		if err != nil {
			t.Fatal(err)
		}
		var uids []string
		for i, a := range applied {
			if a.Action != test.want[i] {
				t.Errorf("anew %v: %s %s, want %s", test.anew, a.Ref, a.Action, test.want[i])
			}
			uids = append(uids, a.Ref.UID)
			if same := before == nil || uids[i] == before[i]; same != (before == nil || test.want[i] != Replaced) {
				t.Errorf("anew %v: %s is the same: %v", test.anew, a.Ref, same)
			}
		}
		before = uids
	}
}

func TestClusterRefusals(t *testing.T) {
	t.Parallel()
	c := testCluster(t)
	badValue := deployment("Bad_Name", testImage, "true")
	badValue["spec"].(map[string]any)["replicas"] = -1
	unknownField := deployment("web", testImage, "true")
	unknownField["spec"].(map[string]any)["replica"] = 1
	wrongType := deployment("web", testImage, "true")
	wrongType["spec"].(map[string]any)["replicas"] = "three"
	for _, test := range []struct {
		name   string
		object map[string]any
		kind   ErrorKind
		fields []string
	}{
		{"values", badValue, Invalid, []string{"metadata.name", "spec.replicas"}},
		{"an unknown field", unknownField, Invalid, []string{"spec.replica"}},
		{"a wrong type", wrongType, Invalid, []string{"spec.replicas"}},
		{"an unknown kind", map[string]any{"apiVersion": "example.com/v1", "kind": "Widget", "metadata": map[string]any{"name": "w"}}, NotFound, nil},
		{"another namespace", map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "m", "namespace": "tl-kube-none"}}, NotFound, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.Apply(t.Context(), []map[string]any{test.object}, ApplyOptions{Labels: testLabels})
			var e *Error
			if !errors.As(err, &e) || e.Kind != test.kind {
				t.Fatalf("got %#v (%v), want %s", err, err, test.kind)
			}
			t.Log(e.Problem().Message, "/", e.Problem().Hint)
			var fields []string
			for _, cause := range e.Causes {
				fields = append(fields, cause.Field)
			}
			for i, want := range test.fields {
				if i >= len(fields) || !strings.HasPrefix(fields[i], want) {
					t.Errorf("fields %q, want %q (%v)", fields, test.fields, e.Err)
				}
			}
		})
	}
}

// patchOptions are those of a test's own change.
var patchOptions = metav1.PatchOptions{}
