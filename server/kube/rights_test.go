package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// powerless is an API server that tells what kinds there are and refuses all
// else, in the words of Kubernetes.
func powerless(t *testing.T) *Cluster {
	kinds := &idleAPI{}
	return fakeCluster(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if kinds.discovers(w, r.URL.Path) {
			return
		}
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		group := ""
		if parts[0] == "apis" {
			group, parts = parts[1], parts[1:]
		}
		parts = parts[2:] // after the version
		if parts[0] == "namespaces" && len(parts) > 2 {
			parts = parts[2:]
		}
		resource, verb := parts[0], map[string]string{"GET": "get", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[r.Method]
		if len(parts) == 1 && verb == "get" {
			verb = "list"
		}
		if len(parts) > 2 {
			resource += "/" + parts[2]
		}
		refuse(w, http.StatusForbidden, "Forbidden", fmt.Sprintf(
			`%s is forbidden: User "dev" cannot %s resource %q in API group %q in the namespace "ns"`, resource, verb, resource, group))
	}))
}

// TestMissingRightsAreNamed: whatever is refused says which verb on what, on
// which object, and where to look for all that are needed.
func TestMissingRightsAreNamed(t *testing.T) {
	c := powerless(t)
	ctx := t.Context()
	object := func(apiVersion, kind string) []map[string]any {
		return []map[string]any{{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": "web"}}}
	}
	apply := func(apiVersion, kind string) func() error {
		return func() error { _, err := c.Apply(ctx, object(apiVersion, kind), ApplyOptions{}); return err }
	}
	for _, test := range []struct {
		do    func() error
		right string
		about string
	}{
		{func() error {
			_, err := c.Exec(ctx, ExecOptions{Namespace: "ns", Pod: "web-1", Container: "app", Argv: []string{"true"}})
			return err
		}, `create resource "pods/exec"`, "container app of pod web-1"},
		{func() error { _, err := c.Dial(ctx, "ns", "web-1", 80); return err }, `create resource "pods/portforward"`, "port 80 of pod web-1"},
		{func() error {
			return c.Logs(ctx, LogOptions{Namespace: "ns", Pod: "web-1", Container: "app"}, func(LogLine) {})
		}, `get resource "pods/log"`, "web-1"},
		{func() error { _, err := c.Nodes(ctx); return err }, `list resource "nodes"`, "nodes"},
		{apply("apps/v1", "Deployment"), `get resource "deployments" in API group "apps"`, "Deployment web in namespace ns"},
		{apply("v1", "Service"), `get resource "services"`, "Service web in namespace ns"},
		{apply("example/v1", "Thing"), `get resource "things" in API group "example"`, "Thing web in namespace ns"},
		{func() error { return c.Delete(ctx, object("v1", "ConfigMap"), DeleteOptions{}) }, `get resource "configmaps"`, "ConfigMap web in namespace ns"},
		{func() error { _, err := c.Current(ctx, object("v1", "Pod")); return err }, `get resource "pods"`, "Pod web"},
		{func() error { _, err := c.Others(ctx, "ns"); return err }, `list resource "`, "listing"},
	} {
		err := test.do()
		var p *config.Problem
		if !IsKind(err, Forbidden) || !errors.As(err, &p) {
			t.Errorf("%s: %v", test.right, err)
			continue
		}
		if !strings.Contains(p.Message, test.right) || !strings.Contains(p.Message, test.about) || !strings.Contains(p.Hint, "docs/permissions.md") {
			t.Errorf("%q, hint %q; want %s of %s", p.Message, p.Hint, test.right, test.about)
		}
	}
}

// TestKindsThatMayNotBeWatchedAreNamed: each of those that have pods.
func TestKindsThatMayNotBeWatchedAreNamed(t *testing.T) {
	c := powerless(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	want := []string{"daemonsets", "deployments", "jobs", "pods", "statefulsets"}
	var mu sync.Mutex
	var got []string
	_ = c.Watch(ctx, "ns", "", func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Kind != Refused && e.Kind != Lost {
			return
		}
		for _, resource := range want {
			if IsKind(e.Err, Forbidden) && strings.Contains(e.Err.Error(), fmt.Sprintf("list resource %q", resource)) {
				got = append(got, resource)
			}
		}
		if len(got) == len(want) {
			cancel()
		}
	})
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("named are %q, want %q", got, want)
	}
}
