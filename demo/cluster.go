package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/kubeconfig"
)

// cluster is where the demo plays.
type cluster struct {
	env []string // of the binaries
}

// chooseCluster takes the current context's cluster if it is allowed and
// answers, else the test bed's.
func chooseCluster(ctx context.Context, tell *teller, root string) (cluster, error) {
	tell.begin("cluster", "one for development that answers, or the test bed")
	found, reason := current(ctx)
	if found != nil {
		tell.done("%s, namespace %s", found.Identity().Context, namespace)
		return cluster{}, nil
	}
	tell.note("yours is not used: "+reason, "a one-node Kubernetes of this repository starts instead; the first time it is",
		"compiled, nine minutes on two cores. A kind, k3d or minikube of yours would be used at once.")
	bed, err := startTestbed(ctx, tell, root)
	if err != nil {
		return cluster{}, fmt.Errorf("%w (the current context is not used: %s)", err, reason)
	}
	tell.done("towline-testbed, a one-node Kubernetes of this repository, namespace %s", namespace)
	return bed, nil
}

// current returns the current context's cluster, or why it cannot be used.
func current(ctx context.Context) (*kube.Cluster, string) {
	c, err := kube.Open(kube.Options{})
	if err != nil {
		return nil, err.Error()
	}
	if ok, problem := kube.Allowed(c.Identity(), nil); !ok {
		return nil, problem.Message
	}
	if c.Identity().Product == kubeconfig.Testbed {
		return nil, "it is the test bed itself" // started again if need be
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := c.ServerVersion(ctx); err != nil {
		return nil, err.Error()
	}
	return c, ""
}

// startTestbed builds and starts the test bed, or finds it running.
func startTestbed(ctx context.Context, tell *teller, root string) (cluster, error) {
	binary := filepath.Join(root, "testbed", "bin", "testbed")
	tell.progress("building the test bed (minutes the first time, then cached)")
	build := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, "testbed"), "-trimpath", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as hack/build
	if out, err := build.CombinedOutput(); err != nil {
		return cluster{}, fmt.Errorf("building the test bed: %w\n%s", err, out)
	}
	up := exec.CommandContext(ctx, binary, "up")
	lines := &lastLine{tell: tell}
	up.Stdout, up.Stderr = lines, lines
	if err := up.Run(); err != nil {
		return cluster{}, fmt.Errorf("starting the test bed: %w\n%s", err, lines.all.String())
	}
	out, err := exec.CommandContext(ctx, binary, "status", "--json").Output()
	if err != nil {
		return cluster{}, fmt.Errorf("asking the test bed: %w", err)
	}
	var status struct {
		Kubeconfig string `json:"kubeconfig"`
		DockerHost string `json:"docker_host"`
		Registry   string `json:"registry"`
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return cluster{}, err
	}
	if status.Kubeconfig == "" {
		return cluster{}, errors.New("the test bed named no kubeconfig")
	}
	c := cluster{env: []string{
		"KUBECONFIG=" + status.Kubeconfig,
		"DOCKER_HOST=" + status.DockerHost,
		"HELLO_WEB_BASE=" + status.Registry + "/busybox:1",
	}}
	for _, e := range c.env {
		name, value, _ := strings.Cut(e, "=")
		if err := os.Setenv(name, value); err != nil {
			return cluster{}, err
		}
	}
	return c, nil
}

// lastLine shows a command's last line as progress and keeps all.
type lastLine struct {
	tell *teller
	all  strings.Builder
}

func (l *lastLine) Write(p []byte) (int, error) {
	l.all.Write(p)
	for _, line := range strings.Split(strings.TrimSpace(string(p)), "\n") {
		if i := strings.LastIndexByte(line, '\r'); i >= 0 {
			line = line[i+1:]
		}
		if line = strings.TrimSpace(line); line != "" {
			l.tell.progress(line)
		}
	}
	return len(p), nil
}
