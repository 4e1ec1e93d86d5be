package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/testbed/cluster"
	"github.com/towline-dev/towline/testbed/host"
	"github.com/towline-dev/towline/testbed/layout"
	"github.com/towline-dev/towline/testbed/proc"
)

// bed is a cluster of the test's own, in the last slot.
type bed struct {
	t       *testing.T
	program string
	l       layout.Layout
}

func newBed(t *testing.T) *bed {
	if os.Getenv("TOWLINE_TESTBED_E2E") == "" {
		t.Skip("TOWLINE_TESTBED_E2E is not set: this test needs root and starts a cluster")
	}
	// Not t.TempDir, whose path is too long for the sockets below it.
	dir, err := os.MkdirTemp("", "tb")
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, program: filepath.Join(dir, "testbed"), l: layout.Layout{Dir: filepath.Join(dir, "state"), Slot: layout.MaxSlot}}
	if out, err := exec.Command("go", "build", "-trimpath", "-o", b.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		b.run("down", "--purge")
		os.RemoveAll(dir)
	})
	return b
}

func (b *bed) command(args ...string) *exec.Cmd {
	return exec.Command(b.program, append([]string{"--state", b.l.Dir, "--slot", fmt.Sprint(b.l.Slot)}, args...)...)
}

// run runs the program and returns its standard output.
func (b *bed) run(args ...string) string {
	b.t.Helper()
	cmd := b.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		b.t.Fatalf("testbed %s: %v\n%s%s", strings.Join(args, " "), err, &out, &errs)
	}
	return out.String()
}

func (b *bed) status() cluster.Status {
	b.t.Helper()
	var status cluster.Status
	if err := json.Unmarshal([]byte(b.run("status", "--json")), &status); err != nil {
		b.t.Fatal(err)
	}
	return status
}

// eventually tries until check returns "".
func (b *bed) eventually(check func() string) {
	b.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		problem := check()
		if problem == "" {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatal(problem)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (b *bed) apply(manifest string) {
	b.t.Helper()
	cmd := b.command("kubectl", "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(manifest, "REGISTRY", b.l.Registry()))
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("kubectl apply: %v\n%s", err, out)
	}
}

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: REGISTRY/busybox:1
        command: [sh, -c, "echo hello > /tmp/index.html; echo serving; exec httpd -f -p 8080 -h /tmp"]
        readinessProbe: {httpGet: {port: 8080, path: /index.html}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 8080}]}
