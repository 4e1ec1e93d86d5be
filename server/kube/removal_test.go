package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// idleAPI is an API server without controllers: what is deleted in the
// foreground stays for ever, and nothing goes with its owner. Pods end at the
// second look.
type idleAPI struct {
	mu       sync.Mutex
	objects  map[string]map[string]any // "deployments/web"
	pause    map[string]int            // once something was deleted, how many of these get no answer
	busy     map[string]int            // of pause, those to come
	forbid   map[string]bool           // "list replicasets"
	requests []string
	stores   bool // what is patched takes the object's place
}

func newIdleAPI(t *testing.T) (*idleAPI, *Cluster) {
	api := &idleAPI{objects: map[string]map[string]any{}, forbid: map[string]bool{}}
	return api, fakeCluster(t, api)
}

// idleKinds are the kinds that it serves.
var idleKinds = map[string][]metav1.APIResource{
	"v1": {
		{Name: "pods", Kind: "Pod", Namespaced: true}, {Name: "configmaps", Kind: "ConfigMap", Namespaced: true},
		{Name: "services", Kind: "Service", Namespaced: true},
	},
	"apps/v1":    {{Name: "deployments", Kind: "Deployment", Namespaced: true}, {Name: "replicasets", Kind: "ReplicaSet", Namespaced: true}},
	"example/v1": {{Name: "things", Kind: "Thing", Namespaced: true, Verbs: metav1.Verbs{"list", "delete"}}},
}

// add makes an object, and returns it as a person names it.
func (a *idleAPI) add(resource, apiVersion, kind, name, owner string) map[string]any {
	meta := map[string]any{"name": name, "namespace": "ns", "uid": "uid-" + name, "labels": map[string]any{LabelWorkspace: "ws"}}
	if owner != "" {
		meta["ownerReferences"] = []any{map[string]any{"uid": "uid-" + owner, "kind": "any", "name": owner, "apiVersion": "v1"}}
	}
	a.objects[resource+"/"+name] = map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": meta}
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": name}}
}

// deployment makes a Deployment with its ReplicaSet and a pod.
func (a *idleAPI) deployment(name string) map[string]any {
	a.add("replicasets", "apps/v1", "ReplicaSet", name+"-rs", name)
	a.add("pods", "v1", "Pod", name+"-pod", name+"-rs")
	return a.add("deployments", "apps/v1", "Deployment", name, "")
}

func (a *idleAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if a.discovers(w, r.URL.Path) {
		return
	}
	_, rest, _ := strings.Cut(r.URL.Path, "/namespaces/ns/")
	resource, name, _ := strings.Cut(rest, "/")
	verb := strings.ToLower(r.Method)
	if verb == "get" && name == "" {
		verb = "list"
	}
	a.requests = append(a.requests, verb+" "+resource)
	object := a.objects[rest]
	switch {
	case a.busy[verb+" "+resource] > 0:
		a.busy[verb+" "+resource]--
		refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "come back later")
	case a.forbid[verb+" "+resource]:
		refuse(w, http.StatusForbidden, "Forbidden", "you may not "+verb+" "+resource)
	case verb == "list":
		a.list(w, resource)
	case verb == "patch" && a.stores:
		var stored map[string]any
		_ = json.NewDecoder(r.Body).Decode(&stored)
		a.objects[rest] = stored
		_ = json.NewEncoder(w).Encode(stored)
	case object == nil:
		refuse(w, http.StatusNotFound, "NotFound", rest)
	case verb == "delete":
		body, _ := io.ReadAll(r.Body) // of clients with types it is no JSON
		if a.busy == nil {
			a.busy = a.pause
		}
		a.delete(rest, object, bytes.Contains(body, []byte(metav1.DeletePropagationForeground)))
		fallthrough
	default:
		_ = json.NewEncoder(w).Encode(object)
	}
}

// delete does what the server itself does.
func (a *idleAPI) delete(key string, object map[string]any, foreground bool) {
	meta := object["metadata"].(map[string]any)
	meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
	switch {
	case foreground:
		meta["finalizers"] = []any{metav1.FinalizerDeleteDependents}
	case object["kind"] != "Pod":
		delete(a.objects, key)
	}
}

