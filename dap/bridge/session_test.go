package bridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/bridge"
	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/message"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// check plays a story with an editor and fake debuggers, in a time of its own.
// It fails when a goroutine outlives the session.
func check(t *testing.T, story func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		backend := newFake()
		editor, stop := edit(t, backend)
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := editor.Initialize(ctx)
		must(t, err)
		story(t, ctx, editor, backend)
	})
}

var target = map[string]any{"resource": "api"}

// begun is check with a session that is attached, with a breakpoint, and runs.
func begun(t *testing.T, story func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, b daptest.Breakpoint)) {
	t.Helper()
	check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
		must(t, editor.Attach(ctx, target))
		d := <-backend.debugger
		list, err := editor.SetBreakpoints(ctx, "/ws/main.go", 7)
		must(t, err)
		must(t, editor.ConfigurationDone(ctx))
		d.wantAsked(t, ctx, "configurationDone")
		story(t, ctx, editor, backend, d, list[0])
	})
}

func wantRefused(t *testing.T, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, daptest.ErrRefused) {
		t.Errorf("got %v, want a refusal", err)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("refused with %q, want it to say %q", err, w)
		}
	}
}

func TestBreakpointsAreReplayedWithTheirIDs(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, b daptest.Breakpoint) {
		must(t, editor.Call(ctx, "setFunctionBreakpoints", map[string]any{"breakpoints": []any{map[string]any{"name": "main.f", "condition": "x > 1"}}}, nil))
		must(t, editor.Call(ctx, "setExceptionBreakpoints", map[string]any{"filters": []string{"unrecovered-panic"}}, nil))
		must(t, editor.Call(ctx, "setBreakpoints", map[string]any{"source": daptest.Source{Path: "/ws/empty.go"}, "breakpoints": []any{}}, nil))
		d.event("exited", map[string]int{"exitCode": 0})
		d.event("terminated", nil)
		next := <-backend.debugger
		var sent []string
		for m := range next.asked {
			if m.Command != "evaluate" {
				sent = append(sent, m.Command)
			}
			if m.Command == "setFunctionBreakpoints" && !strings.Contains(string(m.Payload()), `"condition":"x \u003e 1"`) {
				t.Errorf("replayed %s", m.Payload())
			}
			if m.Command == "configurationDone" {
				break
			}
		}
		want := []string{"initialize", "attach", "setBreakpoints", "setFunctionBreakpoints", "setExceptionBreakpoints", "configurationDone"}
		if diff := cmp.Diff(want, sent); diff != "" {
			t.Errorf("the next debugger was asked (-want +got):\n%s", diff)
		}
		must(t, editor.Event(ctx, "invalidated", nil, nil))
		next.event("stopped", map[string]any{"reason": "breakpoint", "threadId": 1, "hitBreakpointIds": []int{next.base, 4711}})
		stopped, err := editor.WaitStopped(ctx)
		must(t, err)
		if diff := cmp.Diff([]int{b.ID}, stopped.HitBreakpointIDs); diff != "" {
			t.Errorf("hit (-want +got):\n%s", diff)
		}
		for _, m := range editor.Received() {
			if m.Event == "exited" || m.Event == "terminated" {
				t.Errorf("the editor was told %s", m.Event)
			}
		}
	})
}

func TestIDsStayWhenBreakpointsAreSetAgain(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, _ *fake, d *debugger, b daptest.Breakpoint) {
		list, err := editor.SetBreakpoints(ctx, "/ws/main.go", 3, 7)
		must(t, err)
		if list[1].ID != b.ID || list[0].ID == b.ID || list[0].ID == 0 {
			t.Errorf("ids are %d and %d, the breakpoint's was %d", list[0].ID, list[1].ID, b.ID)
		}
		d.event("breakpoint", map[string]any{"reason": "changed", "breakpoint": map[string]any{"id": d.base + 2, "verified": true, "line": 8}})
		var body struct{ Breakpoint daptest.Breakpoint }
		must(t, editor.Event(ctx, "breakpoint", nil, &body))
		if body.Breakpoint.ID != b.ID || body.Breakpoint.Line != 8 {
			t.Errorf("told of %+v, want id %d", body.Breakpoint, b.ID)
		}
	})
}

