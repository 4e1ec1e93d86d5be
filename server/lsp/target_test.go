package lsp

import (
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
)

// two is a workspace with two projects and a part of one.
func two(t *testing.T) (h *harness, a, b *fakeDaemon) {
	a, b = newFakeDaemon(1), newFakeDaemon(2)
	b.status.Up = true
	set := setup{options: `{"status": true}`, daemons: &daemons{of: map[string]*fakeDaemon{"a": a, "b": b}}, files: map[string]string{
		"a/Tiltfile": "include('part/Tiltfile')\n", "a/part/Tiltfile": "x = 1\n", "a/src/x.go": "package x\n", "b/Tiltfile": "x = 1\n",
		"node_modules/m/Tiltfile": "x = 1\n", ".hidden/Tiltfile": "x = 1\n", "c/Tiltfile.dev": "x = 1\n", "c/Tiltfile.d/Tiltfile/keep": "",
	}}
	h = open(t, set)
	for _, name := range []string{"a", "a/part", "b"} {
		h.mark = 0
		await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Folder == h.path(name) })
	}
	h.mark = h.Mark()
	return h, a, b
}

func (h *harness) command(name, file string) error {
	argument := map[string]any{}
	if file != "" {
		argument["uri"] = h.uri(file)
	}
	return h.Call(h.ctx, "workspace/executeCommand", map[string]any{"command": name, "arguments": []any{argument}}, nil)
}

// questions returns what the server asked the person since the last look.
func (h *harness) questions() []string {
	var out []string
	for _, m := range h.Received()[h.mark:] {
		if m.Method == "window/showMessageRequest" {
			out = append(out, string(m.Params))
		}
	}
	h.mark = h.Mark()
	return out
}

func TestTheProjectOfTheFile(t *testing.T) {
	h, a, b := two(t)
	if err := h.command(protocol.CommandUp, "a/src/x.go"); err != nil {
		t.Error(err)
	}
	if !slices.Contains(a.calls(), "up") || slices.Contains(b.calls(), "up") || len(h.questions()) > 0 {
		t.Errorf("a was asked %q, b %q", a.calls(), b.calls())
	}
	if a.upWith.Env == nil {
		t.Error("the daemon got no environment")
	}
}

func TestSeveralProjectsAreAskedFor(t *testing.T) {
	h, a, b := two(t)
	h.Answer("window/showMessageRequest", map[string]any{"title": "a"})
	if err := h.command(protocol.CommandUp, ""); err != nil {
		t.Error(err)
	}
	if q := h.questions(); len(q) != 1 || !strings.Contains(q[0], `"actions":[{"title":"a"},{"title":"b"}]`) {
		t.Errorf("it asked %q", q)
	}
	if !slices.Contains(a.calls(), "up") || slices.Contains(b.calls(), "up") {
		t.Errorf("a was asked %q, b %q", a.calls(), b.calls())
	}
	h.Answer("window/showMessageRequest", nil)
	if err := h.command(protocol.CommandUp, "c/Tiltfile.dev"); err == nil || !strings.Contains(err.Error(), "no project was chosen") {
		t.Errorf("unanswered: %v", err)
	}
}

// TestDownOfWhatIsUp takes down the only project that is up, and asks when the
// file belongs to another one.
func TestDownOfWhatIsUp(t *testing.T) {
	h, a, b := two(t)
	if err := h.command(protocol.CommandDown, "a/src/x.go"); err == nil {
		t.Error("the question was not answered, and down went on")
	}
	if q := h.questions(); len(q) != 1 || !strings.Contains(q[0], `Nothing is up in a.`) || !strings.Contains(q[0], `"actions":[{"title":"b"}]`) {
		t.Errorf("it asked %q", q)
	}
	if slices.Contains(a.calls(), "down") || slices.Contains(b.calls(), "down") {
		t.Errorf("a was asked %q, b %q", a.calls(), b.calls())
	}
	if err := h.command(protocol.CommandDown, ""); err != nil {
		t.Error(err)
	}
	if got := progressText(h, "begin"); got != "Taking down b" {
		t.Errorf("it says %q", got)
	}
	if got := progressText(h, "end"); got != "b is down" {
		t.Errorf("it says %q at the end", got)
	}
	if slices.Contains(a.calls(), "down") || !slices.Contains(b.calls(), "down") {
		t.Errorf("a was asked %q, b %q", a.calls(), b.calls())
	}
}

