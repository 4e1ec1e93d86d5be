package kube

import (
	"context"
	"net/http"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestDiscoveryEndsWithItsContext: an API server that does not answer holds
// nobody up for longer than he waits.
func TestDiscoveryEndsWithItsContext(t *testing.T) {
	asked := make(chan struct{}, 1)
	release := make(chan struct{})
	defer close(release)
	c := fakeCluster(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	a := &applier{cluster: c, object: &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"group": "example.org", "names": map[string]any{"kind": "Thing"}, "versions": []any{map[string]any{"name": "v1", "served": true}},
	}}}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listed := make(chan bool, 1)
	go func() { listed <- a.discovered(ctx) }()
	select {
	case <-asked:
	case <-time.After(20 * time.Second):
		t.Fatal("discovery is not asked")
	}
	cancel()
	select {
	case is := <-listed:
		if is {
			t.Error("what nobody answered is listed")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the question goes on after its context")
	}
}
