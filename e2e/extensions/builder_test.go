package extensions

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dockerd is a Docker of a test's own, which may be killed, in a network of its own.
type dockerd struct {
	bed      *bed
	dir      string
	cmd      *exec.Cmd
	registry *wire // its way to the registry
}

// ownDocker gives the bed's commands a Docker of their own.
func (b *bed) ownDocker() *dockerd {
	b.t.Helper()
	dir, err := os.MkdirTemp("", "tl") // short: it holds sockets
	b.must(err)
	d := &dockerd{bed: b, dir: dir}
	d.registry = &wire{bed: b, addr: "127.0.0.1:5000", server: "127.0.0.1:5000"}
	d.registry.listen = func(addr string) (net.Listener, error) { return inNetworkOf(d.cmd.Process.Pid, addr) }
	b.t.Cleanup(func() { d.registry.cut(); d.kill(); d.clean() })
	b.env = append(b.env, "DOCKER_HOST=unix://"+d.path("docker.sock"))
	d.start()
	return d
}

func (d *dockerd) path(name string) string { return filepath.Join(d.dir, name) }

// start starts it, also after it was killed, and waits until it answers.
func (d *dockerd) start() {
	d.bed.t.Helper()
	d.bed.must(os.RemoveAll(d.path("run"))) // a killed one left pids there
	_ = os.Remove(d.path("pid"))            // and here
	log, err := os.OpenFile(d.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	d.bed.must(err)
	defer log.Close()
	d.cmd = exec.Command("sh", "-c", `ip link set lo up && exec dockerd "$@"`, "sh", "--host=unix://"+d.path("docker.sock"), "--data-root="+d.path("data"), "--exec-root="+d.path("run"), "--pidfile="+d.path("pid"),
		"--storage-driver=vfs", "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--exec-opt=native.cgroupdriver=cgroupfs")
	d.cmd.Stdout, d.cmd.Stderr = log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Cloneflags: syscall.CLONE_NEWNET} // with the containerd that it starts
	d.bed.must(d.cmd.Start())
	d.bed.until("docker answers", func() bool {
		version := exec.Command("docker", "version")
		version.Env = d.bed.env
		return version.Run() == nil
	})
	d.registry.mend()
}

// kill ends it at once, with all that it runs.
func (d *dockerd) kill() {
	if d.cmd == nil || d.cmd.Process == nil {
		return
	}
	d.registry.cut() // its network is another one next time
	_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
	_ = d.cmd.Wait() // it was killed
	d.cmd = nil
	for d.endRest() { // of other groups
		<-time.After(10 * time.Millisecond)
	}
	d.unmount()
}

// endRest kills what it started and that went on, and reports whether there was any.
func (d *dockerd) endRest() (found bool) {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		text, err := os.ReadFile(line)
		pid, wrong := strconv.Atoi(filepath.Base(filepath.Dir(line)))
		if err == nil && wrong == nil && pid != os.Getpid() && strings.Contains(string(text), d.dir+"/") && !strings.HasPrefix(string(text), "docker\x00") {
			found = true
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		}
	}
	return found
}

// unmount takes down what it had mounted.
func (d *dockerd) unmount() {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		d.bed.t.Error(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], d.dir+"/") {
			_ = syscall.Unmount(fields[1], syscall.MNT_DETACH)
		}
	}
}

// clean removes what it kept.
func (d *dockerd) clean() {
	if d.bed.t.Failed() {
		text, err := os.ReadFile(d.path("log"))
		d.bed.t.Logf("docker says (%v):\n%s", err, text[max(0, len(text)-4000):])
	}
	if err := os.RemoveAll(d.dir); err != nil {
		d.bed.t.Error(err)
	}
}

// TestBuilderAndRegistryAreLost: docker is killed in the middle of a build, and the
// registry goes in the middle of a push, and before one. What runs goes on, all faces say what is
// lacking, and when it is back all goes on by itself, with one rollout for each save.
func TestBuilderAndRegistryAreLost(t *testing.T) {
	t.Parallel()
	b := newBed(t, "builder", map[string]string{
		"Tiltfile":       "default_registry('127.0.0.1:5000')\ndocker_build('tl-ext-lost', 'app', network='none')\nk8s_yaml('web.yaml')\n",
		"web.yaml":       flow("web", "{name: c, image: tl-ext-lost}", 0),
		"app/Dockerfile": "FROM $BASE\nCOPY . /app/\nRUN sh /app/slow.sh\nCMD [\"sh\", \"/app/run.sh\"]\n",
		"app/run.sh":     noting("0"), "app/slow.sh": "true\n",
	})
	docker := b.ownDocker()
	registry := docker.registry
	b.up()
	b.started("web", "0")
	first := b.target("web")

	b.write("app/slow.sh", "sleep 20\n")
	b.write("app/run.sh", noting("1"))
	b.says([]string{"status", "web"}, "web", "building")
	b.says([]string{"logs", "web"}, "RUN sh /app/slow.sh")
	docker.kill()
	b.lacks("docker does not answer", first.Pod)
	b.write("app/slow.sh", "true\n")
	b.lacks("docker does not answer", first.Pod)
	docker.start()
	b.started("web", "1") // by itself
	b.rolledOut(2)

	big := make([]byte, 24<<20)
	_, _ = rand.Read(big) // never fails
	b.must(os.WriteFile(filepath.Join(b.dir, "app/big"), big, 0o600))
	b.write("app/run.sh", noting("2"))
	b.until("the registry takes the image", func() bool { return registry.passed.Load() > 4<<20 })
	registry.cut()
	b.says([]string{"logs", "web"}, "Retrying in") // as docker does for a while
	b.says([]string{"status", "web"}, "web", "building")
	registry.mend()
	b.started("web", "2")
	b.rolledOut(3)
	registry.cut()
	b.write("app/run.sh", noting("3"))
	b.lacks("connection refused", b.running("web")[0])
	registry.mend()
	b.started("web", "3")
	b.rolledOut(4)
	b.down()
	b.wantGone("apps/v1", "Deployment", "web")
}

// lacks waits until the faces say what is lacking, while what runs goes on.
func (b *bed) lacks(what, pod string) {
	b.t.Helper()
	b.fails([]string{"status", "web"}, "web", "stale", what, "hint: ", "tried again by itself")
	b.fails([]string{"wait", "--timeout", "1m"}, "web: stale", what)
	b.says([]string{"logs", "web"}, what)
	if pods := b.running("web"); len(pods) != 1 || pods[0] != pod {
		b.t.Errorf("%q run, not %s", pods, pod)
	}
}

// rolledOut checks that the Deployment was changed as often as that.
func (b *bed) rolledOut(revision int) {
	b.t.Helper()
	b.ready()
	b.want("apps/v1", "Deployment", "web", fmt.Sprintf(`"deployment.kubernetes.io/revision":"%d"`, revision))
}

// inNetworkOf listens in the network of a process.
func inNetworkOf(pid int, addr string) (net.Listener, error) {
	type listened struct {
		l   net.Listener
		err error
	}
	done := make(chan listened, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		network, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
		if err != nil {
			done <- listened{nil, err}
			return
		}
		defer network.Close()
		if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- listened{nil, err}
			return
		}
		l, err := net.Listen("tcp", addr)
		done <- listened{l, err}
	}()
	d := <-done
	return d.l, d.err
}