// TestAPartBelongsToWhatIsUp asks for a file of a project that another one
// includes, which is up.
func TestAPartBelongsToWhatIsUp(t *testing.T) {
	h, a, _ := two(t)
	if err := h.command(protocol.CommandUp, "a/Tiltfile"); err != nil {
		t.Fatal(err)
	}
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Folder == h.path("a") && s.Status != nil && s.Status.Up })
	if err := h.Call(h.ctx, "workspace/executeCommand", map[string]any{
		"command": protocol.CommandRestart, "arguments": []any{map[string]any{"uri": h.uri("a/part/Tiltfile"), "resource": "web"}},
	}, nil); err != nil {
		t.Error(err)
	}
	if !slices.Contains(a.calls(), "restart web") {
		t.Errorf("a was asked %q", a.calls())
	}
}

// TestNoProject opens what is named like a Tiltfile or lies at the root, and
// starts nothing.
func TestNoProject(t *testing.T) {
	set := tilt(&daemons{})
	set.files = map[string]string{"Tiltfile.dev": "x = 1\n", "lib.tiltfile": "x = 1\n"}
	h := open(t, set)
	for _, name := range []string{"Tiltfile.dev", "lib.tiltfile"} {
		h.didOpen(name, "tiltfile", "x = (\n")
		h.didSave(name)
		await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri(name) && len(d.Diagnostics) > 0 })
	}
	for _, u := range []string{"file:///", "file:///Tiltfile.x", "untitled:1"} {
		h.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": u, "languageId": "tiltfile", "version": 1, "text": "x = 1\n"}})
	}
	err := h.Call(h.ctx, "workspace/executeCommand", map[string]any{"command": protocol.CommandUp}, nil)
	if err == nil || !strings.Contains(err.Error(), "there is no Tiltfile here") {
		t.Errorf("up answered %v", err)
	}
	if n := h.daemons.count(); n != 0 {
		t.Errorf("%d daemons were started", n)
	}
	for _, m := range h.Received() {
		if m.Method == protocol.MethodStatus {
			t.Errorf("a project: %s", m.Params)
		}
	}
}

// TestUntrusted serves a workspace that nobody trusts.
func TestUntrusted(t *testing.T) {
	set := tilt(&daemons{running: newFakeDaemon(1)})
	set.options = `{"status": true, "static": true}`
	h := open(t, set)
	h.didOpen("Tiltfile", "tiltfile", "x = (\n")
	h.didSave("Tiltfile")
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return len(d.Diagnostics) > 0 })
	for _, command := range []string{protocol.CommandUp, protocol.CommandAllow, protocol.CommandDown, protocol.CommandRestartDaemon} {
		if err := h.command(command, ""); command != protocol.CommandDown && (err == nil || !strings.Contains(err.Error(), "not trusted")) {
			t.Errorf("%s answered %v", command, err)
		}
	}
	if got := h.daemons.running.calls(); len(got) > 0 {
		t.Errorf("the daemon was asked %q", got)
	}
}

func TestRestartDaemon(t *testing.T) {
	first, _ := watchedDaemon(1)
	second, _ := watchedDaemon(2)
	h := open(t, tilt(&daemons{running: first, next: []*fakeDaemon{second}}))
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected })
	if err := h.command(protocol.CommandRestartDaemon, ""); err != nil {
		t.Fatal(err)
	}
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected && s.Status != nil && s.Status.Daemon.Pid == 2 })
	if got := first.calls(); !slices.Contains(got, "stop") {
		t.Errorf("the first was asked %q", got)
	}
	second.set(func(s *api.Status) { s.Up = true })
}
