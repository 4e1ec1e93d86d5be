package bridge_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/towline-dev/towline/agent/client"
	agentserve "github.com/towline-dev/towline/agent/serve"
	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

const pythonSource = `import sys

def greet(name):
    text = "hello " + name
    twice = 2 * len(name)
    return "%s, %d" % (text, twice)

for line in sys.stdin:
    print(greet(line.strip()), flush=True)
`

// pod is a Backend of one real agent, without a cluster between.
type pod struct {
	*client.Client
	server *agentserve.Server
	in     *os.File
	out    *bufio.Reader
	held   atomic.Bool // the process waits for its debugger
}

func (p *pod) Open(ctx context.Context, req api.DebugRequest) (net.Conn, api.DebugSession, error) {
	mode := wire.DebugAttach
	if p.held.Swap(false) || req.Launch {
		mode = wire.DebugRestart
	}
	conn, ready, err := p.Debug(ctx, wire.DebugRequest{Mode: mode})
	var refused *wire.Error
	if errors.As(err, &refused) {
		err = &config.Problem{Message: refused.Message, Hint: refused.Hint}
	}
	return conn, api.DebugSession{
		Resource: req.Resource, Pod: "api-1", Container: "api", Pid: ready.PID, Program: ready.Program, Language: ready.Language, Debugger: ready.Debugger, Child: ready.Child, Started: ready.Started,
	}, err
}

// Restart replaces the process as the daemon does while somebody debugs it: the
// start is left to the debugger.
func (p *pod) Restart(ctx context.Context, _ string) error { return p.save(ctx) }

func (p *pod) save(ctx context.Context) error {
	p.held.Store(true)
	_, err := p.Stop(ctx)
	return err
}

func (p *pod) Follow(ctx context.Context, visit func(api.Status) error) error {
	return p.Events(ctx, func(e wire.Event) error {
		return visit(api.Status{Up: true, Daemon: api.DaemonInfo{Pid: 1}, Resources: []api.ResourceStatus{{
			Name: "api", Kind: config.KindK8s, Phase: api.PhaseReady, Targets: []api.Target{{
				Pod: "api-1", Container: "api", Agent: true, Pid: e.Process.PID, Process: string(e.Process.State), Language: e.Process.Language,
			}},
		}}})
	})
}

func (p *pod) say(t *testing.T, line, want string) {
	t.Helper()
	_, err := io.WriteString(p.in, line+"\n")
	must(t, err)
	if want == "" {
		return
	}
	if got, err := p.out.ReadString('\n'); err != nil || got != want+"\n" {
		t.Errorf("the program said %q, %v, want %q", got, err, want)
	}
}

// inPod runs a program under a real agent.
func inPod(t *testing.T, argv ...string) *pod {
	t.Helper()
	inEnd, in, err := os.Pipe()
	must(t, err)
	out, outEnd, err := os.Pipe()
	must(t, err)
	dir, err := os.MkdirTemp("", "pod")
	must(t, err)
	server, err := agentserve.New(agentserve.Config{
		RunDir: dir, Self: os.Args[0], Argv: argv, NoStart: true,
		Files: [3]*os.File{inEnd, outEnd, os.Stderr}, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() {
		server.Close()
		server.App().Terminate(syscall.SIGKILL)
		<-server.App().Done()
		for _, f := range []*os.File{inEnd, in, out, outEnd} {
			f.Close()
		}
		os.RemoveAll(dir)
	})
	key := client.NewKey()
	_, err = server.Enrol("test", key)
	must(t, err)
	conn, err := net.Dial("tcp", server.Addr().String())
	must(t, err)
	c, err := client.New(t.Context(), conn, key)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	_, err = c.Start(t.Context(), wire.StartOptions{})
	must(t, err)
	return &pod{Client: c, server: server, in: in, out: bufio.NewReader(out)}
}

// python returns an interpreter that has debugpy.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import debugpy").Run() == nil {
			path, err := exec.LookPath(name)
			must(t, err)
			return path
		}
	}
	t.Skip("no python3 with debugpy: apt install python3-debugpy")
	return ""
}

// A program that was started in a way that no debugger can join is started anew
// with it, and the console says so; one with -I is refused and left alone.
func TestPythonThatCannotBeJoined(t *testing.T) {
	ctx := within(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	file := filepath.Join(dir, "app.py")
	must(t, os.WriteFile(file, []byte("import signal\nsignal.signal(57, signal.SIG_IGN)\n"+pythonSource), 0o644))
	p := inPod(t, python(t), "-u", file)
	p.say(t, "before", "hello before, 12")
	editor := serve(t, p, dir)
	attach(t, ctx, editor, file, 7)
	wantSaid(t, ctx, editor, "started anew")
	p.say(t, "x", "")
	wantStop(t, ctx, editor, file, 7, "text", "'hello x'")

	alone := inPod(t, python(t), "-I", "-u", file)
	alone.say(t, "before", "hello before, 12")
	other := serve(t, alone, dir)
	_, err = other.Initialize(ctx)
	must(t, err)
	if err := other.Attach(ctx, map[string]any{"resource": "api"}); err == nil || !strings.Contains(err.Error(), "-I") {
		t.Errorf("Attach: %v, want a refusal that names -I", err)
	}
	alone.say(t, "after", "hello after, 10")
}