func TestAttachBeforeTheProcessRuns(t *testing.T) {
	check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
		backend.change(func(st *api.Status) {
			st.Resources[0].Phase, st.Resources[0].Targets = api.PhaseBuilding, nil
		})
		must(t, editor.Attach(ctx, target))
		list, err := editor.SetBreakpoints(ctx, "/ws/main.go", 7)
		must(t, err)
		if list[0].Verified || list[0].ID == 0 || !strings.Contains(list[0].Message, "waiting for the process of api") {
			t.Errorf("breakpoint: %+v", list[0])
		}
		must(t, editor.ConfigurationDone(ctx))
		threads, err := editor.Threads(ctx)
		must(t, err)
		if len(threads) != 1 {
			t.Errorf("threads: %+v", threads)
		}
		must(t, editor.Continue(ctx, 1))
		_, err = editor.Evaluate(ctx, 0, "x")
		wantRefused(t, err, "waiting for the process of api")
		if backend.opens() != 0 {
			t.Error("a debugger was opened on nothing")
		}
		backend.change(func(st *api.Status) {
			st.Resources[0].Phase = api.PhaseReady
			st.Resources[0].Targets = []api.Target{{Pod: "api-1", Container: "api", Agent: true, Pid: 10}}
		})
		var body struct{ Breakpoint daptest.Breakpoint }
		must(t, editor.Event(ctx, "breakpoint", nil, &body))
		if !body.Breakpoint.Verified || body.Breakpoint.ID != list[0].ID {
			t.Errorf("told of %+v, want %d verified", body.Breakpoint, list[0].ID)
		}
		(<-backend.debugger).wantAsked(t, ctx, "configurationDone")
	})
}

// A quick restart is not worth a word; a long one is said, once.
func TestLongWait(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, b daptest.Breakpoint) {
		began := time.Now()
		backend.pid(0)
		d.event("terminated", nil)
		var said struct{ Output string }
		waits := func(m message.Message) bool { return strings.Contains(string(m.Payload()), "waiting") }
		must(t, editor.Event(ctx, "output", waits, &said))
		if took := time.Since(began); took < time.Second || took > 2*time.Second {
			t.Errorf("said %q after %s", said.Output, took)
		}
		var body struct{ Breakpoint daptest.Breakpoint }
		must(t, editor.Event(ctx, "breakpoint", nil, &body))
		if body.Breakpoint.Verified || body.Breakpoint.ID != b.ID {
			t.Errorf("told of %+v, want %d unverified", body.Breakpoint, b.ID)
		}
		time.Sleep(10 * time.Minute) // of the test's own time
		if n := backend.opens(); n > 700 {
			t.Errorf("tried %d times in ten minutes", n)
		}
		backend.pid(11)
		must(t, editor.Event(ctx, "breakpoint", nil, &body))
		if !body.Breakpoint.Verified || body.Breakpoint.ID != b.ID {
			t.Errorf("told of %+v, want %d verified", body.Breakpoint, b.ID)
		}
	})
}

func TestRequestsInFlight(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, b daptest.Breakpoint) {
		d.silent("evaluate", "continue", "setBreakpoints")
		d.event("stopped", map[string]any{"reason": "breakpoint", "threadId": 3})
		_, err := editor.WaitStopped(ctx)
		must(t, err)
		failing, resuming := make(chan error), make(chan error)
		go func() { _, err := editor.Evaluate(ctx, 0, "x"); failing <- err }()
		d.wantAsked(t, ctx, "evaluate")
		go func() { resuming <- editor.Continue(ctx, 3) }()
		d.wantAsked(t, ctx, "continue")
		go func() { _, err := editor.SetBreakpoints(ctx, "/ws/main.go", 7, 9); resuming <- err }()
		d.wantAsked(t, ctx, "setBreakpoints")
		d.conn.Close()
		wantRefused(t, <-failing, "waiting for the process of api")
		must(t, <-resuming)
		must(t, <-resuming)
		var body struct {
			ThreadID            int `json:"threadId"`
			AllThreadsContinued bool
		}
		must(t, editor.Event(ctx, "continued", nil, &body))
		if body.ThreadID != 3 || !body.AllThreadsContinued {
			t.Errorf("continued: %+v", body)
		}
		replay := (<-backend.debugger).wantAsked(t, ctx, "setBreakpoints")
		if !strings.Contains(string(replay.Payload()), `"line":9`) {
			t.Errorf("replayed %s", replay.Payload())
		}
	})
}

