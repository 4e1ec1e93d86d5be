package bridge_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/message"
)

// faulty is a debugger's end of a stream with a fault after some bytes.
type faulty struct {
	net.Conn
	fault func(conn net.Conn, rest []byte) (int, error)

	mu   sync.Mutex
	left int // bytes before the fault
}

// Write writes until the fault.
func (f *faulty) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left >= len(p) {
		f.left -= len(p)
		return f.Conn.Write(p)
	}
	n, err := f.Conn.Write(p[:f.left])
	if err != nil {
		return n, err
	}
	rest := p[f.left:]
	f.left = 0
	m, err := f.fault(f.Conn, rest)
	return n + m, err
}

// The faults of a debugger.
var faults = map[string]func(net.Conn, []byte) (int, error){
	"dies":  func(c net.Conn, _ []byte) (int, error) { return 0, errors.Join(c.Close(), net.ErrClosed) },
	"hangs": func(_ net.Conn, rest []byte) (int, error) { return len(rest), nil },
	"lies": func(c net.Conn, rest []byte) (int, error) { // every byte is another one from here on
		wrong := make([]byte, len(rest))
		for i, b := range rest {
			wrong[i] = b ^ 0x15
		}
		return c.Write(wrong)
	},
	"stammers": func(c net.Conn, rest []byte) (int, error) { // one byte is missing
		n, err := c.Write(rest[1:])
		return n + 1, err
	},
}

// A debugger that fails at any byte of what it says never leaves the editor in
// silence: every request is answered, or the console says that it is not, and
// the next debugger is taken.
func TestDebuggerFailsAtAnyByte(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			for at := 0; at < 1500; at += 7 {
				if !failAt(t, at, fault) || t.Failed() {
					return // it was never reached
				}
			}
		})
	}
}

// failAt plays a session whose first debugger fails at a byte, and reports
// whether it got so far.
func failAt(t *testing.T, at int, fault func(net.Conn, []byte) (int, error)) (reached bool) {
	check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
		var once sync.Once
		backend.spoil = func(c net.Conn) net.Conn {
			once.Do(func() {
				c = &faulty{Conn: c, left: at, fault: func(c net.Conn, p []byte) (int, error) { reached = true; return fault(c, p) }}
			})
			return c
		}
		ask := func(command string, args any) {
			answer, err := editor.Send(command, args)
			must(t, err)
			if !answered(ctx, editor, answer) {
				t.Errorf("byte %d: %s was not answered, and nothing was said: %s", at, command, said(editor))
			}
		}
		ask("attach", target)
		ask("setBreakpoints", map[string]any{"source": daptest.Source{Path: "/ws/main.go"}, "breakpoints": []any{map[string]int{"line": 7}}})
		ask("configurationDone", nil)
		for _, command := range []string{"threads", "stackTrace", "evaluate", "pause", "continue", "foo"} {
			ask(command, map[string]int{"threadId": 1})
		}
		// However that went, a restart brings all back, or the end comes soon.
		must(t, editor.Disconnect(ctx))
		must(t, editor.Event(ctx, "terminated", nil, nil))
	})
	return reached
}

// answered waits until a request is answered or the console says that it is
// not, both within a bounded time.
func answered(ctx context.Context, editor *daptest.Client, answer <-chan message.Message) bool {
	for range 90 {
		synctest.Wait()
		select {
		case <-answer:
			return true
		default:
		}
		if strings.Contains(said(editor), "has not answered") {
			return true
		}
		time.Sleep(time.Second)
	}
	return false
}

// What the editor asks while its process is being replaced, of a debugger that has
// seen the end and says so before anybody else does.
func TestDebuggerRefusesSinceTheProcessEnded(t *testing.T) {
	for command, refusal := range map[string]string{
		"setBreakpoints":            "Unable to set or clear breakpoints: Process 10 has exited with status -15",
		"setExceptionBreakpoints":   "Process 10 has exited with status 0",
		"setInstructionBreakpoints": "Unable to set or clear breakpoints: Process 10 has exited with status 1",
		"continue":                  "detached from the process",
		"evaluate":                  "Unable to evaluate expression: Process 10 has exited with status -15",
	} {
		t.Run(command, func(t *testing.T) {
			begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, b daptest.Breakpoint) {
				d.event("stopped", map[string]any{"reason": "breakpoint", "threadId": 1})
				_, err := editor.WaitStopped(ctx)
				must(t, err)
				d.silent(command)
				answer := make(chan error, 1)
				go func() {
					answer <- editor.Call(ctx, command, map[string]any{
						"source": daptest.Source{Path: "/ws/main.go"}, "breakpoints": []any{map[string]int{"line": 9}}, "expression": "x", "threadId": 1,
					}, nil)
				}()
				d.send(message.NewFailure(d.wantAsked(t, ctx, command), refusal, true))
				if err := <-answer; command == "evaluate" || command == "setInstructionBreakpoints" {
					wantRefused(t, err, "waiting for the process of api")
				} else {
					must(t, err)
				}
				must(t, editor.Event(ctx, "continued", nil, nil))
				next := <-backend.debugger
				if command == "setBreakpoints" {
					if replay := next.wantAsked(t, ctx, command); !strings.Contains(string(replay.Payload()), `"line":9`) {
						t.Errorf("replayed %s", replay.Payload())
					}
				}
				next.wantAsked(t, ctx, "configurationDone")
			})
		})
	}
}
