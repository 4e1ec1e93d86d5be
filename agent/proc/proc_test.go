//go:build linux

package proc_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/agent/proc"
)

// TestMain lets the test binary play the application.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		play(os.Args[1])
	}
	os.Exit(m.Run())
}

// play plays the part and ends the process, if there is such a part.
func play(part string) {
	switch part {
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		say("ready")
		time.Sleep(time.Hour)
	case "parent": // its child has the same group and outlives it
		null, _ := os.Open(os.DevNull)
		os.StartProcess(self(), []string{self(), "child"}, &os.ProcAttr{Env: os.Environ(), Files: []*os.File{null, os.Stdout, os.Stderr}})
		time.Sleep(time.Hour) // the default action of SIGTERM ends it
	case "child":
		signal.Ignore(syscall.SIGTERM)
		say("child")
		time.Sleep(time.Hour)
	case "exit":
		code, _ := strconv.Atoi(os.Args[2])
		os.Exit(code)
	case "wait":
		say(os.Getenv("GREETING"))
		time.Sleep(time.Hour)
	case "shim":
		panic(proc.ExecTraceable(os.Args[2], os.Args[3:], os.Environ()))
	}
}

func say(word string) { fmt.Println(word, os.Getpid()) }

func self() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

// subject is an application with its output and the states it went through.
type subject struct {
	*proc.App
	out    *bufio.Reader
	states chan proc.Status
}

func run(t *testing.T, change func(*proc.Spec, *proc.Policy), argv ...string) *subject {
	t.Helper()
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	spec := proc.Spec{Argv: append([]string{self()}, argv...), Env: os.Environ(), Files: [3]*os.File{null, in, os.Stderr}}
	policy := proc.Policy{
		Restart: proc.Never, Backoff: time.Millisecond, BackoffMax: 4 * time.Millisecond,
		Healthy: time.Hour, Grace: 10 * time.Second, StopSignal: syscall.SIGTERM,
	}
	if change != nil {
		change(&spec, &policy)
	}
	s := &subject{out: bufio.NewReader(out), states: make(chan proc.Status, 1000)}
	s.App = proc.New(spec, policy, func(st proc.Status) { s.states <- st })
	t.Cleanup(func() {
		s.Terminate(syscall.SIGKILL)
		<-s.Done()
		in.Close()
		out.Close()
		null.Close()
	})
	return s
}

// hears waits for the line "word PID" and returns the pid.
func (s *subject) hears(t *testing.T, word string) int {
	t.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	rest, ok := strings.CutPrefix(line, word+" ")
	pid, err := strconv.Atoi(strings.TrimSpace(rest))
	if !ok || err != nil {
		t.Fatalf("the application said %q, want %s and its pid", line, word)
	}
	return pid
}

