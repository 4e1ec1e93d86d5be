package lsp

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/starlark/config"
)

// tilt is a workspace with a Tiltfile and a client that wants statuses.
func tilt(d *daemons) setup {
	return setup{files: map[string]string{"Tiltfile": "x = 1\n"}, options: `{"status": true}`, daemons: d}
}

// watched returns a fake daemon and where it tells of what it is asked.
func watchedDaemon(pid int) (*fakeDaemon, chan string) {
	d := newFakeDaemon(pid)
	asked := make(chan string, 100)
	d.onAsk = func(what string) { asked <- what }
	return d, asked
}

func TestRunningDaemonIsFoundAtOnce(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	got := await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected && s.Status != nil })
	if got.Folder != h.dir || got.Status.Daemon.Pid != 1 {
		t.Errorf("got %+v", got)
	}
	fake.set(func(s *api.Status) { s.Phase = api.PhaseReady })
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Status.Phase == api.PhaseReady })
	if h.daemons.count() != 0 {
		t.Error("a daemon was started beside the running one")
	}
}

func TestOpeningATiltfileStartsAndEvaluates(t *testing.T) {
	fake, asked := watchedDaemon(1)
	d := &daemons{next: []*fakeDaemon{fake}}
	h := open(t, tilt(d))
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return !s.Connected })
	h.didOpen("main.go", "go", "package main\n")
	h.call(protocol.MethodGetStatus, map[string]any{}, nil)
	h.didOpen("Tiltfile", "tiltfile", "x = 1\n")
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected })
	h.until("an evaluation", asked, func() bool { return slices.Equal(fake.calls(), []string{"project"}) })
}

func TestSaveOfAnyFileIsAHint(t *testing.T) {
	fake, asked := watchedDaemon(1)
	var took time.Duration
	set := tilt(&daemons{running: fake})
	measured := make(chan string, 9)
	set.serve.OnHint = func(d time.Duration) { took = d; measured <- "" }
	h := open(t, set)
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected })
	h.didSave("src/main.go")
	h.until("the hint", asked, func() bool { return slices.Contains(fake.calls(), "hint "+h.path("src/main.go")) })
	<-measured
	if took <= 0 {
		t.Error("the hint was not measured")
	}
	h.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{
		map[string]any{"uri": h.uri("a"), "type": 1}, map[string]any{"uri": h.uri("b"), "type": 3},
	}})
	h.until("the hint", asked, func() bool { return slices.Contains(fake.calls(), "noticed "+h.path("a")+" "+h.path("b")) })
}

func TestKilledDaemonComesBack(t *testing.T) {
	first, _ := watchedDaemon(1)
	second, asked := watchedDaemon(2)
	first.status.Up = true
	h := open(t, tilt(&daemons{running: first, next: []*fakeDaemon{second}}))
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected })
	first.kill(errGone)
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected && s.Status.Daemon.Pid == 2 })
	h.didSave("x.py")
	h.until("the hint", asked, func() bool { return slices.Contains(second.calls(), "hint "+h.path("x.py")) })
}

func TestDaemonThatEndedIsLeftAloneUntilNeeded(t *testing.T) {
	first, _ := watchedDaemon(1)
	second, _ := watchedDaemon(2)
	d := &daemons{running: first, next: []*fakeDaemon{second}}
	h := open(t, tilt(d))
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected })
	first.kill(nil)
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return !s.Connected && s.Status == nil })
	h.didSave("x.py")
	h.call(protocol.MethodGetStatus, map[string]any{}, nil)
	h.call("workspace/executeCommand", map[string]any{"command": protocol.CommandRestart, "arguments": []any{"web"}}, nil)
	if got := second.calls(); !slices.Contains(got, "restart web") {
		t.Errorf("the second daemon was asked %q", got)
	}
}

// TestLostInTheMiddleOfARequest kills the daemon before anybody noticed; the
// request that finds out is answered by the next one.
func TestLostInTheMiddleOfARequest(t *testing.T) {
	first, _ := watchedDaemon(1)
	second, _ := watchedDaemon(2)
	h := open(t, tilt(&daemons{running: first, next: []*fakeDaemon{second}}))
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected })
	first.breakAt("restart web")
	h.call("workspace/executeCommand", map[string]any{"command": protocol.CommandRestart, "arguments": []any{map[string]any{"resource": "web"}}}, nil)
	if got := first.calls(); !slices.Contains(got, "restart web") {
		t.Errorf("the first daemon was asked %q", got)
	}
	if got := second.calls(); !slices.Contains(got, "restart web") {
		t.Errorf("the second daemon was asked %q", got)
	}
}