// A program that stands at a breakpoint and is killed: its debugger says
// nothing, but the daemon does.
func TestReplacedWhileStopped(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, _ daptest.Breakpoint) {
		d.event("stopped", map[string]any{"reason": "breakpoint", "threadId": 1})
		_, err := editor.WaitStopped(ctx)
		must(t, err)
		backend.pid(11)
		must(t, editor.Event(ctx, "continued", nil, nil))
		(<-backend.debugger).wantAsked(t, ctx, "configurationDone")
	})
}

// A launch replaces the process; a status from before it must not look like a
// replacement of the new one.
func TestStatusFromBeforeALaunch(t *testing.T) {
	check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
		must(t, editor.Launch(ctx, target))
		must(t, editor.ConfigurationDone(ctx))
		backend.change(func(st *api.Status) { st.Seq++ })
		synctest.Wait()
		backend.pid(11)
		synctest.Wait()
		if n := backend.opens(); n != 1 || !backend.opened[0].Launch {
			t.Errorf("opened %+v", backend.opened)
		}
		backend.pid(12)
		must(t, editor.Event(ctx, "invalidated", nil, nil))
		if n := backend.opens(); n != 2 || backend.opened[1].Launch {
			t.Errorf("opened %+v", backend.opened)
		}
	})
}

// The new process may get the number of the old one: a pod has few.
func TestSamePidAgain(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, _ daptest.Breakpoint) {
		backend.pid(0)
		d.conn.Close()
		time.Sleep(time.Minute)
		began := time.Now()
		backend.pid(10)
		must(t, editor.Event(ctx, "invalidated", nil, nil))
		if took := time.Since(began); took > 0 {
			t.Errorf("took %s", took)
		}
	})
}

func TestStopOnEntryCountsOnce(t *testing.T) {
	check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
		must(t, editor.Attach(ctx, map[string]any{"resource": "api", "stopOnEntry": true, "hideSystemGoroutines": true, "processId": 1}))
		must(t, editor.ConfigurationDone(ctx))
		for _, want := range []string{
			`{"hideSystemGoroutines":true,"mode":"remote","request":"attach","stopOnEntry":true}`,
			`{"hideSystemGoroutines":true,"mode":"remote","request":"attach"}`,
		} {
			d := <-backend.debugger
			if got := string(d.wantAsked(t, ctx, "attach").Payload()); got != want {
				t.Errorf("attached with %s, want %s", got, want)
			}
			d.wantAsked(t, ctx, "configurationDone")
			d.conn.Close()
		}
	})
}

func TestAddressesDoNotOutliveTheProcess(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, _ daptest.Breakpoint) {
		must(t, editor.Call(ctx, "setInstructionBreakpoints", map[string]any{"breakpoints": []any{map[string]any{"instructionReference": "0x1"}}}, nil))
		d.event("terminated", nil)
		var body struct{ Breakpoint daptest.Breakpoint }
		must(t, editor.Event(ctx, "breakpoint", nil, &body))
		if body.Breakpoint.Verified || !strings.Contains(body.Breakpoint.Message, "ended") {
			t.Errorf("told of %+v", body.Breakpoint)
		}
		next := <-backend.debugger
		for m := range next.asked {
			if m.Command == "setInstructionBreakpoints" {
				t.Error("an address was replayed")
			}
			if m.Command == "configurationDone" {
				break
			}
		}
	})
}

func TestUnknownThingsPass(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, _ *fake, d *debugger, _ daptest.Breakpoint) {
		d.event("debugpySockets", json.RawMessage(`{"sockets":[ 1.50 ],"source":{"path":"/x"}}`))
		var event json.RawMessage
		must(t, editor.Event(ctx, "debugpySockets", nil, &event))
		if got, want := string(event), `{"sockets":[1.50],"source":{"path":"/x"}}`; got != want {
			t.Errorf("event: %s, want %s", got, want)
		}
		var answer struct{ Of string }
		must(t, editor.Call(ctx, "pydevdAuthorize", map[string]int{"a": 1}, &answer))
		if answer.Of != "pydevdAuthorize" {
			t.Errorf("answer: %+v", answer)
		}
		d.event("exited", nil) // alone it is nothing
		d.event("capabilities", map[string]any{"capabilities": map[string]bool{"supportTerminateDebuggee": true}})
		d.event("marker", nil)
		must(t, editor.Event(ctx, "marker", nil, nil))
		for _, m := range editor.Received() {
			if m.Event == "capabilities" || m.Event == "exited" {
				t.Errorf("the editor was told %s", m.Event)
			}
		}
	})
}

