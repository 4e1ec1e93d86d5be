//go:build linux

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

// uid is the user of the test's containers.
const uid = 65532

// binaries are built once: the agent as it is shipped, static, and the
// application.
var binaries = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "towline-agent-test"); err != nil {
		return "", err
	}
	for out, args := range map[string][]string{
		"towline-agent": {"-trimpath", "-ldflags=-s -w", "."},
		"app":           {"-gcflags=all=-N -l", "./testdata/app"},
	} {
		cmd := exec.Command("go", append([]string{"build", "-o", filepath.Join(dir, out)}, args...)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
		if msg, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("building %s: %w\n%s", out, err, msg)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := binaries(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// container is a process tree as a container of a scratch image has it: own
// process ids, a root with two static binaries, no shell, an ordinary user
// without capabilities who may write to /data only, no new privileges.
type container struct {
	root string
	cmd  *exec.Cmd
	pipe *os.File
	out  *bufio.Reader // stdout of the application, read from pipe
	err  *bytes.Buffer // stderr, to be read after the end
	done chan struct{}
}

// launch starts a container whose first process is the agent with the flags.
func launch(t testing.TB, flags ...string) *container {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("making a container's namespaces takes root")
	}
	bin, err := binaries()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	build(t, root, bin)
	return relaunch(t, root, flags...)
}

// relaunch starts a container on a file system that was in use before.
func relaunch(t testing.TB, root string, flags ...string) *container {
	t.Helper()
	c := &container{root: root, err: &bytes.Buffer{}, done: make(chan struct{})}
	unshare := []string{"--no-new-privs", "unshare", "--mount", "--pid", "--fork", "--mount-proc",
		"--root=" + c.root, "--wd=/", "--setgid=" + strconv.Itoa(uid), "--setuid=" + strconv.Itoa(uid)}
	args := append(unshare, client.InitCommand("web", client.InitOptions{}, nil)...)
	args = append(args[:len(args)-1], append(flags, "--", "/app/app")...)
	c.cmd = exec.Command("setpriv", args...)
	out, outEnd, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.pipe, c.out = out, bufio.NewReader(out)
	c.cmd.Stdout, c.cmd.Stderr = outEnd, c.err
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	outEnd.Close()
	go func() {
		c.cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(func() {
		if pid := c.first(); pid != 0 {
			syscall.Kill(pid, syscall.SIGKILL) // and with it all others of its namespace
		}
		c.cmd.Process.Kill()
		<-c.done
		out.Close()
		if t.Failed() {
			t.Logf("stderr of the container:\n%s", c.err)
		}
	})
	return c
}

// build makes the file system.
func build(t testing.TB, root, bin string) {
	t.Helper()
	os.Chmod(root, 0o755)
	for _, dir := range []string{"proc", "dev", "app", "data", ".towline/bin", ".towline/run"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	os.Chmod(filepath.Join(root, ".towline/run"), 0o777)
	os.Chown(filepath.Join(root, "data"), uid, uid)
	if err := os.WriteFile(filepath.Join(root, "dev/null"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	copyFile(t, filepath.Join(bin, "app"), filepath.Join(root, "app/app"))
	install := exec.Command(filepath.Join(bin, "towline-agent"), "install", filepath.Join(root, wire.BinPath))
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("install: %v\n%s", err, out)
	}
	info, err := os.Stat(filepath.Join(root, wire.BinPath))
	if err != nil || info.Mode() != 0o555 {
		t.Fatalf("the installed agent has mode %v, error %v", info.Mode(), err)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// exec runs a command in the container, as kubectl exec does.
func (c *container) exec(t testing.TB, stdin []byte, argv ...string) []byte {
	t.Helper()
	cmd := exec.Command("chroot", append([]string{"--userspec=" + strconv.Itoa(uid) + ":" + strconv.Itoa(uid), c.root}, argv...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", argv, err, &stderr)
	}
	return out
}

// mount mounts a file with a content over a new one, as a kubelet does, and
// returns its path.
func (c *container) mount(t testing.TB, at, content string) string {
	t.Helper()
	from, over := filepath.Join(t.TempDir(), "mounted"), filepath.Join(c.root, at)
	for name, text := range map[string]string{from: content, over: ""} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	bind := exec.Command("nsenter", "--target="+strconv.Itoa(c.first()), "--mount", "mount", "--bind", from, over)
	if out, err := bind.CombinedOutput(); err != nil {
		t.Fatalf("mounting %s: %v\n%s", at, err, out)
	}
	return at
}

// enroll enrols a key for the owner and returns it with the agent's answer.
func (c *container) enroll(t testing.TB, owner string) ([]byte, wire.Enrolled) {
	t.Helper()
	key := client.NewKey()
	enrolled, err := client.ParseEnrolled(c.exec(t, client.EnrollInput(key), client.EnrollCommand("web", owner)...))
	if err != nil {
		t.Fatal(err)
	}
	return key, enrolled
}

// connect enrols and connects.
func (c *container) connect(t testing.TB) *client.Client {
	t.Helper()
	key, enrolled := c.enroll(t, "test")
	return dial(t, key, enrolled.Port)
}

func dial(t testing.TB, key []byte, port int) *client.Client {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	agent, err := client.New(context.Background(), conn, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agent.Close() })
	return agent
}

// ready waits until the application, with the given pid if it is not 0, says
// that it is ready, and returns its port.
func (c *container) ready(t testing.TB, pid int) (port int) {
	t.Helper()
	for {
		var got int
		if n, _ := fmt.Sscanf(c.line(t), "ready %d %d", &got, &port); n == 2 && (pid == 0 || got == pid) {
			return port
		}
	}
}

// line returns the next line that the application says.
func (c *container) line(t testing.TB) string {
	t.Helper()
	c.pipe.SetReadDeadline(time.Now().Add(time.Minute))
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("waiting for a line of the application: %v", err)
	}
	return line
}

// first returns the pid of the container's first process as the host sees it,
// 0 when there is none.
func (c *container) first() int {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", c.cmd.Process.Pid, c.cmd.Process.Pid))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(children)))
	return pid
}

// terminate sends the signal to the container's first process and returns its
// exit code.
func (c *container) terminate(t testing.TB, sig syscall.Signal) int {
	t.Helper()
	pid := c.first()
	if pid == 0 {
		t.Fatal("the container has no first process")
	}
	syscall.Kill(pid, sig)
	select {
	case <-c.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the container did not end")
	}
	return c.cmd.ProcessState.ExitCode()
}

// ask reads all that a connection to the port in the pod says.
func ask(t testing.TB, agent *client.Client, port int) string {
	t.Helper()
	conn, err := agent.Dial(t.Context(), port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	said, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(said)
}