func TestDaemonThatCannotStart(t *testing.T) {
	h := open(t, tilt(&daemons{err: errors.New("no space left on device")}))
	err := h.Call(h.ctx, "workspace/executeCommand", map[string]any{"command": protocol.CommandUp}, nil)
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("up answered %v", err)
	}
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeDaemon(1)
		d := &daemons{running: fake, err: errors.New("no luck")}
		l := newLink("/w", d.connect, slog.New(slog.DiscardHandler))
		done := make(chan struct{})
		go func() { defer close(done); l.run(t.Context()) }()
		synctest.Wait()
		fake.kill(errGone)
		var tries []int
		for range 5 {
			time.Sleep(time.Second) // of the bubble's clock
			synctest.Wait()
			tries = append(tries, d.count())
		}
		if want := []int{4, 5, 5, 6, 6}; !slices.Equal(tries, want) {
			t.Errorf("after each second there were %v tries, want %v", tries, want)
		}
		l.wake()
		synctest.Wait()
		if d.count() != 7 {
			t.Error("a need did not bring the daemon back at once")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := d.count(); n < 300 || n > 400 {
			t.Errorf("%d tries in an hour", n)
		}
	})
}

func TestUpFollowsToReady(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	fake.set(func(s *api.Status) {
		s.Resources = []api.ResourceStatus{
			{Name: "web", State: api.StateBuilding, Text: "building: step 1/3"}, {Name: "db", State: api.StateReady},
			{Name: "lint", State: api.StatePending, WaitsFor: []api.Wait{{Kind: api.WaitTrigger}}},
		}
	})
	var status api.Status
	h.call("workspace/executeCommand", map[string]any{"command": protocol.CommandUp, "arguments": []any{map[string]any{"args": []string{"--x"}}}}, &status)
	if !status.Up {
		t.Errorf("up answered %+v", status)
	}
	if got := progressText(h, "begin"); got != "Bringing up" {
		t.Errorf("progress began with %q", got)
	}
	if got, want := progressText(h, "report"), "1/2 ready · web building: step 1/3"; got != want {
		t.Errorf("progress reported %q, want %q", got, want)
	}
	fake.set(func(s *api.Status) { s.Resources[0].State = api.StateReady })
	if got := progressText(h, "end"); got != "done" {
		t.Errorf("progress ended with %q", got)
	}
}

