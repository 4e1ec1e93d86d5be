package extensions

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
)

// gitOpsTool is a GitOps tool as far as others feel it: it applies what it holds again
// and again, unless it is paused.
type gitOpsTool struct {
	kind, group, version, plural string
	manager                      string
	spec                         map[string]any
	paused                       func(spec map[string]any) bool
	git                          []map[string]any // what its repository says
}

// argoCD and flux are two such tools, with a project in a namespace.
func argoCD(namespace string) *gitOpsTool {
	tracked := func(kind, group string) map[string]any {
		return map[string]any{"name": "web", "namespace": namespace, "annotations": map[string]any{
			"argocd.argoproj.io/tracking-id": fmt.Sprintf("%s_shop:%s/%s:%s/web", namespace, group, kind, namespace)}}
	}
	var web map[string]any
	_ = json.Unmarshal([]byte(noPods("web")), &web) // as Towline reads it
	web["metadata"] = tracked("Deployment", "apps")
	return &gitOpsTool{
		kind: "Application", group: "argoproj.io", version: "v1alpha1", plural: "applications", manager: "argocd-controller",
		spec: map[string]any{"project": "default", "syncPolicy": map[string]any{"automated": map[string]any{"selfHeal": true, "prune": true}, "syncOptions": []any{"ServerSideApply=true"}}},
		paused: func(spec map[string]any) bool {
			policy, _ := spec["syncPolicy"].(map[string]any)
			return policy["automated"] == nil
		},
		git: []map[string]any{web, {"apiVersion": "v1", "kind": "Secret", "metadata": tracked("Secret", ""), "data": map[string]any{"key": "Z2l0"}}},
	}
}

func flux(namespace string) *gitOpsTool {
	return &gitOpsTool{
		kind: "Kustomization", group: "kustomize.toolkit.fluxcd.io", version: "v1", plural: "kustomizations", manager: "kustomize-controller",
		spec:   map[string]any{"interval": "10m0s", "path": "./apps"},
		paused: func(spec map[string]any) bool { return spec["suspend"] == true },
		git: []map[string]any{{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"from": "git", "more": "git"},
			"metadata": map[string]any{"name": "conf", "namespace": namespace, "labels": map[string]any{
				"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": namespace}}}},
	}
}

// running is such a tool at work in a cluster.
type running struct {
	*gitOpsTool
	b      *bed
	client dynamic.Interface
	rounds atomic.Int64 // that have begun and ended
}

