//go:build linux

package main_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/zeebo/blake3"

	"github.com/towline-dev/towline/agent/agenttest"
	"github.com/towline-dev/towline/agent/apply"
	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

func TestConformanceInContainer(t *testing.T) {
	agenttest.Conformance(t, func(t *testing.T) agenttest.Subject {
		c := launch(t, "--no-start")
		agent := c.connect(t)
		return agenttest.Subject{
			Agent: agent, Root: "/data", Sealed: "/app",
			Mount: func() string { return c.mount(t, "/data/mounted", "from there") },
			Crash: func() {
				facts, err := agent.Hello(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				c.ready(t, facts.Process.PID)
				if _, err := agent.Signal(t.Context(), "SIGUSR1"); err != nil {
					t.Error(err)
				}
			},
			Shell: func(script string) wire.Command {
				return wire.Command{Argv: []string{"/app/app", "script", script}}
			},
		}
	})
}

// save returns a change that writes /data/a.
func save(content string) client.Change {
	f := wire.File{Path: wire.Path{Root: "/data", Path: "a"}, Mode: 0o644, Size: int64(len(content)), Hash: blake3.Sum256([]byte(content))}
	return client.Change{
		Transaction: wire.Transaction{Files: []wire.File{f}, Restart: true},
		Source:      client.Bytes{"/data/a": []byte(content)},
	}
}

func TestSaveRestartsInPlace(t *testing.T) {
	c := launch(t, "--hold=0s")
	agent := c.connect(t)
	port := c.ready(t, 0)
	before := ask(t, agent, port)
	result, err := agent.Apply(t.Context(), save("new content"))
	if err != nil {
		t.Fatal(err)
	}
	port = c.ready(t, result.Process.PID)
	if got, want := ask(t, agent, port), fmt.Sprintf("%d new content", result.Process.PID); got != want {
		t.Errorf("the new process says %q, want %q; the old one said %q", got, want, before)
	}
}

func TestFactsOfContainer(t *testing.T) {
	c := launch(t)
	facts := c.connect(t).Facts()
	if facts.UID != uid || facts.GID != uid || facts.Dir != "/" || facts.ReadOnlyRoot {
		t.Errorf("facts: %+v", facts)
	}
	caps := statusOf(t, c, "CapEff")
	if caps != "0000000000000000" || statusOf(t, c, "NoNewPrivs") != "1" {
		t.Errorf("the container is not as tight as it should be: CapEff %s", caps)
	}
}

// statusOf returns a field of /proc/PID/status of the container's first process.
func statusOf(t *testing.T, c *container, field string) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.first()))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\n"+field+":")
	value, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(value)
}

func TestHold(t *testing.T) {
	t.Run("nobody comes", func(t *testing.T) {
		c := launch(t, "--hold=50ms")
		c.ready(t, 0)
	})
	t.Run("daemon brings up to date first", func(t *testing.T) {
		c := launch(t, "--hold=10s")
		agent := c.connect(t)
		if state := agent.Facts().Process.State; state != wire.StateHeld {
			t.Fatalf("the application is %s, want held", state)
		}
		change := save("fresh")
		change.Restart, change.Start = false, true
		result, err := agent.Apply(t.Context(), change)
		if err != nil {
			t.Fatal(err)
		}
		port := c.ready(t, result.Process.PID)
		if got := ask(t, agent, port); !strings.HasSuffix(got, " fresh") || result.Process.Starts != 1 {
			t.Errorf("the first process says %q; %+v", got, result.Process)
		}
	})
	t.Run("daemon leaves", func(t *testing.T) {
		c := launch(t, "--hold=300ms")
		agent := c.connect(t)
		agent.Close()
		c.ready(t, 0)
	})
}

func TestTerminate(t *testing.T) {
	t.Run("application ends in its own way", func(t *testing.T) {
		c := launch(t, "--hold=0s")
		c.ready(t, 0)
		if code := c.terminate(t, syscall.SIGTERM); code != 5 {
			t.Errorf("exit code %d, want the application's 5", code)
		}
		if line := c.line(t); line != "bye\n" {
			t.Errorf("the application said %q, want bye", line)
		}
	})
	t.Run("while held", func(t *testing.T) {
		c := launch(t, "--no-start")
		c.connect(t)
		if code := c.terminate(t, syscall.SIGTERM); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	})
}

