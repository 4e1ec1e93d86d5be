package local

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run/command"
	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

// recorder keeps what it is told.
type recorder struct {
	events chan engine.Event

	mu    sync.Mutex
	lines []output.Line
}

func (r *recorder) Event(e engine.Event) { r.events <- e }

func (r *recorder) Log(l output.Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, l)
}

// said returns the lines of one source.
func (r *recorder) said(source string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, l := range r.lines {
		if l.Source == source {
			out = append(out, l.Text)
		}
	}
	return out
}

// bench are Commands, and what they tell.
type bench struct {
	*Commands
	t    *testing.T
	sink *recorder
	dir  string
}

func newBench(t *testing.T) *bench {
	sink := &recorder{events: make(chan engine.Event, 1000)}
	dir := t.TempDir()
	shell := command.Shell{WorkspaceID: dir, Log: output.Log{Emit: sink.Log}}
	b := &bench{Commands: Start(t.Context(), shell, sink.Event), t: t, sink: sink, dir: dir}
	t.Cleanup(b.Close)
	return b
}

// next waits for the next event.
func (b *bench) next() engine.Event {
	b.t.Helper()
	select {
	case e := <-b.sink.events:
		return e
	case <-time.After(time.Minute):
		b.t.Fatalf("no event came; the log: %q", b.sink.lines)
		return nil
	}
}

func (b *bench) shell(script string) config.Command {
	return config.Command{Argv: []string{"sh", "-c", script}, Dir: b.dir}
}

func (b *bench) begin(l config.Local) {
	b.Run(engine.RunLocal{Resource: config.Resource{
		Name: "it", Kind: config.KindLocal, Local: &l, Pos: config.Position{File: "/w/Tiltfile", Line: 3},
	}})
}

// done waits for the answer to RunLocal, whatever else comes before it.
func (b *bench) done() engine.LocalDone {
	b.t.Helper()
	for {
		if done, ok := b.next().(engine.LocalDone); ok {
			return done
		}
	}
}

// observed waits for an Observed that is as wanted.
func (b *bench) observed(is func(engine.Observed) bool) engine.Observed {
	b.t.Helper()
	for {
		if o, ok := b.next().(engine.Observed); ok && is(o) {
			return o
		}
	}
}

// pidFrom waits until a command has written its pid to a file.
func (b *bench) pidFrom(name string) int {
	b.t.Helper()
	var pid int
	b.until("a pid in "+name, func() bool {
		data, err := os.ReadFile(filepath.Join(b.dir, name))
		if err != nil || !strings.HasSuffix(string(data), "\n") {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(data)))
		return err == nil
	})
	return pid
}

// until waits for a condition.
func (b *bench) until(what string, is func() bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// gone reports whether a process has ended, be it reaped or not.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) != nil
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "Z") || strings.HasPrefix(after, "X")
}

func TestLocalCommand(t *testing.T) {
	tests := []struct {
		name    string
		script  string
		output  []string
		problem string // part of its message
	}{
		{"output of both streams", "echo out; echo err >&2", []string{"out", "err"}, ""},
		{"the folder and the environment", "basename $PWD; echo $GREETING", []string{"sub", "hello"}, ""},
		{"a last line without an end", "printf 'a\\nb'", []string{"a", "b"}, ""},
		{"exit code", "echo before; exit 3", []string{"before"}, "exit status 3"},
		{"killed", "kill -9 $$", nil, "killed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.dir = filepath.Join(b.dir, "sub")
			if err := os.Mkdir(b.dir, 0o755); err != nil {
				t.Fatal(err)
			}
			cmd := b.shell(test.script)
			cmd.Env = map[string]string{"GREETING": "hello"}
			b.begin(config.Local{Cmd: cmd})
			done := b.done()
			if diff := cmp.Diff(test.output, b.sink.said("build")); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			b.checkProblem(done.Problem, test.problem)
			ready := b.observed(func(engine.Observed) bool { return true }).Ready
			if ready != (test.problem == "") {
				t.Errorf("ready = %v, problem %v", ready, done.Problem)
			}
		})
	}
}

// checkProblem expects a problem with a text, a place and a next step.
func (b *bench) checkProblem(p *config.Problem, text string) {
	b.t.Helper()
	switch {
	case (p == nil) != (text == ""):
		b.t.Errorf("problem = %v, want %q", p, text)
	case p != nil && (!strings.Contains(p.Message, text) || p.Hint == "" || p.Pos.Line != 3):
		b.t.Errorf("problem = %+v, want %q, a hint, and line 3", p, text)
	}
}

func TestLocalCommandThatIsNotThere(t *testing.T) {
	b := newBench(t)
	b.begin(config.Local{Cmd: config.Command{Argv: []string{"/no/such/program"}, Dir: b.dir}})
	b.checkProblem(b.done().Problem, "/no/such/program")
}