func TestHopeless(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(st *api.Status)
		args   map[string]any
		want   []string
	}{
		{"not up", func(st *api.Status) { st.Up = false }, target, []string{"not up", "towline up"}},
		{"no such resource", func(*api.Status) {}, map[string]any{"resource": "apo"}, []string{`"apo"`, "api, tests"}},
		{"no resource", func(*api.Status) {}, map[string]any{}, []string{`"resource"`}},
		{"bad arguments", func(*api.Status) {}, map[string]any{"resource": 7}, []string{`"resource"`, "type number"}},
		{"half a mapping", func(*api.Status) {}, map[string]any{"resource": "api", "substitutePath": []any{map[string]string{"from": "/x"}}}, []string{"substitutePath", `"to"`}},
		{"local", func(*api.Status) {}, map[string]any{"resource": "tests"}, []string{"this machine"}},
		{"stopped", func(st *api.Status) { st.Resources[0].State = api.StateStopped }, target, []string{"stopped", "towline up api"}},
		{"no such pod", twoPods, map[string]any{"resource": "api", "pod": "api-7"}, []string{`"api-7"`, "api-1, api-2"}},
		{"no such container", twoPods, map[string]any{"resource": "api", "container": "ap"}, []string{`"ap"`, "api, web"}},
		{"no such container of the pod", twoPods, map[string]any{"resource": "api", "pod": "api-1", "container": "web"}, []string{`"web"`, "api"}},
		{"nothing for a debugger", func(st *api.Status) {
			st.Resources[0].Targets = nil
			st.Resources[0].Phase = api.PhaseStarting
			st.Resources[0].NoDebug = &config.Problem{Message: "api is a Job", Hint: "take a Pod"}
		}, target, []string{"a Job", "take a Pod"}},
		{"ended for good", func(st *api.Status) {
			st.Resources[0].Targets[0].Pid, st.Resources[0].Targets[0].Process = 0, "exited (exit code 0)"
		}, target, []string{"not started again", "exit code 0", "launch"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
				backend.change(test.change)
				wantRefused(t, editor.Call(ctx, "attach", test.args, nil), test.want...)
			})
		})
	}
}

func TestOpenRefused(t *testing.T) {
	for _, test := range []struct {
		err  error
		want []string
	}{
		{errors.New("could not attach to pid 7: could not open debug info - debuggee must not be built with -s -w"),
			[]string{"no debug information", "go build"}},
		{&config.Problem{Message: "the container has no agent", Hint: "add live_update to docker_build"},
			[]string{"no agent", "hint: add live_update"}},
	} {
		check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
			backend.refuse(test.err)
			wantRefused(t, editor.Call(ctx, "attach", target, nil), test.want...)
			backend.refuse(nil)
			must(t, editor.Attach(ctx, target)) // another try
		})
	}
}

func TestNoDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, its := net.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- bridge.Serve(t.Context(), its, bridge.Options{
				Adapters: adapter.All(),
				Connect: func(context.Context, string) (bridge.Backend, error) {
					return nil, &config.Problem{Message: "the daemon does not start", Hint: "see its log"}
				},
			})
		}()
		editor := daptest.NewClient(ours)
		_, err := editor.Initialize(t.Context())
		must(t, err)
		wantRefused(t, editor.Call(t.Context(), "attach", target, nil), "does not start", "see its log")
		must(t, editor.Disconnect(t.Context()))
		must(t, <-done)
	})
}

func TestDaemonComesBack(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, _ daptest.Breakpoint) {
		backend.mu.Lock()
		backend.daemon() // and with it the stream
		backend.mu.Unlock()
		d.conn.Close()
		backend.change(func(st *api.Status) { st.Daemon.Pid, st.Up = 2, false }) // it does not know yet
		time.Sleep(time.Second)
		backend.change(func(st *api.Status) { st.Up = true })
		backend.pid(11)
		must(t, editor.Event(ctx, "invalidated", nil, nil))
		for _, m := range editor.Received() {
			if m.Event == "terminated" {
				t.Error("the session was ended")
			}
		}
	})
}