// start has the tool work until the test ends.
func (g *gitOpsTool) start(b *bed) *running {
	b.t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", os.Getenv("TOWLINE_TEST_KUBECONFIG"))
	b.must(err)
	cfg.QPS, cfg.Burst = 200, 200
	r := &running{gitOpsTool: g, b: b}
	r.client, err = dynamic.NewForConfig(cfg)
	b.must(err)
	r.define()
	b.must(r.apply(b.t.Context(), r.controller(), "git"))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			r.round(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	b.t.Cleanup(func() { cancel(); <-done })
	return r
}

// define makes the tool's kind, where nobody has, for the time of the test.
func (r *running) define() {
	r.b.t.Helper()
	definition := map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": r.plural + "." + r.group}, "spec": map[string]any{
			"group": r.group, "scope": "Namespaced", "names": map[string]any{"plural": r.plural, "kind": r.kind},
			"versions": []any{map[string]any{"name": r.version, "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}}
	there, err := r.b.cluster.Current(r.b.t.Context(), []map[string]any{definition})
	r.b.must(err)
	if len(there) == 0 {
		r.b.t.Cleanup(func() { r.b.delete(definition) })
	}
	_, err = r.b.cluster.Apply(r.b.t.Context(), []map[string]any{definition}, kube.ApplyOptions{})
	r.b.must(err)
}

// controller is the object that says what the tool holds.
func (r *running) controller() map[string]any {
	return map[string]any{"apiVersion": r.group + "/" + r.version, "kind": r.kind,
		"metadata": map[string]any{"name": "shop", "namespace": r.b.namespace}, "spec": maps.Clone(r.spec)}
}

// round is what the tool does again and again: it looks whether it is paused, and
// later, as it comes, applies.
func (r *running) round(ctx context.Context) {
	defer r.rounds.Add(1)
	now, err := r.resource(r.controller()).Get(ctx, "shop", metav1.GetOptions{})
	if err != nil {
		return
	}
	if spec, _, _ := unstructured.NestedMap(now.Object, "spec"); r.paused(spec) {
		return
	}
	for _, o := range r.git {
		_ = r.apply(ctx, o, r.manager) // it does it again
	}
}

func (r *running) apply(ctx context.Context, o map[string]any, manager string) error {
	name := o["metadata"].(map[string]any)["name"].(string)
	_, err := r.resource(o).Apply(ctx, name, &unstructured.Unstructured{Object: o}, metav1.ApplyOptions{FieldManager: manager, Force: true})
	return err
}

func (r *running) resource(o map[string]any) dynamic.ResourceInterface {
	gv, _ := schema.ParseGroupVersion(o["apiVersion"].(string)) // our own
	plural := map[string]string{"Deployment": "deployments", "Secret": "secrets", "ConfigMap": "configmaps"}[o["kind"].(string)]
	if plural == "" {
		plural = r.plural
	}
	return r.client.Resource(gv.WithResource(plural)).Namespace(r.b.namespace)
}

// works waits until the tool has gone twice through all that it does.
func (r *running) works() {
	r.b.t.Helper()
	for until := r.rounds.Load() + 2; r.rounds.Load() < until; {
		r.b.until(r.kind+" works", func() bool { return r.rounds.Load() >= until })
	}
}

// plain is an object without what tells only when and how often it was written.
func (r *running) plain(o map[string]any) map[string]any {
	r.b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	now, err := r.resource(o).Get(ctx, o["metadata"].(map[string]any)["name"].(string), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	r.b.must(err)
	u := now.DeepCopy()
	delete(u.Object, "status")
	managed := u.GetManagedFields()
	u.SetManagedFields(nil)
	for _, field := range []string{"resourceVersion", "generation"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(u.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
	owners := []any{}
	for _, m := range managed {
		if m.Subresource == "" && m.Manager != "kube-controller-manager" {
			owners = append(owners, m.Manager+" "+string(m.Operation)+" "+m.FieldsV1.String())
		}
	}
	u.Object["owners"] = owners
	return u.Object
}

// TestGitOps: what Argo CD and Flux hold is told before it is written, paused or left
// as a person says, and handed back as it was, also when the daemon was killed.
func TestGitOps(t *testing.T) {
	const all = "k8s_yaml(['web.yaml', 'conf.yaml', 'own.yaml'])\nk8s_resource('web', objects=['web:secret'])\nk8s_resource(new_name='conf', objects=['conf:configmap'])\nk8s_resource(new_name='own', objects=['own:configmap'])\n"
	b := newBed(t, "gitops", map[string]string{
		"Tiltfile":  all,
		"web.yaml":  noPods("web") + "\n---\n{apiVersion: v1, kind: Secret, metadata: {name: web}, stringData: {key: ours}}\n",
		"conf.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: conf}, data: {from: us}}\n",
		"own.yaml":  "{apiVersion: v1, kind: ConfigMap, metadata: {name: own}, data: {from: us}}\n",
	})
	argo, flux := argoCD(b.namespace).start(b), flux(b.namespace).start(b)
	web, secret, conf := argo.git[0], argo.git[1], flux.git[0]
	argo.works()
	flux.works()
	_, err := b.cluster.Patch(t.Context(), conf, map[string]any{"data": map[string]any{"from": "a hand"}})
	b.must(err)
	b.until("the tool undoes what a hand wrote", func() bool { return flux.plain(conf)["data"].(map[string]any)["from"] == "git" })
	before := map[string]map[string]any{"web": argo.plain(web), "conf": flux.plain(conf), "Application": argo.plain(argo.controller()), "Kustomization": flux.plain(flux.controller())}
	asBefore := func(what string, now func() map[string]any) {
		t.Helper()
		difference := ""
		t.Cleanup(func() { // after a wait that was given up
			if difference != "" {
				t.Logf("%s differs: %s", what, difference)
			}
		})
		b.until(what+" is as it was", func() bool { difference = cmp.Diff(before[what], now()); return difference == "" })
	}

	out, err := b.run(t.Context(), "up", "--detach", "--namespace", b.namespace)
	application, kustomization := "application:"+b.namespace+"/shop", "kustomization:"+b.namespace+"/shop"
	if err == nil || !contains(out, "Argo CD's Application shop in namespace "+b.namespace+", which heals itself", "Flux's Kustomization shop in namespace "+b.namespace+", which undoes that at its next reconciliation, every 10m0s", "towline answer "+application+" pause|leave|apply") {
		t.Errorf("up: %v\n%s", err, out)
	}
	b.want("v1", "ConfigMap", "own", `"from":"us"`)
	asBefore("web", func() map[string]any { return argo.plain(web) })
	asBefore("conf", func() map[string]any { return flux.plain(conf) })
	if out := b.towline("answer"); !contains(out, "towline answer "+application+" pause", "towline answer "+kustomization+" leave") {
		t.Errorf("asked is:\n%s", out)
	}

	b.towline("answer", application, "pause")
	b.towline("answer", kustomization, "leave")
	b.towline("wait", "--timeout", "2m")
	argo.works()
	flux.works()
	b.want("apps/v1", "Deployment", "web", `"towline.dev/workspace"`, `"argocd.argoproj.io/tracking-id"`)
	b.want("v1", "Secret", "web", `"key":"b3Vycw=="`)
	asBefore("conf", func() map[string]any { return flux.plain(conf) })
	asBefore("Kustomization", func() map[string]any { return flux.plain(flux.controller()) })
	b.want("argoproj.io/v1alpha1", "Application", "shop", `"paused.towline.dev/`, ":"+b.dir)
	b.says([]string{"logs"}, "paused Argo CD's Application shop", "ConfigMap conf in namespace "+b.namespace+" is left to Flux's Kustomization shop")

	b.killDaemon()
	b.down()
	asBefore("web", func() map[string]any { return argo.plain(web) })
	asBefore("Application", func() map[string]any { return argo.plain(argo.controller()) })
	asBefore("conf", func() map[string]any { return flux.plain(conf) })
	b.until("Argo CD has its Secret", func() bool {
		return argo.plain(secret)["data"].(map[string]any)["key"] == "Z2l0" && kube.WorkspaceOf(argo.plain(secret)) == ""
	})
	b.wantGone("v1", "ConfigMap", "own")

	// For all of them, as `ci` says it; what leaves the Tiltfile is handed back at once.
	b.towline("up", "--detach", "--gitops", "pause", "--namespace", b.namespace)
	flux.works()
	b.want("v1", "ConfigMap", "conf", `"from":"us"`)
	b.write("Tiltfile", "k8s_yaml(['web.yaml', 'own.yaml'])\nk8s_resource('web', objects=['web:secret'])\n")
	asBefore("conf", func() map[string]any { return flux.plain(conf) })
	asBefore("Kustomization", func() map[string]any { return flux.plain(flux.controller()) })
	b.want("argoproj.io/v1alpha1", "Application", "shop", `"paused.towline.dev/`)
	b.down()
	asBefore("web", func() map[string]any { return argo.plain(web) })
	asBefore("Application", func() map[string]any { return argo.plain(argo.controller()) })
}

// killDaemon ends the workspace's daemon as a crash does.
func (b *bed) killDaemon() {
	b.t.Helper()
	var s api.Status
	b.must(json.Unmarshal([]byte(b.towline("status", "--json")), &s))
	b.must(syscall.Kill(s.Daemon.Pid, syscall.SIGKILL))
}