// TestCloseEndsTheWholeGroup has a command with a child that would live on.
func TestCloseEndsTheWholeGroup(t *testing.T) {
	b := newBench(t)
	b.begin(config.Local{Cmd: b.shell("sleep 1000 & echo $! > child; echo $$ > parent; wait")})
	parent, child := b.pidFrom("parent"), b.pidFrom("child")
	b.Close()
	b.until("the command to end", func() bool { return gone(parent) })
	b.until("its child to end", func() bool { return gone(child) })
}

// TestChildrenAreAskedFirst has a child that tidies up when it is told to end.
func TestChildrenAreAskedFirst(t *testing.T) {
	b := newBench(t)
	b.begin(config.Local{Cmd: b.shell("(trap 'echo > tidy; exit' TERM; echo $$ > ready; while :; do sleep 0.01; done) & wait")})
	b.pidFrom("ready")
	b.Close()
	if _, err := os.Stat(filepath.Join(b.dir, "tidy")); err != nil {
		t.Error("the child was killed without being asked to end")
	}
}

// TestStopLocalEndsARunningCommand takes a resource out of the project while
// its command runs: neither the command nor what it would serve may stay.
func TestStopLocalEndsARunningCommand(t *testing.T) {
	b := newBench(t)
	b.begin(config.Local{Cmd: b.shell("echo $$ > cmd; exec sleep 1000"), ServeCmd: b.shell("echo $$ > serve; exec sleep 1000")})
	pid := b.pidFrom("cmd")
	b.Stop("it")
	b.done()
	if !gone(pid) {
		t.Error("the command runs on")
	}
	b.Close()
	if _, err := os.Stat(filepath.Join(b.dir, "serve")); err == nil {
		t.Error("it was served after it had been stopped")
	}
}

