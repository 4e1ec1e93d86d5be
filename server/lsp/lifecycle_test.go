package lsp

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/protocol/editortest"
)

func TestLifeCycle(t *testing.T) {
	h := begin(t, setup{})
	wantCode(t, h.Call(h.ctx, "textDocument/hover", map[string]any{}, nil), -32002)
	var result struct {
		ServerInfo   struct{ Name, Version string }
		Capabilities struct {
			PositionEncoding string
			TextDocumentSync struct{ Change int }
		}
	}
	h.initialize(setup{}, &result)
	if result.ServerInfo.Name != "towline" || result.Capabilities.PositionEncoding != "utf-16" || result.Capabilities.TextDocumentSync.Change != 2 {
		t.Errorf("initialize answered %+v", result)
	}
	wantCode(t, h.Call(h.ctx, "initialize", map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{}}, nil), -32600)
	wantCode(t, h.Call(h.ctx, "textDocument/unheardOf", nil, nil), -32601)
	h.notify("$/unheardOf", nil)
	h.call("shutdown", nil, nil)
	wantCode(t, h.Call(h.ctx, "textDocument/hover", map[string]any{}, nil), -32600)
	h.notify("exit", nil)
	if code := <-h.code; code != 0 {
		t.Errorf("the server ended with code %d, want 0", code)
	}
}

func TestExitWithoutShutdown(t *testing.T) {
	h := open(t, setup{})
	h.notify("exit", nil)
	if code := <-h.code; code != 1 {
		t.Errorf("the server ended with code %d, want 1", code)
	}
}

// TestExitOverPipes is the way of a real process, whose pipes do not like to
// be closed twice.
func TestExitOverPipes(t *testing.T) {
	in, toServer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromServer, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	code := make(chan int, 1)
	go func() {
		c, err := Serve(t.Context(), &pipes{in, out}, Options{Connect: (&daemons{}).connect})
		if err != nil {
			t.Errorf("serving: %v", err)
		}
		code <- c
	}()
	e, err := editortest.New(&pipes{fromServer, toServer})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, method := range []string{"initialize", "shutdown"} {
		if err := e.Call(t.Context(), method, map[string]any{"processId": nil, "rootUri": nil, "capabilities": map[string]any{}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Notify("exit", nil); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != 0 {
		t.Errorf("the server ended with code %d, want 0", got)
	}
}

// pipes are two ends of pipes as one stream.
type pipes struct {
	*os.File
	out *os.File
}

func (p *pipes) Write(b []byte) (int, error) { return p.out.Write(b) }

func (p *pipes) Close() error { return errors.Join(p.File.Close(), p.out.Close()) }

func TestEndOfInput(t *testing.T) {
	h := open(t, setup{})
	h.Close()
	if code := <-h.code; code != 1 {
		t.Errorf("the server ended with code %d, want 1", code)
	}
}

func TestParentDeath(t *testing.T) {
	ticks := make(chan time.Time)
	alive := make(chan bool, 2)
	h := begin(t, setup{serve: Options{
		Tick:  func() <-chan time.Time { return ticks },
		Alive: func(pid int) bool { return pid != 4711 || <-alive },

		Descends: func(pid int) bool { return pid == 4711 },
	}})
	h.call("initialize", map[string]any{"processId": 4711, "rootUri": nil, "capabilities": map[string]any{}}, nil)
	alive <- true
	ticks <- time.Time{}
	alive <- false
	ticks <- time.Time{}
	if code := <-h.code; code != 1 {
		t.Errorf("the server ended with code %d, want 1", code)
	}
}

// TestPidOfAnotherSystem has a client say a number that means nothing here, or
// another process that ends.
func TestPidOfAnotherSystem(t *testing.T) {
	other := exec.Command("sleep", "100")
	if err := other.Start(); err != nil {
		t.Skip("there is no sleep:", err)
	}
	for name, pid := range map[string]int{"no process": 1 << 30, "another one": other.Process.Pid, "itself": os.Getpid()} {
		if isAncestor(pid) {
			t.Errorf("%s (%d) is an ancestor", name, pid)
		}
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	if !isAncestor(os.Getppid()) {
		t.Error("the parent is no ancestor")
	}
	h := begin(t, setup{serve: Options{
		Tick:  func() <-chan time.Time { t.Error("the process is looked for"); return nil },
		Alive: func(int) bool { return false },
	}})
	h.call("initialize", map[string]any{"processId": other.Process.Pid, "rootUri": nil, "capabilities": map[string]any{}}, nil)
	h.call("shutdown", []any{}, nil)
	h.notify("exit", nil)
	if code := <-h.code; code != 0 {
		t.Errorf("the server ended with code %d, want 0", code)
	}
}

func TestPositionEncodings(t *testing.T) {
	for offered, want := range map[string]string{
		`[]`: "utf-16", `["utf-8","utf-16"]`: "utf-8", `["utf-16","utf-8"]`: "utf-16",
		`["utf-32"]`: "utf-32", `["koi8-r"]`: "utf-16",
	} {
		h := begin(t, setup{})
		var result struct {
			Capabilities struct{ PositionEncoding string }
		}
		h.initialize(setup{capabilities: `{"general":{"positionEncodings":` + offered + `}}`}, &result)
		if got := result.Capabilities.PositionEncoding; got != want {
			t.Errorf("offered %s, got %s, want %s", offered, got, want)
		}
	}
}

func TestDynamicRegistration(t *testing.T) {
	h := open(t, setup{})
	got := await[struct{ Registrations []struct{ Method string } }](h, "client/registerCapability", nil)
	if len(got.Registrations) != 1 || got.Registrations[0].Method != "workspace/didChangeWatchedFiles" {
		t.Errorf("registered %+v", got)
	}
}

// TestClientsThatDisagree sends what no client should.
func TestClientsThatDisagree(t *testing.T) {
	h := open(t, setup{})
	h.notify("textDocument/didClose", map[string]any{"textDocument": h.doc("Tiltfile")})
	h.edit("Tiltfile", 2, "x", 0, 0, 0, 0)
	h.didOpen("Tiltfile", "tiltfile", "a = 1\n")
	h.didOpen("Tiltfile", "tiltfile", "a = 2\n")
	h.edit("Tiltfile", 3, "b = 3\n", 99, 0, 100, 5)
	h.notify("textDocument/didChange", map[string]any{"nothing": true})
	h.notify("textDocument/didChange", json.RawMessage(`[1]`))
	h.notify("textDocument/didClose", map[string]any{"textDocument": h.doc("Tiltfile")})
	h.notify("textDocument/didClose", map[string]any{"textDocument": h.doc("Tiltfile")})
	h.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": "untitled:Untitled-1", "languageId": "tiltfile", "version": 1, "text": "\x00\n"}})
	h.notify("textDocument/didSave", map[string]any{"textDocument": map[string]any{"uri": "untitled:Untitled-1"}})
	h.call("towline/getStatus", map[string]any{}, nil)
}

func wantCode(t *testing.T, err error, code int) {
	t.Helper()
	var f *editortest.Failure
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("got %v, want an error with code %d", err, code)
	}
}
