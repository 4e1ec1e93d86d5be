package inspector_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/inspector"
	"github.com/towline-dev/towline/dap/message"
	"github.com/towline-dev/towline/internal/podtest"
)

// patience bounds every wait of a test.
const patience = 60 * time.Second

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("the test takes too long"))
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// program is a real Node.js with a script.
type program struct {
	dir  string
	cmd  *exec.Cmd
	in   io.WriteCloser
	pipe *os.File      // what it writes
	out  *bufio.Reader // of that
	addr string        // of its inspector
	ends chan error    // gets how it ended

	complaints bytes.Buffer // to be read when it has ended
}

// file returns the path of one of the program's files.
func (p *program) file(name string) string { return filepath.Join(p.dir, name) }

// folder writes files to a folder of their own.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	for name, text := range files {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return dir
}

// run starts Node.js with the first of the arguments that is no flag as its script.
func run(t *testing.T, files map[string]string, args ...string) *program {
	t.Helper()
	node := podtest.Need(t, "node")
	p := &program{dir: folder(t, files), ends: make(chan error, 1)}
	p.cmd = exec.Command(node, args...)
	p.cmd.Dir = p.dir
	in, err := p.cmd.StdinPipe()
	must(t, err)
	p.in = in
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	stderr, err := p.cmd.StderrPipe()
	must(t, err)
	must(t, p.cmd.Start())
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		select {
		case err := <-p.ends:
			if t.Failed() {
				t.Logf("the program ended by %v, and complained:\n%s", err, &p.complaints)
			}
		case <-time.After(patience):
			t.Error("the program does not end")
		}
	})
	p.pipe, p.out = out.(*os.File), bufio.NewReader(out)
	said := bufio.NewReader(stderr)
	must(t, stderr.(*os.File).SetReadDeadline(time.Now().Add(patience)))
	line, err := said.ReadString('\n')
	must(t, err)
	must(t, stderr.(*os.File).SetReadDeadline(time.Time{}))
	go func() {
		_, _ = io.Copy(&p.complaints, said)
		p.ends <- p.cmd.Wait()
	}()
	if p.addr = regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line); p.addr == "" {
		t.Fatalf("the inspector listens nowhere: %q", line)
	}
	return p
}

// say sends the program a line and returns its answer.
func (p *program) say(t *testing.T, line string) string {
	t.Helper()
	_, err := io.WriteString(p.in, line+"\n")
	must(t, err)
	return p.hear(t)
}

func (p *program) hear(t *testing.T) string {
	t.Helper()
	must(t, p.pipe.SetReadDeadline(time.Now().Add(patience)))
	line, err := p.out.ReadString('\n')
	must(t, err)
	return strings.TrimSuffix(line, "\n")
}

// client is a client of a session.
type client struct {
	*daptest.Client
	t    *testing.T
	ctx  context.Context
	over chan struct{} // closed when the session has ended
}

// debug begins a session on a program.
func debug(t *testing.T, p *program, o inspector.Options) *client {
	t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	must(t, err)
	return serve(t, conn, o)
}

func serve(t *testing.T, conn net.Conn, o inspector.Options) *client {
	t.Helper()
	ours, its := net.Pipe()
	c := &client{daptest.NewClient(ours), t, within(t), make(chan struct{})}
	var err error
	go func() {
		defer close(c.over)
		err = inspector.Serve(context.Background(), its, conn, o)
	}()
	t.Cleanup(func() {
		c.Close()
		select {
		case <-c.over:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(patience):
			t.Error("the session does not end")
		}
	})
	return c
}

func (c *client) call(command string, args, out any) {
	c.t.Helper()
	must(c.t, c.Call(c.ctx, command, args, out))
}

// refused checks that a request is refused with a text.
func (c *client) refused(command string, args any, want string) {
	c.t.Helper()
	if err := c.Call(c.ctx, command, args, nil); !errors.Is(err, daptest.ErrRefused) || !strings.Contains(err.Error(), want) {
		c.t.Errorf("%s: %v, want it refused with %q", command, err, want)
	}
}

type object = map[string]any

// attach attaches with breakpoints in a file and lets the program run.
func (c *client) attach(file string, breakpoints ...object) []daptest.Breakpoint {
	c.t.Helper()
	_, err := c.Initialize(c.ctx)
	must(c.t, err)
	must(c.t, c.Attach(c.ctx, object{}))
	set := c.set(file, breakpoints...)
	must(c.t, c.ConfigurationDone(c.ctx))
	return set
}

