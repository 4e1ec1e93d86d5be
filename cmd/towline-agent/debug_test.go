//go:build linux

package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-dap"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/wire"
)

// debugTimeout ends a debugging test that hangs.
const debugTimeout = 60 * time.Second

// adapter is a client of the Debug Adapter Protocol.
type adapter struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	seq  int
}

func debugApp(t *testing.T, agent *client.Client, mode wire.DebugMode) (*adapter, wire.DebugReady) {
	t.Helper()
	conn, ready, err := agent.Debug(t.Context(), wire.DebugRequest{Mode: mode})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(debugTimeout))
	t.Cleanup(func() { conn.Close() })
	a := &adapter{t: t, conn: conn, r: bufio.NewReader(conn)}
	a.request("initialize", map[string]any{"adapterID": "go", "linesStartAt1": true, "columnsStartAt1": true, "pathFormat": "path"})
	a.response("initialize")
	a.request("attach", map[string]any{"mode": "remote"})
	a.event("initialized")
	return a, ready
}

func (a *adapter) request(command string, args any) {
	a.t.Helper()
	a.seq++
	body, err := json.Marshal(map[string]any{"seq": a.seq, "type": "request", "command": command, "arguments": args})
	if err != nil {
		a.t.Fatal(err)
	}
	if err := dap.WriteBaseMessage(a.conn, body); err != nil {
		a.t.Fatalf("%s: %v", command, err)
	}
}

// until reads messages up to the one that is wanted.
func (a *adapter) until(want func(m dap.Message) bool, what string) dap.Message {
	a.t.Helper()
	for {
		m, err := dap.ReadProtocolMessage(a.r)
		if err != nil {
			a.t.Fatalf("waiting for %s: %v", what, err)
		}
		if want(m) {
			return m
		}
		if e, ok := m.(*dap.ErrorResponse); ok {
			a.t.Fatalf("waiting for %s, got %+v", what, e.Body.Error)
		}
	}
}

func (a *adapter) response(command string) dap.Message {
	a.t.Helper()
	return a.until(func(m dap.Message) bool {
		r, ok := m.(dap.ResponseMessage)
		return ok && r.GetResponse().Command == command && r.GetResponse().Success
	}, command)
}

func (a *adapter) event(name string) dap.Message {
	a.t.Helper()
	return a.until(func(m dap.Message) bool {
		e, ok := m.(dap.EventMessage)
		return ok && e.GetEvent().Event == name
	}, name)
}

// breakAt sets a breakpoint at the line of testdata/app/main.go that is marked
// with the name.
func (a *adapter) breakAt(name string) {
	a.t.Helper()
	file, err := filepath.Abs("testdata/app/main.go")
	if err != nil {
		a.t.Fatal(err)
	}
	source, err := os.ReadFile(file)
	if err != nil {
		a.t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(source), "// breakpoint: "+name)
	if !ok {
		a.t.Fatalf("no line is marked %q", name)
	}
	line := strings.Count(before, "\n") + 1
	a.request("setBreakpoints", dap.SetBreakpointsArguments{
		Source: dap.Source{Path: file}, Breakpoints: []dap.SourceBreakpoint{{Line: line}},
	})
	bp := a.response("setBreakpoints").(*dap.SetBreakpointsResponse).Body.Breakpoints
	if len(bp) != 1 || !bp[0].Verified {
		a.t.Fatalf("breakpoint at %s:%d: %+v", file, line, bp)
	}
	a.request("configurationDone", nil)
}

// local waits for a stop at a breakpoint and returns the variable's value.
func (a *adapter) local(name string) string {
	a.t.Helper()
	stopped := a.event("stopped").(*dap.StoppedEvent)
	if stopped.Body.Reason != "breakpoint" {
		a.t.Fatalf("stopped for %q: %s", stopped.Body.Reason, stopped.Body.Text)
	}
	a.request("stackTrace", dap.StackTraceArguments{ThreadId: stopped.Body.ThreadId, Levels: 1})
	frame := a.response("stackTrace").(*dap.StackTraceResponse).Body.StackFrames[0]
	a.request("evaluate", dap.EvaluateArguments{Expression: name, FrameId: frame.Id})
	return a.response("evaluate").(*dap.EvaluateResponse).Body.Result
}

