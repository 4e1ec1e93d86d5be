package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeAPI is an API server with pods and events that a test changes. It can
// hang up and refuse.
type fakeAPI struct {
	mu       sync.Mutex
	version  int
	objects  map[string]map[string]any // "pods/name"
	log      []change
	more     chan struct{} // closed at each change, then made anew
	down     bool
	forgot   int      // watches from before this version are told that it is gone
	forbid   []string // resources that may not be seen
	requests []string // "list pods", "watch pods 3"
}

// change is one watch event.
type change struct {
	version  int
	resource string
	body     []byte
}

func newFakeAPI() *fakeAPI {
	return &fakeAPI{objects: map[string]map[string]any{}, more: make(chan struct{})}
}

// put adds or changes an object.
func (f *fakeAPI) put(resource string, object map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version++
	metadata := object["metadata"].(map[string]any)
	metadata["resourceVersion"] = fmt.Sprint(f.version)
	metadata["namespace"] = "ns"
	if metadata["uid"] == nil {
		metadata["uid"] = "uid-" + metadata["name"].(string)
	}
	key := resource + "/" + metadata["name"].(string)
	kind := "ADDED"
	if f.objects[key] != nil {
		kind = "MODIFIED"
	}
	f.objects[key] = object
	f.tell(resource, kind, object)
}

// remove deletes an object.
func (f *fakeAPI) remove(resource, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.version++
	object := f.objects[resource+"/"+name]
	delete(f.objects, resource+"/"+name)
	f.tell(resource, "DELETED", object)
}

// tell wakes the watches.
func (f *fakeAPI) tell(resource, kind string, object map[string]any) {
	body, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		panic(err)
	}
	f.log = append(f.log, change{f.version, resource, body})
	f.wake()
}

func (f *fakeAPI) wake() {
	close(f.more)
	f.more = make(chan struct{})
}