func TestCrashKeepsTheContainer(t *testing.T) {
	c := launch(t, "--hold=0s")
	agent := c.connect(t)
	c.ready(t, 0)
	if _, err := agent.SetPolicy(t.Context(), wire.Policy{BackoffMS: 10}); err != nil {
		t.Fatal(err)
	}
	if _, err := agent.Signal(t.Context(), "SIGUSR1"); err != nil {
		t.Fatal(err)
	}
	c.ready(t, 0)
	facts, err := agent.Hello(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p := facts.Process; p.Starts != 2 || p.Exit == nil || p.Exit.Code != 3 {
		t.Errorf("after the crash: %+v, exit %+v", p, p.Exit)
	}
}

// TestRestartLeavesNobody: what the application started in sessions of their
// own ends with it, with its parent or without, and however it ends. What
// others started goes on.
func TestRestartLeavesNobody(t *testing.T) {
	c := launch(t, "--hold=0s")
	agent := c.connect(t)
	if _, err := agent.SetPolicy(t.Context(), wire.Policy{GraceMS: 200, BackoffMS: 10}); err != nil {
		t.Fatal(err)
	}
	guest := exec.Command("nsenter", "--target="+strconv.Itoa(c.first()), "--mount", "--pid", "--root", "--wd", "/app/app", "script", "linger x")
	if err := guest.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- guest.Wait() }()
	defer guest.Process.Kill()
	for what, end := range map[string]func() error{
		"restart": func() error { _, err := agent.Apply(t.Context(), save("new")); return err },
		"stop":    func() error { _, err := agent.Stop(t.Context()); return err },
		"a crash": func() error { _, err := agent.Signal(t.Context(), "SIGKILL"); return err },
	} {
		t.Run(what, func(t *testing.T) {
			started, err := agent.Restart(t.Context(), wire.StartOptions{})
			if err != nil {
				t.Fatal(err)
			}
			c.ready(t, started.PID) // of this one: a signal before it is heard ends it
			if _, err := agent.Signal(t.Context(), "SIGUSR2"); err != nil {
				t.Fatal(err)
			}
			var pids []int
			for len(pids) < 2 {
				var pid int
				if n, _ := fmt.Sscanf(c.line(t), "lingers %d", &pid); n == 1 {
					pids = append(pids, pid)
				}
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if what == "a crash" {
				c.ready(t, 0) // the next one starts when the old ones are gone
			}
			for _, pid := range pids {
				if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/proc/%d/stat", c.first(), pid)); err == nil && !strings.Contains(string(stat), ") Z ") {
					t.Errorf("%d still lingers: %s", pid, stat)
				}
			}
		})
	}
	select {
	case err := <-ended:
		t.Errorf("what somebody else runs in the container was ended (%v)", err)
	default:
	}
}

func TestOrphansAreReaped(t *testing.T) {
	c := launch(t, "--no-start")
	agent := c.connect(t)
	for range 20 {
		if _, err := agent.Run(t.Context(), wire.Command{Argv: []string{"/app/app", "script", "orphan x"}}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	zombies := func() int { // among the children of the container's first process
		n := 0
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, name := range stats {
			stat, _ := os.ReadFile(name)
			if strings.Contains(string(stat), fmt.Sprintf("(app) Z %d ", c.first())) {
				n++
			}
		}
		return n
	}
	for end := time.Now().Add(10 * time.Second); zombies() > 0; {
		if time.Now().After(end) {
			t.Fatalf("%d orphans were not reaped", zombies())
		}
	}
}

// An agent that is killed in the middle of a change leaves the old files, and
// its next start removes what it had begun and says that it is another.
func TestKilledInTheMiddleOfAChange(t *testing.T) {
	c := launch(t, "--no-start")
	agent := c.connect(t)
	if _, err := agent.Apply(t.Context(), save("old")); err != nil {
		t.Fatal(err)
	}
	// The source of a large file stops half-way until the agent is dead.
	f := wire.File{Path: wire.Path{Root: "/data", Path: "a"}, Size: 8 << 20}
	half := &halfSource{begun: make(chan struct{}), release: make(chan struct{})}
	failed := make(chan error, 1)
	go func() {
		_, err := agent.Apply(t.Context(), client.Change{Transaction: wire.Transaction{Files: []wire.File{f}}, Source: half})
		failed <- err
	}()
	<-half.begun
	staged := func() []string {
		names, _ := filepath.Glob(filepath.Join(c.root, "data", apply.Prefix+"*"))
		return names
	}
	for end := time.Now().Add(10 * time.Second); len(staged()) == 0; {
		if time.Now().After(end) {
			t.Fatal("nothing was staged")
		}
	}
	syscall.Kill(c.first(), syscall.SIGKILL)
	<-c.done
	close(half.release)
	if err := <-failed; err == nil {
		t.Error("the change succeeded without an agent")
	}
	if len(staged()) == 0 {
		t.Fatal("the test killed too late")
	}
	again := relaunch(t, c.root, "--no-start")
	facts := again.connect(t).Facts()
	if facts.Boot == agent.Facts().Boot {
		t.Error("the next agent has the boot id of the killed one")
	}
	if left := staged(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if got, err := os.ReadFile(filepath.Join(c.root, "data/a")); err != nil || string(got) != "old" {
		t.Errorf("the file is %.20q, %v, want the old one", got, err)
	}
}

// halfSource delivers 4 MB that cannot be compressed and then waits.
type halfSource struct {
	sent           int
	begun, release chan struct{}
}

func (h *halfSource) Open(wire.File) (io.ReadCloser, error) { return io.NopCloser(h), nil }

func (h *halfSource) Read(p []byte) (int, error) {
	if h.sent >= 4<<20 {
		close(h.begun)
		<-h.release
		return 0, io.ErrUnexpectedEOF
	}
	rand.Read(p)
	h.sent += len(p)
	return len(p), nil
}

func TestNewKeyReplacesOld(t *testing.T) {
	c := launch(t)
	old := c.connect(t)
	key, enrolled := c.enroll(t, "test")
	select {
	case <-old.Done():
	case <-time.After(time.Minute):
		t.Fatal("the connection with the old key lives on")
	}
	agent := dial(t, key, enrolled.Port)
	if agent.Facts().Boot != enrolled.Boot || enrolled.Boot == "" {
		t.Errorf("boot id %q, enrolled said %q", agent.Facts().Boot, enrolled.Boot)
	}
	c.enroll(t, "another workspace")
	if _, err := agent.Hello(t.Context()); err != nil {
		t.Errorf("another owner's key ended ours: %v", err)
	}
}