// TestStopLocalSparesTheNextRun stops and starts at once, as down and up do.
func TestStopLocalSparesTheNextRun(t *testing.T) {
	b := newBench(t)
	b.begin(config.Local{Cmd: b.shell("echo $$ > first; exec sleep 1000")})
	b.pidFrom("first")
	b.Stop("it")
	b.begin(config.Local{Cmd: b.shell("echo second")})
	for range 2 {
		b.done()
	}
	if diff := cmp.Diff([]string{"second"}, b.sink.said("build")); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestServeIsReplacedAndStopped(t *testing.T) {
	b := newBench(t)
	b.begin(config.Local{ServeCmd: b.shell("echo $$ > first; exec sleep 1000")})
	b.checkProblem(b.done().Problem, "")
	first := b.pidFrom("first")
	b.begin(config.Local{ServeCmd: b.shell("echo $$ > second; exec sleep 1000")})
	b.done()
	if !gone(first) {
		t.Error("two serve commands run at once")
	}
	second := b.pidFrom("second")
	b.Stop("it")
	b.until("the second to end", func() bool { return gone(second) })
}

// TestServerIsRestarted, without its command and never twice at once: also one
// that ended by itself, and by two who ask at the same time.
func TestServerIsRestarted(t *testing.T) {
	b := newBench(t)
	server := config.Local{Cmd: b.shell("echo >> commands"), ServeCmd: b.shell("trap 'rmdir alone; exit 0' TERM; mkdir alone || exit 9; echo $$ >> pids; while [ ! -e die ]; do sleep 0.01; done; rmdir alone; rm die; echo it is full; exit 3")}
	b.begin(server)
	b.checkProblem(b.done().Problem, "")
	res := config.Resource{Name: "it", Kind: config.KindLocal, Local: &server}
	served := func() int {
		data, _ := os.ReadFile(filepath.Join(b.dir, "pids"))
		return len(strings.Fields(string(data)))
	}
	b.until("the first", func() bool { return served() == 1 })
	b.Restart(res)
	b.until("the second", func() bool { return served() == 2 })
	if err := os.WriteFile(filepath.Join(b.dir, "die"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if o := b.observed(func(o engine.Observed) bool { return o.Broken }); o.Message != "the serve command ended: exit status 3: it is full" {
		t.Errorf("told %q", o.Message)
	}
	b.Restart(res)
	b.Restart(res)
	b.begin(server)
	b.checkProblem(b.done().Problem, "")
	b.until("one that stays", func() bool {
		data, _ := os.ReadFile(filepath.Join(b.dir, "commands"))
		return len(data) == 2 && served() >= 3
	})
	b.Close()
	if said := strings.Join(b.sink.said("towline"), "\n"); strings.Contains(said, "exit status 9") {
		t.Errorf("two served at once:\n%s", said)
	}
}

func TestServeNotAfterAFailedCommand(t *testing.T) {
	b := newBench(t)
	b.begin(config.Local{Cmd: b.shell("exit 1"), ServeCmd: b.shell("echo $$ > serve; exec sleep 1000")})
	b.checkProblem(b.done().Problem, "exit status 1")
	b.Close()
	if _, err := os.Stat(filepath.Join(b.dir, "serve")); err == nil {
		t.Error("it was served")
	}
}

func TestServeThatEndsIsNotReady(t *testing.T) {
	b := newBench(t)
	b.begin(config.Local{ServeCmd: b.shell("until [ -e go ]; do sleep 0.01; done; exit 7")})
	b.observed(func(o engine.Observed) bool { return o.Ready })
	if err := os.WriteFile(filepath.Join(b.dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	o := b.observed(func(o engine.Observed) bool { return !o.Ready })
	if !strings.Contains(o.Message, "exit status 7") {
		t.Errorf("message = %q", o.Message)
	}
}

// TestServeThatEndsAtOnce is never told as ready.
func TestServeThatEndsAtOnce(t *testing.T) {
	b := newBench(t)
	b.moment = time.Minute
	b.begin(config.Local{ServeCmd: b.shell("exit 7")})
	if o := b.observed(func(o engine.Observed) bool { return o.Ready || o.Broken }); o.Ready {
		t.Error("it was ready")
	}
}

// TestProbe turns a probe's answer on, off and on, by each kind of probe.
func TestProbe(t *testing.T) {
	b := newBench(t)
	healthy, attempts := &atomic.Bool{}, &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		attempts.Add(1)
		if r.Header.Get("X-From") != "probe" || r.Host != "web.example" {
			t.Errorf("headers %v, host %s", r.Header, r.Host)
		}
		if !healthy.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	port := server.Listener.Addr().(*net.TCPAddr).Port
	flag := filepath.Join(b.dir, "flag")
	headers := []config.Header{{Name: "X-From", Value: "probe"}, {Name: "host", Value: "web.example"}}
	tests := map[string]struct {
		probe config.Probe
		set   func(bool)
	}{
		"http": {config.Probe{HTTP: &config.HTTPGet{Scheme: "http", Host: "127.0.0.1", Port: port, Path: "/", Headers: headers}}, healthy.Store},
		"exec": {config.Probe{Exec: []string{"test", "-e", flag}}, func(on bool) {
			if !on {
				_ = os.Remove(flag) // it may not be there yet
			} else if err := os.WriteFile(flag, nil, 0o644); err != nil {
				t.Error(err)
			}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			test.set(false)
			p := test.probe
			p.Timeout, p.Period, p.SuccessThreshold, p.FailureThreshold = 10*time.Second, time.Millisecond, 2, 2
			b.begin(config.Local{ServeCmd: b.shell("exec sleep 1000"), Probe: &p})
			o := b.observed(func(engine.Observed) bool { return true })
			if o.Ready || o.Message == "" {
				t.Errorf("at first %+v, want not ready and a message", o)
			}
			for _, on := range []bool{true, false, true} {
				test.set(on)
				o := b.observed(func(o engine.Observed) bool { return on || !strings.HasPrefix(o.Message, "waiting") })
				if on && !o.Ready {
					o = b.observed(func(o engine.Observed) bool { return o.Ready }) // it failed before
				}
				if o.Ready != on || o.Ready == (o.Message != "") {
					t.Errorf("after it was set to %v: %+v", on, o)
				}
			}
			if name == "http" {
				n := attempts.Load()
				b.until("five more attempts", func() bool { return attempts.Load() >= n+5 })
				for range len(b.sink.events) {
					if o, again := b.next().(engine.Observed); again {
						t.Errorf("the same is told again: %+v", o)
					}
				}
			}
		})
	}
}

func TestTryTCP(t *testing.T) {
	b := newBench(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &config.Probe{Timeout: 10 * time.Second, TCP: &config.TCPSocket{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}}
	if err := b.try(t.Context(), config.Resource{}, p); err != nil {
		t.Errorf("with a listener: %v", err)
	}
	l.Close()
	if b.try(t.Context(), config.Resource{}, p) == nil {
		t.Error("no error without a listener")
	}
}

// TestServeLeavesNothingBehind: neither what a serve command started in a
// session of its own when it is stopped, nor what a daemon served that was
// killed.
func TestServeLeavesNothingBehind(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("no /proc here")
	}
	b := newBench(t)
	const helper = "setsid sh -c 'echo $$ > helper; exec sleep 1000' >/dev/null 2>&1 & "
	b.begin(config.Local{ServeCmd: b.shell(helper + "exec sleep 1000")})
	b.done()
	pid := b.pidFrom("helper")
	b.Stop("it")
	b.until("the helper to end", func() bool { return gone(pid) })
	if err := os.Remove(filepath.Join(b.dir, "helper")); err != nil {
		t.Fatal(err)
	}
	killed := b.Commands.shell
	err := killed.Run(t.Context(), command.Call{Command: b.shell(helper), Serves: true, Line: output.Line{Resource: "it"}})
	if err != nil {
		t.Fatal(err)
	}
	pid = b.pidFrom("helper")
	next := Start(t.Context(), killed, b.sink.Event)
	defer next.Close()
	b.until("what the killed daemon served to end", func() bool { return gone(pid) })
}
