package extensions

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/towline-dev/towline/e2e/story"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
)

// binaries returns the program that the tests run, which is built once.
var binaries = sync.OnceValues(story.BuildPrograms)

// together is how many tests go on at once: most of their time they wait for pods.
const together = "3"

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) { // as nobody has said another number
		_ = flag.Set("test.parallel", together) // it is one
	}
	code := m.Run()
	if os.Getenv("TOWLINE_TEST_KUBECONFIG") != "" { // without it nothing was built
		if path, err := binaries(); err == nil {
			os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

// base is the image that the test bed's registry has.
const base = "127.0.0.1:5000/busybox:1"

// bed is a workspace and a namespace of a test's own.
type bed struct {
	t         *testing.T
	binary    string
	dir       string
	namespace string
	env       []string
	cluster   *kube.Cluster
}

// newBed skips where there is no cluster to test on. The files' text may speak
// of $NS, the namespace, and $BASE, an image that there is.
func newBed(t *testing.T, name string, files map[string]string) *bed {
	t.Helper()
	b := bareBed(t, name, files)
	_, err := b.cluster.EnsureNamespace(t.Context(), b.namespace, nil)
	b.must(err)
	b.deleteAtEnd(b.namespace)
	b.downAtEnd()
	return b
}

// bareBed is a bed whose namespace nobody has made.
func bareBed(t *testing.T, name string, files map[string]string) *bed {
	t.Helper()
	kubeconfig := os.Getenv("TOWLINE_TEST_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("TOWLINE_TEST_KUBECONFIG is not set: this test needs a real cluster (make cluster-up)")
	}
	binary, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	b := workspace(t, binary, "tl-ext-"+name, files)
	if b.cluster, err = kube.Open(kube.Options{Kubeconfig: kubeconfig, Namespace: b.namespace}); err != nil {
		t.Fatal(err)
	}
	return b
}

// workspace is one of a test's own, with settings and a state of its own as another
// person has.
func workspace(t *testing.T, binary, namespace string, files map[string]string) *bed {
	t.Helper()
	b := &bed{t: t, binary: binary, dir: t.TempDir(), namespace: namespace, env: append(os.Environ(),
		"KUBECONFIG="+os.Getenv("TOWLINE_TEST_KUBECONFIG"), "XDG_RUNTIME_DIR="+t.TempDir(), "XDG_STATE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "XDG_CACHE_HOME="+t.TempDir())}
	for file, text := range files {
		b.write(file, text)
	}
	return b
}

// neighbour is a second workspace, of other files, whose objects go to the same namespace.
func (b *bed) neighbour(files map[string]string) *bed {
	b.t.Helper()
	other := workspace(b.t, b.binary, b.namespace, files)
	other.cluster = b.cluster
	other.downAtEnd()
	return other
}

// downAtEnd takes the project down when the test is over.
func (b *bed) downAtEnd() {
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		_, _ = b.run(ctx, "down", "--namespace", b.namespace)
		_, _ = b.run(ctx, "daemon", "--stop")
	})
}

// deleteAtEnd deletes a namespace when the test is over.
func (b *bed) deleteAtEnd(namespace string) {
	b.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := b.cluster.DeleteNamespace(ctx, namespace); err != nil && !kube.IsKind(err, kube.NotFound) {
			b.t.Error(err)
		}
	})
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// takeNamespace makes a namespace whose name is not ours to choose. One that an
// earlier run left behind, as its label says, is made anew; anybody else's ends
// the test.
func (b *bed) takeNamespace(name string) {
	b.t.Helper()
	ctx, label := b.t.Context(), map[string]string{"towline-test": b.namespace}
	created, err := b.cluster.EnsureNamespace(ctx, name, label)
	if err != nil || created {
		b.must(err)
		return
	}
	left, err := b.cluster.Current(ctx, []map[string]any{{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}})
	b.must(err)
	labels, _ := left[0].Content["metadata"].(map[string]any)["labels"].(map[string]any)
	if labels["towline-test"] != b.namespace {
		b.t.Skipf("the cluster has a namespace %s of somebody else's", name)
	}
	b.must(b.cluster.DeleteNamespace(ctx, name))
	_, err = b.cluster.EnsureNamespace(ctx, name, label)
	b.must(err)
}

// kubeconfig gives the bed's commands a kubeconfig of their own, which differs from the
// test's by a change.
func (b *bed) kubeconfig(change func(config map[string]any)) {
	b.t.Helper()
	data, err := os.ReadFile(os.Getenv("TOWLINE_TEST_KUBECONFIG"))
	b.must(err)
	var config map[string]any
	b.must(yaml.Unmarshal(data, &config))
	change(config)
	data, err = yaml.Marshal(config)
	b.must(err)
	file := filepath.Join(b.t.TempDir(), "kubeconfig")
	b.must(os.WriteFile(file, data, 0o600))
	b.env = append(b.env, "KUBECONFIG="+file)
}

// write puts a file into the workspace.
func (b *bed) write(file, text string) {
	b.t.Helper()
	file = filepath.Join(b.dir, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		b.t.Fatal(err)
	}
	text = strings.NewReplacer("$NS", b.namespace, "$BASE", base).Replace(text)
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, b.binary, args...)
	cmd.Dir, cmd.Env = b.dir, b.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// towline runs a command that has to succeed.
func (b *bed) towline(args ...string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 3*time.Minute)
	defer cancel()
	out, err := b.run(ctx, args...)
	if err != nil {
		logs, _ := b.run(ctx, "logs")
		b.t.Fatalf("towline %s: %v\n%s\nlogs:\n%s", strings.Join(args, " "), err, out, logs)
	}
	return out
}