func TestProjectTakenDown(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, _ *debugger, _ daptest.Breakpoint) {
		backend.change(func(st *api.Status) { st.Up = false })
		must(t, editor.Event(ctx, "terminated", nil, nil))
	})
}

func TestRestartRequest(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, _ daptest.Breakpoint) {
		must(t, editor.Call(ctx, "restart", nil, nil))
		if backend.restarts != 1 {
			t.Errorf("%d restarts", backend.restarts)
		}
		d.event("marker", nil)
		must(t, editor.Event(ctx, "marker", nil, nil))
		for len(d.asked) > 0 {
			if m := <-d.asked; m.Command == "restart" {
				t.Error("the debugger was asked to restart")
			}
		}
	})
}

func TestDisconnectLeavesTheProgramRunning(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, _ *fake, d *debugger, _ daptest.Breakpoint) {
		must(t, editor.Call(ctx, "disconnect", map[string]bool{"terminateDebuggee": true}, nil))
		got := string(d.wantAsked(t, ctx, "disconnect").Payload())
		if want := `{"restart":false,"terminateDebuggee":false}`; got != want {
			t.Errorf("disconnected with %s, want %s", got, want)
		}
		must(t, editor.Event(ctx, "terminated", nil, nil))
	})
}

// An editor that crashes parts from the program as one that says good-bye.
func TestEditorGone(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, _ *fake, d *debugger, _ daptest.Breakpoint) {
		editor.Close()
		d.wantAsked(t, ctx, "disconnect")
	})
}

func TestDebuggerThatHangsAtTheEnd(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, _ *fake, d *debugger, _ daptest.Breakpoint) {
		d.silent("disconnect")
		began := time.Now()
		must(t, editor.Disconnect(ctx))
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// Another debugger gets its chance when one does not answer; requests that
// came meanwhile are not lost.
func TestDebuggerThatHangsAtTheBeginning(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, _ daptest.Breakpoint) {
		backend.mu.Lock()
		backend.mute = []string{"configurationDone", "threads"}
		backend.mu.Unlock()
		d.conn.Close()
		hung := <-backend.debugger
		hung.wantAsked(t, ctx, "configurationDone")
		backend.mu.Lock()
		backend.mute = nil
		backend.mu.Unlock()
		_, err := editor.Threads(ctx)
		must(t, err)
		(<-backend.debugger).wantAsked(t, ctx, "configurationDone")
		must(t, editor.Event(ctx, "invalidated", nil, nil))
	})
}

// A debugger's own request: the editor's answer finds the way back.
func TestReverseRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := newFake()
		ours, its := net.Pipe()
		done := make(chan error, 1)
		go func() {
			done <- bridge.Serve(t.Context(), its, bridge.Options{
				Adapters: adapter.All(),
				Connect:  func(context.Context, string) (bridge.Backend, error) { return backend, nil },
			})
		}()
		editor := daptest.NewClient(ours)
		_, err := editor.Initialize(t.Context())
		must(t, err)
		must(t, editor.Attach(t.Context(), target))
		d := <-backend.debugger
		synctest.Wait()
		d.send(message.NewRequest("runInTerminal", map[string]string{"kind": "integrated"}))
		synctest.Wait()
		var asked message.Message
		for _, m := range editor.Received() {
			if m.Type == message.Request {
				asked = m
			}
		}
		if asked.Command != "runInTerminal" {
			t.Fatalf("the editor was asked %q", asked.Command)
		}
		must(t, message.Write(ours, message.NewResponse(asked, map[string]int{"processId": 5}).Renumbered(99, asked.Seq)))
		synctest.Wait()
		var answer message.Message
		for len(d.asked) > 0 {
			if m := <-d.asked; m.Type == message.Response {
				answer = m
			}
		}
		d.mu.Lock()
		seq := d.seq
		d.mu.Unlock()
		if answer.RequestSeq != seq || string(answer.Payload()) != `{"processId":5}` {
			t.Errorf("the debugger was answered %s, want request_seq %d", answer.Bytes(), seq)
		}
		editor.Close()
		must(t, <-done)
	})
}