// set changes the server's mood and hangs up on every watch.
func (f *fakeAPI) set(edit func(*fakeAPI)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit(f)
	f.wake()
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resource := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	f.mu.Lock()
	down, forbidden := f.down, slices.Contains(f.forbid, resource)
	verb := "list " + resource
	if r.URL.Query().Get("watch") != "" {
		verb = "watch " + resource
	}
	f.requests = append(f.requests, verb)
	f.mu.Unlock()
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case forbidden:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"no"}`)
	case strings.HasPrefix(verb, "watch"):
		f.watch(w, r, resource)
	default:
		f.list(w, resource)
	}
}

func (f *fakeAPI) list(w http.ResponseWriter, resource string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	items := []any{}
	for key, object := range f.objects {
		if strings.HasPrefix(key, resource+"/") {
			items = append(items, object)
		}
	}
	kinds := map[string]string{"pods": "v1/PodList", "events": "v1/EventList", "deployments": "apps/v1/DeploymentList",
		"statefulsets": "apps/v1/StatefulSetList", "daemonsets": "apps/v1/DaemonSetList", "jobs": "batch/v1/JobList"}
	i := strings.LastIndexByte(kinds[resource], '/')
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": kinds[resource][:i], "kind": kinds[resource][i+1:],
		"metadata": map[string]any{"resourceVersion": fmt.Sprint(f.version)}, "items": items,
	})
}

func (f *fakeAPI) watch(w http.ResponseWriter, r *http.Request, resource string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	flusher := w.(http.Flusher)
	flusher.Flush()
	var from int
	_, _ = fmt.Sscan(r.URL.Query().Get("resourceVersion"), &from)
	for {
		f.mu.Lock()
		more, down, forgot, log := f.more, f.down, f.forgot, slices.Clone(f.log)
		f.mu.Unlock()
		if down {
			return
		}
		if from < forgot {
			fmt.Fprint(w, `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"too old"}}`)
			return
		}
		for _, c := range log {
			if c.version > from && c.resource == resource {
				_, _ = w.Write(c.body)
				from = c.version
			}
		}
		flusher.Flush()
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
}

// fakePod is a pod for a fakeAPI.
func fakePod(name, phase string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name}, "status": map[string]any{"phase": phase}}
}

// fakeNotice is an event about a pod.
func fakeNotice(name, pod, reason string) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": reason,
		"metadata":       map[string]any{"name": name},
		"involvedObject": map[string]any{"kind": "Pod", "name": pod, "namespace": "ns", "uid": "uid-" + pod}}
}

// told starts a Watch and hands its events over as words.
func told(t *testing.T, api *fakeAPI) (next func() string) {
	c := fakeCluster(t, api)
	words := make(chan string, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Watch(ctx, "ns", "", func(e Event) { words <- inWords(e) })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return func() string {
		t.Helper()
		select {
		case word := <-words:
			return word
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was told in time")
			return ""
		}
	}
}

// inWords is an event in a few words.
func inWords(e Event) string {
	switch e.Kind {
	case PodChanged, PodGone:
		return fmt.Sprintf("%s %s %s", e.Kind, e.Pod.Name, e.Pod.Phase)
	case WorkloadChanged, WorkloadGone:
		return fmt.Sprintf("%s %s %s", e.Kind, e.Workload.Ref.Kind, e.Workload.Ref.Name)
	case Noticed:
		return fmt.Sprintf("%s %s %s", e.Kind, e.Notice.About.Name, e.Notice.Reason)
	}
	return strings.TrimSpace(string(e.Kind) + " " + e.Object.Kind)
}

// expect reads the given events in order.
func expect(t *testing.T, next func() string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := next(); got != w {
			t.Fatalf("got %q, want %q", got, w)
		}
	}
}

func TestWatchTellsChanges(t *testing.T) {
	api := newFakeAPI()
	api.put("pods", fakePod("a", "Running"))
	next := told(t, api)
	expect(t, next, "pod changed a Running", "synced")
	api.put("pods", fakePod("b", "Pending"))
	expect(t, next, "pod changed b Pending")
	api.put("events", fakeNotice("e1", "b", "FailedScheduling"))
	expect(t, next, "noticed b FailedScheduling")
	api.put("events", fakeNotice("e2", "stranger", "BackOff")) // not told: no such pod is watched
	api.put("deployments", map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web"}, "spec": map[string]any{}})
	expect(t, next, "workload changed Deployment web")
	api.remove("pods", "a")
	expect(t, next, "pod gone a Running")
	api.remove("deployments", "web")
	expect(t, next, "workload gone Deployment web")
}

func TestWatchHoldsEarlyNotices(t *testing.T) {
	api := newFakeAPI()
	next := told(t, api)
	expect(t, next, "synced")
	api.put("events", fakeNotice("e1", "a", "FailedMount"))
	api.put("deployments", map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "web"}})
	expect(t, next, "workload changed Deployment web")
	api.put("pods", fakePod("a", "Pending"))
	got := []string{next(), next()}
	slices.Sort(got) // the two streams may come in either order
	if diff := cmp.Diff([]string{"noticed a FailedMount", "pod changed a Pending"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWatchSurvivesALostCluster(t *testing.T) {
	api := newFakeAPI()
	api.put("pods", fakePod("a", "Running"))
	api.put("pods", fakePod("b", "Running"))
	api.put("pods", fakePod("c", "Running"))
	next := told(t, api)
	begin := []string{next(), next(), next(), next()}
	if begin[3] != "synced" {
		t.Fatalf("got %q", begin)
	}
	api.set(func(f *fakeAPI) { f.down = true })
	expect(t, next, "lost")
	api.remove("pods", "a")
	api.put("pods", fakePod("b", "Failed"))
	api.set(func(f *fakeAPI) { f.down = false; f.forgot = f.version })
	// A stream that did not notice the loss tells its changes when it likes.
	missing := map[string]bool{"pod changed b Failed": true, "pod gone a Running": true, "synced": true}
	for len(missing) > 0 {
		word := next()
		if !missing[word] {
			t.Fatalf("got %q, want one of %v", word, missing)
		}
		delete(missing, word)
	}
	api.put("pods", fakePod("d", "Pending"))
	expect(t, next, "pod changed d Pending")
}

func TestWatchForgottenVersion(t *testing.T) {
	api := newFakeAPI()
	next := told(t, api)
	expect(t, next, "synced")
	api.put("pods", fakePod("a", "Running"))
	expect(t, next, "pod changed a Running")
	api.set(func(f *fakeAPI) {
		f.version += 100
		f.forgot = f.version
	})
	api.put("pods", fakePod("b", "Running"))
	expect(t, next, "pod changed b Running") // and no loss
}

func TestWatchWithoutPermissions(t *testing.T) {
	api := newFakeAPI()
	api.forbid = []string{"events", "deployments", "jobs"}
	api.put("pods", fakePod("a", "Running"))
	next := told(t, api)
	got := []string{next(), next(), next()} // the streams may come in any order
	slices.Sort(got)
	if diff := cmp.Diff([]string{"pod changed a Running", "refused Deployment", "refused Job"}, got); diff != "" {
		t.Error(diff)
	}
	expect(t, next, "synced")

	blind := newFakeAPI()
	blind.forbid = []string{"pods"}
	expect(t, told(t, blind), "lost")
}

// TestWatchIsImmediate holds the way of an event from the API server to emit
// below 10 ms, at the median so that a busy machine does not fail it.
func TestWatchIsImmediate(t *testing.T) {
	api := newFakeAPI()
	next := told(t, api)
	expect(t, next, "synced")
	var took []time.Duration
	for i := range 51 {
		name := fmt.Sprint("p", i)
		pod := fakePod(name, "Running")
		began := time.Now()
		api.put("pods", pod)
		expect(t, next, "pod changed "+name+" Running")
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("p50 %v, max %v", took[25], took[50])
	if took[25] > 10*time.Millisecond {
		t.Errorf("the median is %v, want below 10ms", took[25])
	}
}
