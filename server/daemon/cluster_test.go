package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// bed is a daemon of a test's own, with a namespace of its own on the real
// cluster.
type bed struct {
	t        *testing.T
	endpoint api.Endpoint
	client   *api.Client
	cluster  *kube.Cluster
	project  *config.Project
	agent    map[string][]byte
	stop     context.CancelFunc
	ended    chan error
}

// newBed skips where there is no cluster to test on.
func newBed(t *testing.T, namespace string) *bed {
	t.Helper()
	kubeconfig := os.Getenv("TOWLINE_TEST_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("TOWLINE_TEST_KUBECONFIG is not set: this test needs a real cluster (make cluster-up)")
	}
	t.Setenv("KUBECONFIG", kubeconfig)
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	b := &bed{t: t, agent: map[string][]byte{"amd64": agentBinary(t)}}
	var err error
	if b.endpoint, err = api.EndpointOf(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if b.cluster, err = kube.Open(kube.Options{Namespace: namespace}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := b.cluster.DeleteNamespace(ctx, namespace); err != nil && !kube.IsKind(err, kube.NotFound) {
			t.Error(err)
		}
	})
	return b
}

// agentBinary builds the agent, which the go command caches.
func agentBinary(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "towline-agent")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/towline-dev/towline/cmd/towline-agent")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the agent: %v\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// start runs a daemon until stopDaemon.
func (b *bed) start() {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b.stop, b.ended = cancel, make(chan error, 1)
	go func() {
		b.ended <- Run(ctx, Options{
			Endpoint: b.endpoint, Version: "test", Agent: b.agent,
			Evaluate: func(context.Context, Evaluation) *config.Project { return b.project },
		})
	}()
	b.until("the daemon answers", func() bool { return api.Running(ctx, b.endpoint) })
	b.client = api.NewClient(b.endpoint)
	b.t.Cleanup(b.stopDaemon)
}

func (b *bed) stopDaemon() {
	b.stop()
	if err := receive(b.t, b.ended, "the daemon's end"); err != nil {
		b.t.Error(err)
	}
	b.ended <- nil
}

// until waits for a condition.
func (b *bed) until(what string, is func() bool) {
	b.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(90 * time.Second); !is(); <-tick.C {
		if time.Now().After(deadline) {
			b.t.Fatalf("gave up waiting until %s\n%s", what, b.describe())
		}
	}
}

// describe tells what a person would look at.
func (b *bed) describe() string {
	if b.client == nil {
		return "no daemon"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var out strings.Builder
	if s, err := b.client.Status(ctx); err == nil {
		for _, r := range s.Resources {
			fmt.Fprintf(&out, "%s: %s %s %v %+v\n", r.Name, r.Phase, r.Message, r.Problem, r.Targets)
		}
	}
	_ = b.client.Logs(ctx, api.LogsRequest{Tail: 60}, func(l api.LogLine) error {
		fmt.Fprintf(&out, "%s | %s\n", l.Resource, l.Text)
		return nil
	})
	return out.String()
}

// reach follows the status until it is as wanted.
func (b *bed) reach(what string, is func(api.Status) bool) api.Status {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	done := errors.New("reached")
	var last api.Status
	err := b.client.Watch(ctx, func(s *api.Status) error {
		last = *s
		if is(last) {
			return done
		}
		return nil
	})
	if !errors.Is(err, done) {
		b.t.Fatalf("%s was not reached: %v\n%s", what, err, b.describe())
	}
	return last
}

func inSync(s api.Status) bool {
	for _, r := range s.Resources {
		if r.Phase != api.PhaseReady || len(r.Targets) != 1 || r.Targets[0].Sync != api.SyncInSync {
			return false
		}
	}
	return len(s.Resources) > 0
}

func (b *bed) write(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.endpoint.Workspace, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func get(url string) string {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return string(data)
}

// webProject is a shell service whose files are synced.
func (b *bed) webProject(namespace string) *config.Project {
	b.write("Tiltfile", "")
	b.write("web/Dockerfile", "FROM 127.0.0.1:5000/busybox:1\nCOPY public /srv\nCMD [\"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/srv\"]\n")
	b.write("web/public/index.html", "one")
	root := b.endpoint.Workspace
	return &config.Project{
		Tiltfile: filepath.Join(root, "Tiltfile"),
		Images: []config.Image{{
			Ref: "web", Builder: config.BuilderDocker, Context: root + "/web", Dockerfile: root + "/web/Dockerfile",
			Deps: []string{root + "/web"}, LiveUpdate: []config.Step{
				{Kind: config.StepSync, Local: root + "/web/public", Remote: "/srv"},
			},
		}},
		YAML: []config.Object{{
			Key: "web:deployment::apps", Resource: "web", Content: deployment(namespace),
			ImageRefs: []config.ImageRef{{Ref: "web", Path: []string{"spec", "template", "spec", "containers", "0", "image"}}},
		}},
		Resources: []config.Resource{{
			Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"web"},
			TriggerMode: config.TriggerAuto, PortForwards: []config.PortForward{{Local: 0, Container: 8080}},
		}},
	}
}

func deployment(namespace string) map[string]any {
	labels := map[string]any{"app": "web"}
	return map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "web", "namespace": namespace},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels},
				"spec": map[string]any{
					"terminationGracePeriodSeconds": int64(1),
					"containers":                    []any{map[string]any{"name": "web", "image": "web"}},
				},
			},
		},
	}
}