`

// TestCluster is the life of one cluster, told in order.
func TestCluster(t *testing.T) {
	b := newBed(t)
	b.run("up")
	steps := []struct {
		name string
		test func(*testing.T, *bed)
	}{
		{"status", testStatus},
		{"pod", testPod},
		{"image", testImage},
		{"up is quick when it is up", testQuickUp},
		{"crash", testCrash},
		{"reboot", testReboot},
		{"down", testDown},
	}
	for _, step := range steps {
		ok := t.Run(step.name, func(t *testing.T) {
			within := *b
			within.t = t
			step.test(t, &within)
		})
		if !ok {
			t.FailNow()
		}
	}
}

func testStatus(t *testing.T, b *bed) {
	got := b.status()
	if !got.Running || len(got.PIDs) < 9 {
		t.Errorf("status = %+v, want a running cluster", got)
	}
	if want := "towline-testbed-9"; got.Context != want {
		t.Errorf("context = %q, want %q", got.Context, want)
	}
	info, err := os.Stat(got.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the kubeconfig has mode %v, want 0600", info.Mode())
	}
	hosting := b.run("kubectl", "-n", "kube-public", "get", "configmap", "local-registry-hosting", "-o", `jsonpath={.data.localRegistryHosting\.v1}`)
	if want := `host: "127.0.0.1:5009"`; !strings.Contains(hosting, want) {
		t.Errorf("local-registry-hosting = %q, want it to contain %q", hosting, want)
	}
	for line := range strings.Lines(b.run("env")) {
		if !strings.HasPrefix(line, "export KUBECONFIG=") && !strings.HasPrefix(line, "export DOCKER_HOST=") {
			t.Errorf("env printed %q", line)
		}
	}
}

func testPod(t *testing.T, b *bed) {
	b.apply(web)
	b.run("kubectl", "rollout", "status", "deployment/web", "--timeout=60s")
	if got := b.run("kubectl", "logs", "deployment/web"); got != "serving\n" {
		t.Errorf("logs = %q", got)
	}
	if got := b.run("kubectl", "exec", "deployment/web", "--", "cat", "/tmp/index.html"); got != "hello\n" {
		t.Errorf("exec = %q", got)
	}
	b.eventually(func() string {
		out, err := b.command("kubectl", "exec", "deployment/web", "--", "wget", "-qO-", "http://web:8080/").CombinedOutput()
		if err != nil || string(out) != "hello\n" {
			return fmt.Sprintf("by the service's name: %v %s", err, out)
		}
		return ""
	})
	testForward(t, b)
}

func testForward(t *testing.T, b *bed) {
	forward := b.command("kubectl", "port-forward", "deployment/web", ":8080")
	out, err := forward.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	defer forward.Wait()
	defer forward.Process.Kill()
	// Forwarding from 127.0.0.1:38401 -> 8080
	line := make([]byte, 200)
	n, err := out.Read(line)
	fields := strings.Fields(string(line[:n]))
	if err != nil || len(fields) < 3 {
		t.Fatalf("port-forward said %q, %v", line[:n], err)
	}
	answer, err := http.Get("http://" + fields[2] + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "hello\n" {
		t.Errorf("through the forward: %q, %v", body, err)
	}
}

// testImage builds an image by docker, pushes it and runs it.
func testImage(t *testing.T, b *bed) {
	docker := func(stdin string, args ...string) {
		t.Helper()
		cmd := exec.Command("docker", args...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+b.l.DockerHost(), "DOCKER_BUILDKIT=0")
		cmd.Stdin = strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	ref := b.l.Registry() + "/made:1"
	docker("FROM "+b.l.Registry()+"/python:3\nRUN python3 -c 'print(6*7)' > /answer\nUSER nonroot\n", "build", "--network", "none", "-t", ref, "-")
	docker("", "push", ref)
	b.run("kubectl", "run", "made", "--image="+ref, "--restart=Never", "--command", "--", "sh", "-c", "cat /answer; id -u")
	b.run("kubectl", "wait", "pod/made", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
	if got, want := b.run("kubectl", "logs", "made"), "42\n65532\n"; got != want {
		t.Errorf("logs = %q, want %q", got, want)
	}
	b.run("kubectl", "delete", "pod", "made", "--now")
}

func testQuickUp(t *testing.T, b *bed) {
	before := b.status().PIDs
	start := time.Now()
	b.run("up")
	if took := time.Since(start); took > time.Second {
		t.Errorf("a second up took %s, want less than a second", took)
	}
	if diff := cmp.Diff(before, b.status().PIDs); diff != "" {
		t.Errorf("a second up changed processes (-before +after):\n%s", diff)
	}
}

// testCrash kills half of the processes: the container lives on.
func testCrash(t *testing.T, b *bed) {
	const started = `jsonpath={.items[0].status.containerStatuses[0].state.running.startedAt}`
	before := b.run("kubectl", "get", "pods", "-l", "app=web", "-o", started)
	pids := b.status().PIDs
	killed := []string{"registry", "kube-apiserver", "containerd", "dockerd", "kubelet"}
	for _, name := range killed {
		if err := syscall.Kill(pids[name], syscall.SIGKILL); err != nil {
			t.Fatalf("killing %s: %v", name, err)
		}
	}
	b.eventually(func() string {
		out, err := b.command("status", "--json").Output()
		var status cluster.Status
		if json.Unmarshal(out, &status) != nil || err == nil || status.Running || len(status.PIDs) != len(pids)-5 {
			return fmt.Sprintf("with five processes gone, status says (error %v) %s", err, out)
		}
		return ""
	})
	b.run("up")
	if got := b.run("kubectl", "get", "pods", "-l", "app=web", "-o", started); got != before || got == "" {
		t.Errorf("the container started at %q, want as before, at %q", got, before)
	}
	b.canExec()
}

// testReboot leaves behind what a power cut leaves: no process and no network,
// but records of processes whose numbers now belong to others.
func testReboot(t *testing.T, b *bed) {
	pids := b.status().PIDs
	b.run("down")
	records := proc.Set{Dir: b.l.Path("run", "pids")}
	write(t, b.l.Path("run", "boot"), "another boot")
	write(t, b.l.Path("run", "containerd", "leftover"), "")
	for name := range pids {
		record, err := json.Marshal(proc.Record{PID: os.Getpid(), Start: "1", Boot: "another boot"})
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(records.Dir, name+".json"), string(record))
	}
	b.run("up")
	b.run("kubectl", "rollout", "status", "deployment/web", "--timeout=60s")
	b.canExec()
}

// canExec waits until the pod can be reached: a kubelet that has just started
// is ready a little before it knows its pods.
func (b *bed) canExec() {
	b.t.Helper()
	b.eventually(func() string {
		out, err := b.command("kubectl", "exec", "deployment/web", "--", "echo", "there").CombinedOutput()
		if err != nil || string(out) != "there\n" {
			return fmt.Sprintf("exec: %v %s", err, out)
		}
		return ""
	})
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func testDown(t *testing.T, b *bed) {
	addresses, err := filepath.Glob(b.l.Path("run/containerd/io.containerd.runtime.v2.task/*/*/address"))
	if err != nil || len(addresses) == 0 {
		t.Fatalf("no shim to end: %v", err)
	}
	var sockets []string
	for _, file := range addresses {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sockets = append(sockets, strings.TrimPrefix(string(data), "unix://"))
	}
	if left := leftovers(t, b.l, sockets); len(left) < 6 {
		t.Fatalf("before down, only %v is found: this test would see nothing", left)
	}
	// The worst case: nobody is there any more to tell the containers' keepers.
	if err := syscall.Kill(b.status().PIDs["containerd"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.run("down", "--purge")
	if left := leftovers(t, b.l, sockets); len(left) > 0 {
		t.Errorf("after down, there still is: %s", strings.Join(left, "\n"))
	}
	if _, err := os.Stat(b.l.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state folder is still there: %v", err)
	}
}

// leftovers lists what there is of a cluster outside its state folder.
func leftovers(t *testing.T, l layout.Layout, files []string) []string {
	t.Helper()
	left, err := host.MountsBelow(l.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := net.InterfaceByName(l.Bridge()); err == nil {
		left = append(left, "interface "+l.Bridge())
	}
	if exec.Command("nft", "list", "table", "inet", l.Name()).Run() == nil {
		left = append(left, "nft table "+l.Name())
	}
	patterns := []string{"/sys/fs/cgroup/" + l.Name(), "/sys/fs/cgroup/*/" + l.Name(), "/var/lib/cni/results/" + l.Name() + "-*"}
	for _, pattern := range append(patterns, files...) {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, found...)
	}
	links, _ := filepath.Glob("/var/log/containers/*")
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, l.Dir) {
			left = append(left, link)
		}
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lines {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(l.Dir+"/")) {
			left = append(left, "process "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return left
}
