//go:build linux

package serve_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towline-dev/towline/agent/client"
	"github.com/towline-dev/towline/agent/serve"
	"github.com/towline-dev/towline/agent/wire"
)

// running starts a server whose application is the test binary, run by argv.
func running(t *testing.T, argv ...string) *harness {
	t.Helper()
	h := start(t, func(c *serve.Config) { c.Argv = append(argv, c.Argv...) })
	if _, err := h.Start(t.Context(), wire.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.stdout.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return h
}

func debugs(t *testing.T, c *client.Client, mode wire.DebugMode) (net.Conn, wire.DebugReady) {
	t.Helper()
	conn, ready, err := c.Debug(t.Context(), wire.DebugRequest{Mode: mode})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, ready
}

func wantCode(t *testing.T, err error, code wire.Code) *wire.Error {
	t.Helper()
	var refused *wire.Error
	if !errors.As(err, &refused) || refused.Code != code || refused.Hint == "" {
		t.Fatalf("got %v, want %s with a hint", err, code)
	}
	return refused
}

// There is one session on a process; another one is refused, whatever it wants
// and whoever asks, until the first has ended.
func TestSecondDebuggerIsRefused(t *testing.T) {
	h := running(t)
	first, ready := debugs(t, h.Client, wire.DebugAttach)
	if ready.PID != h.server.App().Status().PID || ready.Child != 0 || ready.Program == "" || ready.Language != "Go" || ready.Debugger != "delve" {
		t.Errorf("debugging %+v", ready)
	}
	key := client.NewKey()
	if _, err := h.server.Enrol("another", key); err != nil {
		t.Fatal(err)
	}
	other := h.connectAs(t, key)
	for mode, c := range map[wire.DebugMode]*client.Client{wire.DebugAttach: h.Client, wire.DebugRestart: other} {
		_, _, err := c.Debug(t.Context(), wire.DebugRequest{Mode: mode})
		wantCode(t, err, wire.CodeDebugged)
	}
	if now := h.server.App().Status(); now.PID != ready.PID || now.Starts != 1 {
		t.Errorf("the application is %+v, want it untouched", now)
	}
	if facts, err := h.Hello(t.Context()); err != nil || !facts.Process.Debug {
		t.Errorf("the first session is gone: %+v, %v", facts.Process, err)
	}
	first.Close()
	debugs(t, other, wire.DebugAttach) // at once, though the first still detaches
}

// A new process has its own session, though the old one's is not closed yet.
func TestNextProcessIsDebuggedAnew(t *testing.T) {
	h := running(t)
	debugs(t, h.Client, wire.DebugAttach)
	if _, err := h.Restart(t.Context(), wire.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, ready := debugs(t, h.Client, wire.DebugAttach); ready.PID != h.server.App().Status().PID {
		t.Errorf("debugging %+v", ready)
	}
}

// What a shell runs is debugged in its place: as long as it runs, and when it
// is started for the debugger.
func TestDebugBehindAShell(t *testing.T) {
	h := running(t, "sh", "-c", `"$0" "$@"; true`)
	for _, mode := range []wire.DebugMode{wire.DebugAttach, wire.DebugRestart} {
		conn, ready := debugs(t, h.Client, mode)
		self, _ := os.Executable()
		if ready.PID != h.server.App().Status().PID || ready.Child == 0 || ready.Child == ready.PID || ready.Program != self {
			t.Errorf("%s: debugging %+v", mode, ready)
		}
		conn.Close()
	}
	debugs(t, h.Client, wire.DebugAttach) // which stands, as at a breakpoint
	if _, err := h.Restart(t.Context(), wire.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	if exit := h.server.App().Status().Exit; exit == nil || exit.Signal != syscall.SIGKILL {
		t.Errorf("what stands in its debugger ended by %+v, want it killed at once: it hears nothing else", exit)
	}
}

func TestDebugRefusesOtherLanguages(t *testing.T) {
	in, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer end.Close()
	h := start(t, func(c *serve.Config) { c.Argv, c.Files[0] = []string{"cat"}, in })
	if _, err := h.Start(t.Context(), wire.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, _, err = h.Debug(t.Context(), wire.DebugRequest{Mode: wire.DebugAttach})
	if e := wantCode(t, err, wire.CodeNotDebuggable); !strings.Contains(e.Message, "cat") || !strings.Contains(e.Message, "Go, Python or JavaScript") {
		t.Errorf("refused with %q", e.Message)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("refused after %s, want it at once", took)
	}
	if st := h.server.App().Status(); st.PID == 0 {
		t.Errorf("the application is %+v", st)
	}
}

// What a face wants to know of a process beside its state: its language, and
// whether it stands at a breakpoint.
func TestWhatIsKnownOfAProcess(t *testing.T) {
	for _, argv := range [][]string{nil, {"sh", "-c", `"$0" "$@"; true`}} {
		h := running(t, argv...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		events := make(chan wire.Process, maxEvents)
		go h.Events(ctx, func(e wire.Event) error { events <- e.Process; return nil })
		until := func(what string, fits func(wire.Process) bool) {
			t.Helper()
			for {
				select {
				case p := <-events:
					if fits(p) {
						return
					}
				case <-ctx.Done():
					t.Fatalf("%q: it was never said that it is %s", argv, what)
				}
			}
		}
		until("a program in Go", func(p wire.Process) bool { return p.Language == "Go" && !p.Paused })
		conn, _ := debugs(t, h.Client, wire.DebugAttach) // which stands until its client is ready
		until("paused", func(p wire.Process) bool { return p.Debug && p.Paused })
		conn.Close()
		until("running on", func(p wire.Process) bool { return !p.Debug && !p.Paused })
	}
}

const maxEvents = 100