func (a *idleAPI) list(w http.ResponseWriter, resource string) {
	var items []any
	for _, key := range slices.Sorted(maps.Keys(a.objects)) {
		meta := a.objects[key]["metadata"].(map[string]any)
		if !strings.HasPrefix(key, resource+"/") {
			continue
		}
		items = append(items, a.objects[key])
		if resource == "pods" && meta["deletionTimestamp"] != nil {
			delete(a.objects, key) // it has ended by now
		}
	}
	answer := map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}, "items": items}
	for version, kinds := range idleKinds {
		for _, k := range kinds {
			if k.Name == resource {
				answer["apiVersion"], answer["kind"] = version, k.Kind+"List"
			}
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// discovers answers what kinds there are.
func (a *idleAPI) discovers(w http.ResponseWriter, path string) bool {
	var answer any
	switch path {
	case "/api":
		answer = metav1.APIVersions{Versions: []string{"v1"}}
	case "/apis":
		var list metav1.APIGroupList
		for _, group := range []string{"apps", "example"} {
			v := metav1.GroupVersionForDiscovery{GroupVersion: group + "/v1", Version: "v1"}
			list.Groups = append(list.Groups, metav1.APIGroup{Name: group, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v})
		}
		answer = list
	default:
		version := strings.TrimPrefix(strings.TrimPrefix(path, "/apis/"), "/api/")
		kinds, ok := idleKinds[version]
		if !ok {
			return false
		}
		answer = metav1.APIResourceList{GroupVersion: version, APIResources: kinds}
	}
	_ = json.NewEncoder(w).Encode(answer)
	return true
}

func refuse(w http.ResponseWriter, code int, reason, message string) {
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"code":%d,"message":%q}`, reason, code, message)
}

// TestDeletionDoesNotWaitForTheCollector: what Kubernetes' own kinds own is
// deleted here, so that all is gone without a garbage collector; pods are
// waited for, and what others own stays.
func TestDeletionDoesNotWaitForTheCollector(t *testing.T) {
	api, c := newIdleAPI(t)
	var doomed []map[string]any
	for i := range 9 {
		name := fmt.Sprint("web", i)
		doomed = append(doomed, api.deployment(name), api.add("configmaps", "v1", "ConfigMap", name, ""), api.add("services", "v1", "Service", name, ""))
	}
	api.deployment("kept")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var mu sync.Mutex
	gone := 0
	if err := c.Delete(ctx, doomed, DeleteOptions{Progress: func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Action == Deleted {
			gone++
		}
	}}); err != nil {
		t.Fatal(err)
	}
	want := []string{"deployments/kept", "pods/kept-pod", "replicasets/kept-rs"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(api.objects))); diff != "" || gone != len(doomed) {
		t.Errorf("%d of %d told gone; left (-want +got):\n%s", gone, len(doomed), diff)
	}
	lists, gets := 0, 0
	for _, r := range api.requests {
		if strings.HasPrefix(r, "list ") {
			lists++
		} else if strings.HasPrefix(r, "get ") {
			gets++
		}
	}
	if gets > len(doomed) || lists > 30 { // one get each, since they have no UID
		t.Errorf("%d gets and %d lists for %d objects", gets, lists, len(doomed))
	}
}

// TestDeletionLeavesToTheCollectorWhatItCannotSee: where relatives may not be
// listed, and of kinds that nobody knows here, the object stays until all that
// it owns is gone.
func TestDeletionLeavesToTheCollectorWhatItCannotSee(t *testing.T) {
	api, c := newIdleAPI(t)
	api.forbid["list replicasets"] = true
	doomed := []map[string]any{api.deployment("web"), api.add("things", "example/v1", "Thing", "thing", ""), api.add("configmaps", "v1", "ConfigMap", "conf", "")}
	if err := c.Delete(t.Context(), doomed, DeleteOptions{NoWait: true}); err != nil {
		t.Fatal(err)
	}
	want := []string{"deployments/web", "pods/web-pod", "replicasets/web-rs", "things/thing"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(api.objects))); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Delete(ctx, doomed, DeleteOptions{}); !IsKind(err, Timeout) {
		t.Errorf("gone before its time: %v", err)
	}
}

// TestDeletionThatIsRefusedNamesEach: one that may not be deleted keeps no
// other, and is named with the right that is missing.
func TestDeletionThatIsRefusedNamesEach(t *testing.T) {
	api, c := newIdleAPI(t)
	api.forbid["delete services"] = true
	doomed := []map[string]any{api.add("services", "v1", "Service", "web", ""), api.add("configmaps", "v1", "ConfigMap", "conf", "")}
	err := c.Delete(t.Context(), doomed, DeleteOptions{})
	if !IsKind(err, Forbidden) || !strings.Contains(err.Error(), "Service web") {
		t.Errorf("error %v", err)
	}
	if api.objects["configmaps/conf"] != nil {
		t.Error("the other one stayed")
	}
}

// TestDeletionOutlastsAPause: that the server does not answer for a moment says
// nothing about what is there.
func TestDeletionOutlastsAPause(t *testing.T) {
	api, c := newIdleAPI(t)
	doomed := []map[string]any{api.deployment("web")}
	api.pause = map[string]int{"list pods": 1, "get deployments": 1}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := c.Delete(ctx, doomed, DeleteOptions{}); err != nil {
		t.Error(err)
	}
	api.mu.Lock()
	defer api.mu.Unlock()
	if len(api.objects) > 0 || api.busy["list pods"] > 0 || api.busy["get deployments"] > 0 {
		t.Errorf("left %v, and answers that nobody asked for: %v", slices.Sorted(maps.Keys(api.objects)), api.busy)
	}
}