func (a *adapter) resume() {
	a.t.Helper()
	a.request("continue", dap.ContinueArguments{ThreadId: 1})
	a.response("continue")
}

func (a *adapter) disconnect() {
	a.t.Helper()
	a.request("disconnect", dap.DisconnectArguments{})
	a.response("disconnect")
}

func TestDebugAttach(t *testing.T) {
	c := launch(t, "--hold=0s")
	agent := c.connect(t)
	port := c.ready(t, 0)
	a, ready := debugApp(t, agent, wire.DebugAttach)
	a.breakAt("tick")
	first := a.local("double")
	a.resume()
	if second := a.local("double"); first == second || first == "" {
		t.Errorf("double is %q at the first stop and %q at the second", first, second)
	}
	facts, err := agent.Hello(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p := facts.Process; !p.Debug || p.PID != ready.PID {
		t.Errorf("while debugging the process is %+v, debugged is %d", p, ready.PID)
	}
	a.disconnect()
	if got := ask(t, agent, port); got == "" {
		t.Error("after the session the application does not answer")
	}
}

func TestDebugConnectionLost(t *testing.T) {
	c := launch(t, "--hold=0s")
	agent := c.connect(t)
	port := c.ready(t, 0)
	a, _ := debugApp(t, agent, wire.DebugAttach)
	a.breakAt("tick")
	a.local("double")
	agent.Close()
	agent = c.connect(t)
	if got := ask(t, agent, port); got == "" {
		t.Error("after a lost session the application does not answer")
	}
	// And another session can begin.
	a, _ = debugApp(t, agent, wire.DebugAttach)
	a.breakAt("tick")
	a.local("double")
}

func TestDebugRestart(t *testing.T) {
	c := launch(t, "--hold=0s")
	agent := c.connect(t)
	c.ready(t, 0)
	before := agent.Facts().Process
	a, ready := debugApp(t, agent, wire.DebugRestart)
	if ready.PID == before.PID {
		t.Fatalf("pid %d before and after", ready.PID)
	}
	a.breakAt("early")
	if got := a.local("greeting"); got != `"hello init"` {
		t.Errorf("greeting is %s in the package's initialisation", got)
	}
	a.disconnect()
	if got := ask(t, agent, c.ready(t, ready.PID)); got == "" {
		t.Error("after the session the application does not answer")
	}
}

// A save restarts the application under the debugger's eyes: the session ends
// with the process, and another begins with the next.
func TestDebugAcrossRestart(t *testing.T) {
	for _, standing := range []bool{false, true} {
		t.Run(fmt.Sprintf("standing=%v", standing), func(t *testing.T) {
			c := launch(t, "--hold=0s")
			agent := c.connect(t)
			c.ready(t, 0)
			a, _ := debugApp(t, agent, wire.DebugAttach)
			if standing {
				a.breakAt("tick")
				a.local("double")
			} else {
				a.request("configurationDone", nil)
				a.response("configurationDone")
			}
			began := time.Now()
			result, err := agent.Apply(t.Context(), save("new"))
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 1900*time.Millisecond {
				t.Errorf("the restart took %v, as long as the grace", took)
			}
			if _, err := io.Copy(io.Discard, a.r); err != nil {
				t.Errorf("the session of the old process ended with %v, want the end of the stream", err)
			}
			b, ready := debugApp(t, agent, wire.DebugAttach)
			if ready.PID != result.Process.PID {
				t.Errorf("debugging pid %d, want the new process %d", ready.PID, result.Process.PID)
			}
			b.breakAt("tick")
			b.local("double")
		})
	}
}