// up brings the project up and waits until it is ready.
func (b *bed) up() { b.t.Helper(); b.towline("up", "--detach", "--namespace", b.namespace) }

func (b *bed) down() { b.t.Helper(); b.towline("down", "--namespace", b.namespace) }

// object returns an object as the cluster has it, nil when it is not there.
func (b *bed) object(apiVersion, kind, name string) map[string]any {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	found, err := b.cluster.Current(ctx, []map[string]any{{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": name}}})
	if err != nil {
		b.t.Fatal(err)
	}
	if len(found) == 0 {
		return nil
	}
	return found[0].Content
}

// want checks that the JSON of an object has each of the texts.
func (b *bed) want(apiVersion, kind, name string, texts ...string) {
	b.t.Helper()
	o := b.object(apiVersion, kind, name)
	if o == nil {
		b.t.Errorf("%s %s is not there", kind, name)
		return
	}
	data, err := json.Marshal(o)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, text := range texts {
		if !strings.Contains(string(data), text) {
			b.t.Errorf("%s %s has no %s:\n%s", kind, name, text, data)
		}
	}
}

func (b *bed) wantGone(apiVersion, kind, name string) {
	b.t.Helper()
	if b.object(apiVersion, kind, name) != nil {
		b.t.Errorf("%s %s is still there", kind, name)
	}
}

// until waits for a condition.
func (b *bed) until(what string, is func() bool) {
	b.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); !is(); <-tick.C {
		if time.Now().After(deadline) {
			logs, _ := b.run(context.Background(), "logs")
			status, _ := b.run(context.Background(), "status")
			b.t.Fatalf("gave up waiting until %s\n%s\n%s", what, status, logs)
		}
	}
}

// target returns the container that a resource runs in.
func (b *bed) target(resource string) api.Target {
	b.t.Helper()
	var s api.Status
	if err := json.Unmarshal([]byte(b.towline("status", "--json")), &s); err != nil {
		b.t.Fatal(err)
	}
	for _, r := range s.Resources {
		if r.Name == resource && len(r.Targets) > 0 {
			return r.Targets[0]
		}
	}
	b.t.Fatalf("resource %s has no pod: %+v", resource, s.Resources)
	return api.Target{}
}

// daemon is the process that serves the workspace.
func (b *bed) daemon() int {
	b.t.Helper()
	var status api.Status
	b.must(json.Unmarshal([]byte(b.towline("status", "--json")), &status))
	return status.Daemon.Pid
}

// says waits until a command prints each of the texts, however its lines are broken.
func (b *bed) says(args []string, texts ...string) {
	b.t.Helper()
	out := ""
	b.until(fmt.Sprintf("towline %s says %q", strings.Join(args, " "), texts), func() bool {
		out, _ = b.run(b.t.Context(), args...)
		return contains(out, texts...)
	})
}

// fails waits until a command fails, and prints each of the texts, however its lines are
// broken.
func (b *bed) fails(args []string, texts ...string) {
	b.t.Helper()
	b.until(fmt.Sprintf("towline %s fails and says %q", strings.Join(args, " "), texts), func() bool {
		out, err := b.run(b.t.Context(), args...)
		return err != nil && contains(out, texts...)
	})
}

// contains reports whether a text has each of the others, however its lines are broken.
func contains(text string, others ...string) bool {
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	text = words(text)
	return !slices.ContainsFunc(others, func(other string) bool { return !strings.Contains(text, words(other)) })
}

// exec runs a command in a container and returns what it prints.
func (b *bed) exec(target api.Target, argv ...string) string {
	b.t.Helper()
	var out bytes.Buffer
	_, err := b.cluster.Exec(b.t.Context(), kube.ExecOptions{Namespace: b.namespace, Pod: target.Pod, Container: target.Container, Argv: argv, Stdout: &out})
	if err != nil {
		b.t.Fatal(err)
	}
	return out.String()
}

// ready waits until resources are ready, or all are; those that have failed
// may come up yet, with what was saved.
func (b *bed) ready(resources ...string) {
	b.t.Helper()
	b.until(fmt.Sprintf("ready: %v", resources), func() bool {
		_, err := b.run(b.t.Context(), append([]string{"wait", "--timeout", "30s"}, resources...)...)
		return err == nil
	})
}

// delete deletes an object that may be there, and waits until it is gone.
func (b *bed) delete(object map[string]any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := b.cluster.Delete(ctx, []map[string]any{object}, kube.DeleteOptions{}); err != nil && !kube.IsKind(err, kube.NotFound) {
		b.t.Error(err)
	}
}
