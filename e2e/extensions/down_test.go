package extensions

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
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

	var s api.Status
	b.must(json.Unmarshal([]byte(b.towline("status", "--json")), &s))
	finalizers("towline.dev/test")
	b.must(b.cluster.Delete(t.Context(), []map[string]any{held}, kube.DeleteOptions{NoWait: true}))
	b.write("Tiltfile", "k8s_yaml(['web.yaml', 'held.yaml'])\n")
	b.must(syscall.Kill(s.Daemon.Pid, syscall.SIGKILL))
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

// wire is the way to the cluster of a bed's commands.
type wire struct {
	bed    *bed
	addr   string
	server string

	mu       sync.Mutex
	listener net.Listener // nil: it is cut, and nobody gets through
	conns    []net.Conn
}

// cuttable leads the bed's commands to the cluster on a way that can be cut.
func (b *bed) cuttable() *wire {
	b.t.Helper()
	w := &wire{bed: b, addr: "127.0.0.2:0"} // whose ports nobody takes by chance while it is cut
	b.t.Cleanup(w.cut)
	b.kubeconfig(func(config map[string]any) {
		for _, cluster := range config["clusters"].([]any) {
			entry := cluster.(map[string]any)["cluster"].(map[string]any)
			server, err := url.Parse(entry["server"].(string))
			b.must(err)
			if w.server == "" {
				w.server = server.Host
				w.mend()
			}
			entry["server"], entry["tls-server-name"] = "https://"+w.addr, server.Hostname()
		}
	})
	return w
}

// mend lets who asks for the cluster through.
func (w *wire) mend() {
	w.bed.t.Helper()
	l, err := net.Listen("tcp", w.addr)
	w.bed.must(err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listener, w.addr = l, l.Addr().String()
	go w.accept(l) // ends with the listener
}

// cut ends all connections, and refuses new ones.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != nil {
		_ = w.listener.Close() // nothing to be done about it
	}
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.listener, w.conns = nil, nil
}

func (w *wire) accept(l net.Listener) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := net.DialTimeout("tcp", w.server, 10*time.Second)
		if err != nil {
			_ = near.Close() // the test fails for want of an answer
			continue
		}
		w.join(l, near, far)
	}
}

// join has each of two ends hear what the other says, unless the wire was cut meanwhile.
func (w *wire) join(l net.Listener, near, far net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != l {
		_, _ = near.Close(), far.Close()
		return
	}
	w.conns = append(w.conns, near, far)
	go pass(near, far)
	go pass(far, near)
}

// pass hands on what one end says until it ends, which ends both.
func pass(from, to net.Conn) {
	_, _ = io.Copy(to, from) // the end of either is the end
	_, _ = from.Close(), to.Close()
}
