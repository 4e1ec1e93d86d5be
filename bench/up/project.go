package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// path is one of the project's files.
func (b *bench) path(name string) string { return filepath.Join(b.project, name) }

// write makes the project.
func (b *bench) write() error {
	var all, tiltfile strings.Builder
	tiltfile.WriteString("allow_k8s_contexts(k8s_context())\nk8s_yaml('all.yaml')\n")
	for i := range b.services {
		name := fmt.Sprintf("svc%04d", i)
		fmt.Fprintf(&all, service, name)
		fmt.Fprintf(&tiltfile, "k8s_resource('%s', objects=['%s:configmap'])\n", name, name)
	}
	if err := os.MkdirAll(b.path(""), 0o755); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(b.path("all.yaml"), []byte(all.String()), 0o644), os.WriteFile(b.path("Tiltfile"), []byte(tiltfile.String()), 0o644))
}

// service is the YAML of one.
const service = `---
apiVersion: v1
kind: ConfigMap
metadata: {name: %[1]s}
data: {name: %[1]s}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec: {selector: {app: %[1]s}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 0
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: main, image: "example.com/none:1"}]}
`

// command prepares a program in the project, whose daemon is its own.
func (b *bench) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = b.path("")
	cmd.Env = slices.Concat(os.Environ(), b.env, []string{"XDG_RUNTIME_DIR=" + b.dir, "XDG_STATE_HOME=" + filepath.Join(b.dir, "state")})
	return cmd
}

// run runs a program; its error has what it said.
func (b *bench) run(ctx context.Context, args ...string) error {
	if out, err := b.command(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// kube runs kubectl, with the person's own folders.
func (b *bench) kube(ctx context.Context, args ...string) error {
	_, err := b.asked(ctx, args...)
	return err
}

// asked is what kubectl prints.
func (b *bench) asked(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, b.kubectl[0], slices.Concat(b.kubectl[1:], args)...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// daemon finds the project's daemon by its command line.
func (b *bench) daemon() (pid int, err error) {
	lists, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	want := strings.Join([]string{b.towline, "daemon", "--workspace", b.path("")}, "\x00") + "\x00"
	for _, list := range lists {
		if line, err := os.ReadFile(list); err == nil && string(line) == want {
			return strconv.Atoi(filepath.Base(filepath.Dir(list)))
		}
	}
	return 0, errors.New("the daemon does not run")
}

// killDaemon ends the daemon as a crash does.
func (b *bench) killDaemon() error {
	pid, err := b.daemon()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := b.daemon(); err != nil {
			return nil
		}
	}
	return errors.New("the daemon does not end")
}

// clean removes what a failed round left.
func (b *bench) clean(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	_ = b.run(ctx, b.towline, "down")
	_ = b.killDaemon()
	_ = b.kube(ctx, "delete", "namespace", "--ignore-not-found", baseline, namespace)
}
