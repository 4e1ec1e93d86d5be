package extensions

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/kube"
)

// pause is longer than an agent waits for a daemon that has not come.
const pause = 6 * time.Second

// TestSlowDaemon: a daemon that stands still while a container starts, whose
// program only a first sync brings, makes no up fail; and one that stands still
// at a save brings it later.
func TestSlowDaemon(t *testing.T) {
	t.Parallel()
	b := newBed(t, "slow", map[string]string{
		"Tiltfile": `
default_registry('127.0.0.1:5000')
docker_build('tl-ext-slow', 'app', live_update=[initial_sync(), sync('app', '/app'), restart_container()])
k8s_yaml('app.yaml')
`,
		"app.yaml": `{apiVersion: apps/v1, kind: Deployment, metadata: {name: slow}, spec: {selector: {matchLabels: {app: slow}}, template: {metadata: {labels: {app: slow}}, spec: {
terminationGracePeriodSeconds: 0, volumes: [{name: app, emptyDir: {}}], containers: [{name: c, image: tl-ext-slow, command: [sh, /app/run.sh], volumeMounts: [{name: app, mountPath: /app}]}]}}}}`,
		"app/Dockerfile": "FROM $BASE\nCOPY . /app/\n",
		"app/run.sh":     "echo first > /tmp/said; exec sleep 100000\n",
	})
	ended := make(chan error, 1)
	go func() {
		out, err := b.run(t.Context(), "up", "--detach", "--timeout", "3m", "--namespace", b.namespace)
		if err != nil {
			err = errors.New(out)
		}
		ended <- err
	}()
	b.until("the pod starts", func() bool {
		for _, p := range b.pods("slow") {
			for _, c := range p.Containers {
				if c.State == kube.ContainerRunning {
					return true
				}
			}
		}
		return false
	})
	b.stands()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatalf("up fails for what a first sync mends:\n%v", err)
		}
	case <-time.After(3 * time.Minute):
		t.Fatal("up does not end")
	}
	b.ready("slow")
	if out := b.towline("logs", "slow"); strings.Contains(out, "run.sh': No such file") {
		t.Errorf("the program was started without its files:\n%s", out)
	}

	b.write("app/run.sh", "echo second > /tmp/said; exec sleep 100000\n")
	b.stands()
	b.ready("slow")
	b.until("the save runs", func() bool { return b.exec(b.target("slow"), "cat", "/tmp/said") == "second\n" })
}

// stands stops the daemon for a while, as a loaded machine does.
func (b *bed) stands() {
	b.t.Helper()
	pid := b.daemon()
	b.must(syscall.Kill(pid, syscall.SIGSTOP))
	time.Sleep(pause) // it is what is tested
	b.must(syscall.Kill(pid, syscall.SIGCONT))
}