// TestTheEditorsEnvironment goes with Up and Down, and so to what they run.
func TestTheEditorsEnvironment(t *testing.T) {
	fake, _ := watchedDaemon(1)
	set := tilt(&daemons{running: fake})
	set.serve.Env = func() []string { return []string{"PATH=/of/the/editor", "KUBECONFIG=/its"} }
	h := open(t, set)
	h.call("workspace/executeCommand", map[string]any{"command": protocol.CommandUp}, nil)
	h.call("workspace/executeCommand", map[string]any{"command": protocol.CommandDown, "arguments": []any{map[string]any{"wait": true}}}, nil)
	fake.mu.Lock()
	defer fake.mu.Unlock()
	for what, got := range map[string][]string{"Up": fake.upWith.Env, "Down": fake.downWith.Env} {
		if diff := cmp.Diff(set.serve.Env(), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

func TestUpShowsWhatFailed(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	fake.set(func(s *api.Status) {
		s.Resources = []api.ResourceStatus{{Name: "web", State: api.StateError, Problem: &config.Problem{Message: "no Dockerfile", Hint: "create one"}}}
	})
	h.call("workspace/executeCommand", map[string]any{"command": protocol.CommandUp}, nil)
	got := await[struct{ Message string }](h, "window/showMessage", nil)
	if want := "web: no Dockerfile (create one)"; got.Message != want {
		t.Errorf("the message is %q, want %q", got.Message, want)
	}
}

func TestUpRefused(t *testing.T) {
	fake, _ := watchedDaemon(1)
	fake.upErr = &config.Problem{Message: "the context prod is not allowed", Hint: "call allow_k8s_contexts", Pos: config.Position{File: "/w/Tiltfile", Line: 2, Col: 1}}
	h := open(t, tilt(&daemons{running: fake}))
	err := h.Call(h.ctx, "workspace/executeCommand", map[string]any{"command": protocol.CommandUp}, nil)
	if want := "the context prod is not allowed (Tiltfile:2)\ncall allow_k8s_contexts"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("up answered %v", err)
	}
	if got := slices.DeleteFunc(fake.calls(), func(c string) bool { return c != "up" }); len(got) != 1 {
		t.Errorf("up was asked %d times", len(got))
	}
}

func TestProgressCanBeLeft(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	fake.set(func(s *api.Status) {
		s.Resources = []api.ResourceStatus{{Name: "web", State: api.StateBuilding, Text: "building"}}
	})
	h.call("workspace/executeCommand", map[string]any{"command": protocol.CommandUp}, nil)
	token := await[struct{ Token string }](h, "window/workDoneProgress/create", nil)
	progressText(h, "report")
	h.notify("window/workDoneProgress/cancel", map[string]any{"token": token.Token})
	if got := progressText(h, "end"); got != "goes on in the background" {
		t.Errorf("progress ended with %q", got)
	}
}

// TestProgressOnTheRequest is the way of a client that sends a token and
// cannot be asked for a display.
func TestProgressOnTheRequest(t *testing.T) {
	fake, asked := watchedDaemon(1)
	set := tilt(&daemons{running: fake})
	set.capabilities = `{}`
	h := open(t, set)
	fake.set(func(s *api.Status) {
		s.Up = true
		s.Resources = []api.ResourceStatus{{Name: "web", State: api.StateReady}}
	})
	_, answer, err := h.Begin("workspace/executeCommand", map[string]any{
		"command": protocol.CommandTrigger, "arguments": []any{"web"}, "workDoneToken": "mine",
	})
	if err != nil {
		t.Fatal(err)
	}
	h.until("the trigger", asked, func() bool { return slices.Contains(fake.calls(), "trigger web") })
	fake.set(func(s *api.Status) { s.Resources[0].LastUpdate = &api.Update{Began: time.Now()} })
	if r := <-answer; r.Err() != nil {
		t.Error(r.Err())
	}
	if got := progressText(h, "end"); got != "done" {
		t.Errorf("progress ended with %q", got)
	}
}

func TestOtherCommands(t *testing.T) {
	fake, asked := watchedDaemon(1)
	fake.logLines = []api.LogLine{{Resource: "web", Text: "hello"}, {Resource: "db", Text: "no"}}
	h := open(t, tilt(&daemons{running: fake}))
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected })
	run := func(command string, result any, args ...any) error {
		return h.Call(h.ctx, "workspace/executeCommand", map[string]any{"command": command, "arguments": args}, result)
	}
	var logs protocol.LogsResult
	if err := run(protocol.CommandLogs, &logs, "web"); err != nil || len(logs.Lines) != 1 || logs.Lines[0].Text != "hello" {
		t.Errorf("logs answered %+v, %v", logs, err)
	}
	var target protocol.DebugConfiguration
	if err := run(protocol.CommandDebug, &target, map[string]any{"resource": "web", "uri": h.uri("Tiltfile")}); err != nil {
		t.Error(err)
	}
	want := protocol.DebugConfiguration{Type: "towline", Request: "attach", Name: "Towline: web", Resource: "web", Workspace: h.dir}
	if diff := cmp.Diff(want, target); diff != "" {
		t.Error(diff)
	}
	var status protocol.StatusParams
	if err := run(protocol.CommandStatus, &status); err != nil || !status.Connected {
		t.Errorf("status answered %+v, %v", status, err)
	}
	var changed api.Status
	if err := run(protocol.CommandArgs, &changed, map[string]any{"args": []string{"--env=dev", "web"}}); err != nil || !slices.Equal(changed.Args, []string{"--env=dev", "web"}) {
		t.Errorf("args answered %+v, %v", changed.Args, err)
	}
	h.until("args", asked, func() bool { return slices.Contains(fake.calls(), "args --env=dev web") })
	if err := run(protocol.CommandButton, nil, map[string]any{"resource": "btn-seed", "button": "seed", "inputs": map[string]string{"ROWS": "3"}}); err != nil {
		t.Error(err)
	}
	h.until("press", asked, func() bool { return slices.Contains(fake.calls(), "press seed of btn-seed with map[ROWS:3]") })
	if err := run(protocol.CommandDown, nil, map[string]any{"wait": true}); err != nil {
		t.Error(err)
	}
	h.until("down", asked, func() bool { return slices.Contains(fake.calls(), "down") })
	for _, command := range []string{protocol.CommandTrigger, protocol.CommandButton, protocol.CommandRestart, protocol.CommandDebug} {
		wantCode(t, run(command, nil), -32602)
	}
	wantCode(t, run("towline.dance", nil), -32602)
	wantCode(t, run(protocol.CommandUp, nil, 7), -32602)
}

