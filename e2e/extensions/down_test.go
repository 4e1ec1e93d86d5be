package extensions

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/kube"
)

const leavingYAML = `
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: buoys.$NS.example.com}, spec: {
  group: $NS.example.com, scope: Namespaced, names: {plural: buoys, singular: buoy, kind: Buoy},
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: $NS}, rules: []}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: $NS}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: $NS}}
`

// TestDownForgetsNothing takes a project down while the cluster is cut off, and then
// with a daemon that was killed, a Tiltfile that is broken by now, an object that is
// ending already and others that have just left the Tiltfile. Its namespace was a
// slip of the pen.
func TestDownForgetsNothing(t *testing.T) {
	t.Parallel()
	const whole = "k8s_yaml(['web.yaml', 'held.yaml', 'leaving.yaml'])\n"
	b := bareBed(t, "slip", map[string]string{
		"Tiltfile": whole, "web.yaml": noPods("web"), "leaving.yaml": leavingYAML,
		"held.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: held}}\n",
	})
	wire := b.cuttable()
	b.deleteAtEnd(b.namespace)
	b.downAtEnd()
	held := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "held", "namespace": b.namespace}}
	finalizers := func(names ...any) {
		t.Helper()
		_, err := b.cluster.Patch(context.Background(), held, map[string]any{"metadata": map[string]any{"finalizers": names}})
		if err != nil && !kube.IsKind(err, kube.NotFound) {
			t.Error(err)
		}
	}
	t.Cleanup(func() { finalizers() }) // before the project and the namespace are waited for
	out := b.towline("up", "--detach", "--namespace", b.namespace)
	if !contains(out, "made the namespace "+b.namespace) {
		t.Errorf("up says nothing of the namespace:\n%s", out)
	}

	wire.cut()
	out, err := b.run(t.Context(), "down")
	if err == nil || !contains(out, "error: ", "the cluster cannot be reached") || contains(out, "down in") {
		t.Errorf("a down without a cluster: %v\n%s", err, out)
	}
	b.says([]string{"status"}, "Not all is down. `towline down` goes on with it")
	wire.mend()

	pid := b.daemon()
	finalizers("towline.dev/test")
	b.must(b.cluster.Delete(t.Context(), []map[string]any{held}, kube.DeleteOptions{NoWait: true}))
	b.write("Tiltfile", "k8s_yaml(['web.yaml', 'held.yaml'])\n")
	b.must(syscall.Kill(pid, syscall.SIGKILL))
	b.write("Tiltfile", "k8s_yaml(")
	var went string
	var failed error
	ended := make(chan struct{})
	go func() { // ends with the test's context
		defer close(ended)
		went, failed = b.run(t.Context(), "down")
	}()
	b.says([]string{"logs"}, "waiting for its finalizer towline.dev/test")
	select {
	case <-ended:
		t.Fatalf("down has ended: %v\n%s", failed, went)
	default:
	}
	finalizers()
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		t.Fatal("gave up waiting until down ends")
	}
	if failed != nil || !contains(went, "down in") {
		t.Errorf("down: %v\n%s", failed, went)
	}
	b.wantGone("v1", "Namespace", b.namespace)
	for _, kind := range []string{"ClusterRole", "ClusterRoleBinding"} {
		b.wantGone("rbac.authorization.k8s.io/v1", kind, b.namespace)
	}
	b.wantGone("apiextensions.k8s.io/v1", "CustomResourceDefinition", "buoys."+b.namespace+".example.com")
	if out := b.towline("status"); !strings.Contains(out, "Nothing is up") {
		t.Errorf("at the end status says:\n%s", out)
	}
}