func (c *client) set(file string, breakpoints ...object) []daptest.Breakpoint {
	c.t.Helper()
	if breakpoints == nil {
		breakpoints = []object{}
	}
	var body struct{ Breakpoints []daptest.Breakpoint }
	c.call("setBreakpoints", object{"source": object{"path": file}, "breakpoints": breakpoints}, &body)
	if len(body.Breakpoints) != len(breakpoints) {
		c.t.Fatalf("%d breakpoints for %d", len(body.Breakpoints), len(breakpoints))
	}
	return body.Breakpoints
}

// stopped waits for a stop at a line and returns its calls.
func (c *client) stopped(reason, file string, line int) (daptest.Stopped, []daptest.Frame) {
	c.t.Helper()
	stop, err := c.WaitStopped(c.ctx)
	must(c.t, err)
	frames, err := c.StackTrace(c.ctx, stop.ThreadID)
	must(c.t, err)
	if stop.Reason != reason || frames[0].Source.Path != file || frames[0].Line != line {
		c.t.Fatalf("stopped by %q (%s) at %s:%d, want %q at %s:%d", stop.Reason, stop.Text, frames[0].Source.Path, frames[0].Line, reason, file, line)
	}
	return stop, frames
}

func (c *client) local(frame daptest.Frame, name, want string) {
	c.t.Helper()
	if got, err := c.Local(c.ctx, frame.ID, name); err != nil || got != want {
		c.t.Errorf("%s = %q, %v, want %q", name, got, err, want)
	}
}

func (c *client) run(thread int) { c.t.Helper(); must(c.t, c.Continue(c.ctx, thread)) }

// output waits for an output with a text and returns it.
func (c *client) output(want string) (body struct {
	Output, Category   string
	Line               int
	Source             daptest.Source
	VariablesReference int
}) {
	c.t.Helper()
	must(c.t, c.Event(c.ctx, "output", func(m message.Message) bool {
		return json.Unmarshal(m.Payload(), &body) == nil && strings.Contains(body.Output, want)
	}, nil))
	return body
}

const plainScript = `const rl = require('readline').createInterface({ input: process.stdin });
let count = 0;
function greet(name) {
  const text = 'hello ' + name;
  count++;
  return text + ', ' + count;
}
rl.on('line', (line) => {
  console.log(greet(line));
});
console.log('ready');
`

// A program that runs is attached to: it stops at a breakpoint, is looked at,
// steps, and runs on when the session ends.
func TestPlain(t *testing.T) {
	p := run(t, map[string]string{"app.js": plainScript}, "--inspect=127.0.0.1:0", "app.js")
	if got := p.hear(t); got != "ready" {
		t.Fatalf("the program said %q", got)
	}
	c := debug(t, p, inspector.Options{})
	set := c.attach(p.file("app.js"), object{"line": 4})
	if !set[0].Verified || set[0].Line != 4 {
		t.Errorf("set: %+v", set)
	}
	io.WriteString(p.in, "one\n")
	stop, frames := c.stopped("breakpoint", p.file("app.js"), 4)
	if len(stop.HitBreakpointIDs) != 1 || stop.HitBreakpointIDs[0] != set[0].ID {
		t.Errorf("hit %v, want %d", stop.HitBreakpointIDs, set[0].ID)
	}
	if frames[0].Name != "greet" {
		t.Errorf("stopped in %q", frames[0].Name)
	}
	c.local(frames[0], "name", "'one'")
	c.local(frames[0], "text", "undefined")
	c.local(frames[0], "count", "0")
	must(t, c.Next(c.ctx, stop.ThreadID))
	_, frames = c.stopped("step", p.file("app.js"), 5)
	c.local(frames[0], "text", "'hello one'")
	if got, err := c.Evaluate(c.ctx, frames[0].ID, "text.length + count"); err != nil || got != "9" {
		t.Errorf("evaluate: %q, %v", got, err)
	}
	c.call("stepOut", object{"threadId": stop.ThreadID}, nil)
	c.stopped("step", p.file("app.js"), 9)
	c.run(stop.ThreadID)
	if got := p.hear(t); got != "hello one, 1" {
		t.Errorf("the program said %q", got)
	}
	must(t, c.Disconnect(c.ctx))
	if got := p.say(t, "two"); got != "hello two, 2" {
		t.Errorf("the program said %q", got)
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
}