func TestEvaluationProblems(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	h.write("lib.star", "def f():\n\tfail('no')\n")
	h.didOpen("Tiltfile", "tiltfile", "load('lib.star', 'f')\nx = '😀'; f()\n")
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") })
	main, lib := h.path("Tiltfile"), h.path("lib.star")
	fake.set(func(s *api.Status) {
		s.Tiltfile = main
		s.Config.Warnings = []config.Problem{{Message: "unused image"}}
		s.Config.Error = &config.Problem{
			Message: "no", Hint: "say yes", Pos: config.Position{File: lib, Line: 2, Col: 2},
			Stack: []config.Frame{{Name: "<toplevel>", Pos: config.Position{File: main, Line: 2, Col: 11}}, {Name: "f", Pos: config.Position{File: lib, Line: 2, Col: 2}}},
		}
		s.Resources = []api.ResourceStatus{{Name: "web", Pos: config.Position{File: main, Line: 2, Col: 14}, Problem: &config.Problem{Message: "image not found"}}}
	})
	inLib := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("lib.star") })
	h.mark = 0
	inMain := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") && len(d.Diagnostics) == 2 })
	d := inLib.Diagnostics[0]
	if d.Message != "no\nsay yes" || d.Severity != 1 || d.Range.Start.Line != 1 || d.Range.Start.Character != 1 || d.Range.End.Character != 5 {
		t.Errorf("in lib.star: %+v", d)
	}
	if len(d.Related) != 2 || d.Related[1].Message != "in <toplevel>" || d.Related[1].Location.Range.Start.Character != 10 {
		t.Errorf("related: %+v", d.Related)
	}
	if w := inMain.Diagnostics[0]; w.Severity != 2 || w.Message != "unused image" {
		t.Errorf("in Tiltfile: %+v", w)
	}
	if r := inMain.Diagnostics[1]; r.Message != "web: image not found" || r.Code != "resource" || r.Range.Start.Line != 1 {
		t.Errorf("in Tiltfile: %+v", r)
	}
	// Typing does not erase what the daemon said.
	h.edit("Tiltfile", 2, "# top\n", 0, 0, 0, 0)
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.Version == 2 && len(d.Diagnostics) == 2 })
	fake.set(func(s *api.Status) { s.Config.Warnings, s.Config.Error, s.Resources = nil, nil, nil })
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("lib.star") && len(d.Diagnostics) == 0 })
	h.mark = 0
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool {
		return d.URI == h.uri("Tiltfile") && d.Version == 2 && len(d.Diagnostics) == 0
	})
}

func TestPullDiagnostics(t *testing.T) {
	fake, _ := watchedDaemon(1)
	set := tilt(&daemons{running: fake})
	set.capabilities = `{"textDocument":{"diagnostic":{}},"workspace":{"diagnostics":{"refreshSupport":true}}}`
	h := open(t, set)
	h.didOpen("Tiltfile", "tiltfile", "x = 1\n")
	type report struct {
		Kind, ResultID string
		Items          []struct{ Message string }
	}
	pull := func(previous string) (r report) {
		t.Helper()
		h.call("textDocument/diagnostic", map[string]any{"textDocument": h.doc("Tiltfile"), "previousResultId": previous}, &r)
		return r
	}
	before := pull("")
	if before.Kind != "full" || len(before.Items) != 0 {
		t.Errorf("pulled %+v", before)
	}
	if again := pull(before.ResultID); again.Kind != "unchanged" {
		t.Errorf("pulled %+v", again)
	}
	fake.set(func(s *api.Status) {
		s.Config.Error = &config.Problem{Message: "no", Pos: config.Position{File: h.path("Tiltfile"), Line: 1, Col: 1}}
	})
	await[any](h, "workspace/diagnostic/refresh", nil)
	if after := pull(before.ResultID); after.Kind != "full" || len(after.Items) != 1 || after.Items[0].Message != "no" {
		t.Errorf("pulled %+v", after)
	}
	for _, m := range h.Received() {
		if m.Method == "textDocument/publishDiagnostics" && strings.Contains(string(m.Params), `"message"`) {
			t.Errorf("the server pushed too: %s", m.Params)
		}
	}
}

// progressText waits for progress of a kind and returns its title or message.
func progressText(h *harness, kind string) string {
	h.t.Helper()
	type params struct {
		Value struct{ Kind, Title, Message string }
	}
	p := await(h, "$/progress", func(p params) bool { return p.Value.Kind == kind })
	return p.Value.Title + p.Value.Message
}