func (s *subject) mustStart(t *testing.T) proc.Status {
	t.Helper()
	st, err := s.Start(t.Context(), proc.Launch{})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestStubbornIsKilledAfterTheGrace(t *testing.T) {
	s := run(t, func(_ *proc.Spec, p *proc.Policy) { p.Grace = 50 * time.Millisecond }, "stubborn")
	s.mustStart(t)
	s.hears(t, "ready")
	st, err := s.Stop(t.Context())
	if err != nil || st.Exit.Signal != syscall.SIGKILL || !st.Exit.Asked || st.State != proc.Stopped {
		t.Errorf("after stop: %+v, exit %+v, error %v", st, st.Exit, err)
	}
}

// The whole group is gone before a restart starts the next process, so that
// the next one never meets the port of a child that was left behind.
func TestGroupIsGoneBeforeTheNextStart(t *testing.T) {
	s := run(t, func(_ *proc.Spec, p *proc.Policy) { p.Grace = 50 * time.Millisecond }, "parent")
	first := s.mustStart(t)
	child := s.hears(t, "child")
	if pgid, err := syscall.Getpgid(child); err != nil || pgid != first.PID {
		t.Fatalf("the child's group is %d, %v, want %d", pgid, err, first.PID)
	}
	second, err := s.Restart(t.Context(), proc.Launch{})
	if err != nil {
		t.Fatal(err)
	}
	if alive(child) {
		t.Errorf("the child %d of the old process lives beside the new one %d", child, second.PID)
	}
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestRestartPolicies(t *testing.T) {
	tests := []struct {
		rule proc.Restart
		code string
		want []proc.State // of the first statuses after the start
	}{
		{proc.Never, "1", []proc.State{proc.Running, proc.Exited}},
		{proc.OnFailure, "0", []proc.State{proc.Running, proc.Exited}},
		{proc.OnFailure, "1", []proc.State{proc.Running, proc.Backoff, proc.Running, proc.Backoff}},
		{proc.Always, "0", []proc.State{proc.Running, proc.Backoff, proc.Running}},
	}
	for _, test := range tests {
		s := run(t, func(_ *proc.Spec, p *proc.Policy) { p.Restart = test.rule }, "exit", test.code)
		s.mustStart(t)
		for i, want := range test.want {
			st := <-s.states
			if st.State != want {
				t.Errorf("rule %d, code %s: status %d is %+v, want state %d", test.rule, test.code, i, st, want)
			}
			if st.Exit != nil && strconv.Itoa(st.Exit.Code) != test.code {
				t.Errorf("exit code %d, want %s", st.Exit.Code, test.code)
			}
		}
	}
}

func TestBackoffDoubles(t *testing.T) {
	s := run(t, func(_ *proc.Spec, p *proc.Policy) { p.Restart = proc.Always }, "exit", "1")
	s.mustStart(t)
	var waits []time.Duration
	for len(waits) < 4 {
		if st := <-s.states; st.State == proc.Backoff {
			waits = append(waits, st.Next.Sub(st.Exit.At).Truncate(time.Millisecond))
		}
	}
	// The time between the exit and the decision is added to each.
	for i, least := range []time.Duration{1, 2, 4, 4} {
		if waits[i] < least*time.Millisecond {
			t.Errorf("wait %d is %v, want %v or a little more", i, waits[i], least*time.Millisecond)
		}
	}
}

// A save in the time of waiting starts at once, and stop ends the waiting.
func TestBackoffEnds(t *testing.T) {
	s := run(t, func(_ *proc.Spec, p *proc.Policy) {
		p.Restart, p.Backoff, p.BackoffMax = proc.OnFailure, time.Hour, time.Hour
	}, "exit", "1")
	s.mustStart(t)
	for (<-s.states).State != proc.Backoff {
	}
	if st, err := s.Restart(t.Context(), proc.Launch{}); err != nil || st.Starts != 2 {
		t.Errorf("restart in backoff: %+v, %v", st, err)
	}
	for (<-s.states).State != proc.Backoff {
	}
	if st, err := s.Stop(t.Context()); err != nil || st.State != proc.Stopped || !st.Next.IsZero() {
		t.Errorf("stop in backoff: %+v, %v", st, err)
	}
}

func TestStartFails(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := map[string]error{"/does/not/exist": fs.ErrNotExist, "no-such-command-anywhere": exec.ErrNotFound, text: fs.ErrPermission, "": nil}
	for argv0, want := range tests {
		s := run(t, func(spec *proc.Spec, _ *proc.Policy) { spec.Argv = []string{argv0} })
		st, err := s.Start(t.Context(), proc.Launch{})
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", argv0, err, want)
		}
		if st.State != proc.Exited || st.Exit == nil || st.Exit.Err == nil {
			t.Errorf("%q: state after the failure: %+v", argv0, st)
		}
	}
}

func TestOtherCommandIsKeptUntilOriginal(t *testing.T) {
	s := run(t, nil, "exit", "0")
	steps := []struct {
		launch proc.Launch
		want   string
	}{
		{proc.Launch{Argv: []string{self(), "wait"}, Env: []string{"GREETING=hello"}}, "hello"},
		{proc.Launch{}, "hello"},
		{proc.Launch{Env: []string{"GREETING=again"}}, "again"},
	}
	for _, step := range steps {
		if _, err := s.Restart(t.Context(), step.launch); err != nil {
			t.Fatal(err)
		}
		s.hears(t, step.want)
	}
	st, err := s.Restart(t.Context(), proc.Launch{Original: true})
	if err != nil || st.Argv[1] != "exit" {
		t.Errorf("original: %+v, %v", st, err)
	}
}

// Frozen processes stand before their first instruction, with and without the
// shim, and run when they are let go.
func TestFrozen(t *testing.T) {
	for _, shim := range [][]string{nil, {self(), "shim"}} {
		s := run(t, func(spec *proc.Spec, _ *proc.Policy) {
			spec.Env = append(spec.Env, "GREETING=thawed")
			spec.Shim = shim
			if shim != nil { // the shim is our own file, so the program must be another
				spec.Argv = []string{"/bin/sh", "-c", "echo thawed $$; sleep 60"}
			}
		}, "wait")
		if shim == nil {
			copyOfSelf(t, s)
		} else if _, err := s.Start(t.Context(), proc.Launch{Frozen: true}); err != nil {
			t.Fatal(err)
		}
		st := s.Status()
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", st.PID))
		if err != nil || !strings.Contains(string(stat), ") T ") {
			t.Errorf("shim %v: the process is not stopped: %s", shim, stat)
		}
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", st.PID))
		if exe == self() {
			t.Errorf("shim %v: it stands in the shim, not in its program", shim)
		}
		if _, err := s.Signal(t.Context(), syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if pid := s.hears(t, "thawed"); pid != st.PID {
			t.Errorf("shim %v: pid %d thawed, want %d", shim, pid, st.PID)
		}
		if st, err := s.Restart(t.Context(), proc.Launch{}); err != nil || st.State != proc.Running {
			t.Errorf("after a frozen start: %+v, %v", st, err)
		}
	}
}

// copyOfSelf starts a copy of the test binary, frozen: our own file counts as
// the shim.
func copyOfSelf(t *testing.T, s *subject) {
	t.Helper()
	content, err := os.ReadFile(self())
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(copied, content, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Start(t.Context(), proc.Launch{Argv: []string{copied, "wait"}, Frozen: true}); err != nil {
		t.Fatal(err)
	}
}

func TestTerminate(t *testing.T) {
	s := run(t, func(_ *proc.Spec, p *proc.Policy) { p.Restart = proc.Always }, "wait")
	s.mustStart(t)
	s.hears(t, "")
	s.Terminate(syscall.SIGTERM)
	<-s.Done()
	if st := s.Status(); st.State != proc.Exited || st.Exit.Signal != syscall.SIGTERM {
		t.Errorf("after terminate: %+v, exit %+v", st, st.Exit)
	}
	if _, err := s.Start(t.Context(), proc.Launch{}); !errors.Is(err, proc.ErrEnded) {
		t.Errorf("start after terminate: %v, want ErrEnded", err)
	}
}
