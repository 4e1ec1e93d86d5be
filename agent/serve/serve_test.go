//go:build linux

package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/towline-dev/towline/agent/agenttest"
	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/debug"
	"github.com/towline-dev/towline/agent/serve"
	"github.com/towline-dev/towline/agent/wire"
)

// TestMain lets the test binary play the application and the agent's own
// child processes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "app":
			app()
			return
		case "debug":
			var pid int
			fmt.Sscanf(os.Args[2], "--pid=%d", &pid)
			if err := debug.Serve(pid, stdio{os.Stdin, os.Stdout}); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(m.Run())
}

type stdio struct {
	io.Reader
	io.Writer
}

func (stdio) Close() error {
	os.Stdin.Close()
	return os.Stdout.Close()
}

// app is the application: it ends at SIGTERM, and with code 3 at SIGUSR1.
func app() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1)
	fmt.Println("ready", os.Getpid())
	if sig := <-signals; sig == syscall.SIGUSR1 {
		os.Exit(3)
	}
}

// harness is a real server with a client.
type harness struct {
	*client.Client
	server *serve.Server
	key    []byte
	stdout *bufio.Reader // what the application writes
}

func start(t testing.TB, change func(*serve.Config)) *harness {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	cfg := serve.Config{
		RunDir: runDir(t), Self: self, Version: "test", Argv: []string{self, "app"}, NoStart: true,
		Files: [3]*os.File{null, in, os.Stderr}, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	s, err := serve.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{server: s, key: client.NewKey(), stdout: bufio.NewReader(out)}
	t.Cleanup(func() {
		s.Close()
		s.App().Terminate(syscall.SIGKILL)
		<-s.App().Done()
		in.Close()
		out.Close()
		null.Close()
	})
	if _, err := s.Enrol("test", h.key); err != nil {
		t.Fatal(err)
	}
	h.Client = h.connect(t)
	return h
}

// runDir returns a folder whose path is short enough for a unix socket.
func runDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "web")
}

// ready waits until the process of the application listens to signals.
func (h *harness) ready(t testing.TB, pid int) {
	t.Helper()
	for line := ""; line != fmt.Sprintf("ready %d\n", pid); {
		var err error
		if line, err = h.stdout.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *harness) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", h.server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (h *harness) connect(t testing.TB) *client.Client { return h.connectAs(t, h.key) }

// connectAs connects the owner of another key.
func (h *harness) connectAs(t testing.TB, key []byte) *client.Client {
	t.Helper()
	c, err := client.New(context.Background(), h.dial(t), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestConformance(t *testing.T) {
	agenttest.Conformance(t, func(t *testing.T) agenttest.Subject {
		root, sealed, table := t.TempDir(), sealed(t), filepath.Join(t.TempDir(), "mountinfo")
		mountsBut(t, table, sealed)
		h := start(t, func(c *serve.Config) { c.Mounts = table })
		return agenttest.Subject{
			Agent: h.Client, Root: root, Sealed: sealed,
			Mount: func() string {
				defer mountsBut(t, table, sealed)
				return mounted(t, root)
			},
			Crash: func() {
				h.ready(t, h.server.App().Status().PID)
				if _, err := h.Signal(t.Context(), "SIGUSR1"); err != nil {
					t.Error(err)
				}
			},
			Shell: func(script string) wire.Command {
				return wire.Command{Argv: []string{"sh", "-c", script}}
			},
		}
	})
}

// sealed returns a directory in which the agent may not write. For root that
// takes a file system that is mounted read-only.
func sealed(t *testing.T) string {
	dir := t.TempDir()
	if os.Getuid() == 0 {
		if err := syscall.Mount("towline-test", dir, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
			t.Skipf("root can write everywhere, and mounting a read-only file system failed: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
		return dir
	}
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o755) })
	return dir
}

// mounted mounts a file over one below root, which takes root's rights.
func mounted(t *testing.T, root string) string {
	if os.Getuid() != 0 {
		return ""
	}
	from, name := filepath.Join(t.TempDir(), "settings"), filepath.Join(root, "mounted")
	for path, text := range map[string]string{from: "from there", name: ""} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if syscall.Mount(from, name, "", syscall.MS_BIND, "") != nil {
		_ = os.Remove(name) // and it is no mount
		return ""
	}
	t.Cleanup(func() { syscall.Unmount(name, syscall.MNT_DETACH) })
	return name
}

// mountsBut writes the table of what is mounted without one mount, which then is
// as any folder of a read-only container.
func mountsBut(t *testing.T, name, dir string) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var kept []byte
	for line := range bytes.Lines(data) {
		if !bytes.Contains(line, []byte(" "+dir+" ")) {
			kept = append(kept, line...)
		}
	}
	if err := os.WriteFile(name, kept, 0o600); err != nil {
		t.Fatal(err)
	}
}