func TestSaveReachesThePodAndSurvivesTheDaemon(t *testing.T) {
	const namespace = "tl-daemon-loop"
	b := newBed(t, namespace)
	b.project = b.webProject(namespace)
	b.start()
	ctx := t.Context()
	if _, err := b.client.Up(ctx, api.UpRequest{Namespace: namespace}); err != nil {
		t.Fatal(err)
	}
	s := b.reach("in sync", inSync)
	before := s.Resources[0].Targets[0]
	url := s.Resources[0].Forwards[0].URL + "/"
	b.until("the first content is served", func() bool { return get(url) == "one" })

	path := b.write("web/public/index.html", "two")
	began := time.Now()
	if err := b.client.Hint(ctx, time.Time{}, path); err != nil {
		t.Fatal(err)
	}
	b.until("the second content is served", func() bool { return get(url) == "two" })
	t.Logf("save to served: %s", time.Since(began))

	// Without a hint the operating system tells.
	b.write("web/public/index.html", "three")
	b.until("the third content is served", func() bool { return get(url) == "three" })

	// A file that came and went leaves nothing that the next daemon stumbles on.
	gone := b.write("web/public/gone.html", "here")
	b.until("the new file is served", func() bool { return get(url+"gone.html") == "here" })
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	b.until("the deleted file is not served", func() bool { return get(url+"gone.html") != "here" })

	b.reach("in sync", inSync)
	b.stopDaemon()
	b.write("web/public/index.html", "four")
	b.start()
	s = b.reach("in sync again", inSync)
	after := s.Resources[0].Targets[0]
	if after.Pod != before.Pod || after.Restarts != before.Restarts || after.Pid != before.Pid {
		t.Errorf("the pod was touched: before %+v, after %+v", before, after)
	}
	b.until("the content written meanwhile is served", func() bool { return get(s.Resources[0].Forwards[0].URL+"/") == "four" })

	var kept record
	if data, err := os.ReadFile(filepath.Join(b.endpoint.State, "state.json")); err != nil || json.Unmarshal(data, &kept) != nil {
		t.Fatal("the record cannot be read")
	}
	workspace := b.endpoint.ID() + "-" + kept.ID
	if owned, err := b.cluster.Owned(ctx, workspace); err != nil || len(owned) == 0 {
		t.Errorf("before down %v is found by its label (%v)", owned, err)
	}
	if err := b.client.Down(ctx, api.DownRequest{}); err != nil {
		t.Fatal(err)
	}
	owned, err := b.cluster.Owned(ctx, workspace)
	if err != nil || len(owned) > 0 {
		t.Errorf("down left %v (%v)", owned, err)
	}
}
