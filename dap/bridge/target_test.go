package bridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/message"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// twoPods gives the resource a second, newer pod, with a container more.
func twoPods(st *api.Status) {
	st.Resources[0].Targets = append(st.Resources[0].Targets,
		api.Target{Pod: "api-2", Container: "api", Agent: true, Pid: 20},
		api.Target{Pod: "api-2", Container: "web", Agent: true, Pid: 30},
	)
}

// What was chosen is said where there was a choice.
func TestWhichWasTaken(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*api.Status)
		args   map[string]any
		want   string
	}{
		{"of two pods", twoPods, target, "container api of pod api-1 is debugged"},
		{"of two containers", twoPods, map[string]any{"resource": "api", "pod": "api-2"}, "container web of pod api-2"},
		{"the one that can be debugged", func(st *api.Status) {
			twoPods(st)
			st.Resources[0].Targets[1].Language, st.Resources[0].Targets[0].Language = "Ruby", "Perl"
		}, target, "container web of pod api-2"},
		{"the only one", func(*api.Status) {}, target, ""},
		{"the one that was meant", twoPods, map[string]any{"resource": "api", "pod": "api-1"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
				backend.change(test.change)
				must(t, editor.Attach(ctx, test.args))
				must(t, editor.ConfigurationDone(ctx))
				if said := said(editor); test.want == "" && said != "" || !strings.Contains(said, test.want) {
					t.Errorf("said %q, want %q", said, test.want)
				}
			})
		})
	}
}

// said returns what the bridge wrote to the console so far.
func said(editor *daptest.Client) string {
	synctest.Wait()
	var all strings.Builder
	for _, m := range editor.Received() {
		var body struct{ Output string }
		if m.Event == "output" && json.Unmarshal(m.Payload(), &body) == nil {
			all.WriteString(body.Output)
		}
	}
	return all.String()
}

// Replicas come and go; a session stays with its own as long as it is there,
// and says where it goes when it is not.
func TestReplicasComeAndGo(t *testing.T) {
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, _ daptest.Breakpoint) {
		backend.change(twoPods)
		d.conn.Close() // it crashes, and is started again
		backend.pid(11)
		must(t, editor.Event(ctx, "invalidated", nil, nil))
		wantOpened(t, backend, api.DebugRequest{Resource: "api", Pod: "api-1", Container: "api"})
		backend.change(func(st *api.Status) { st.Resources[0].Targets = st.Resources[0].Targets[1:] })
		must(t, editor.Event(ctx, "invalidated", nil, nil))
		wantOpened(t, backend, api.DebugRequest{Resource: "api"})
		if text := said(editor); !strings.Contains(text, "in pod api-2") {
			t.Errorf("said %q", text)
		}
	})
}

func wantOpened(t *testing.T, backend *fake, want api.DebugRequest) {
	t.Helper()
	backend.mu.Lock()
	defer backend.mu.Unlock()
	if got := backend.opened[len(backend.opened)-1]; got != want {
		t.Errorf("opened %+v, want %+v", got, want)
	}
}

// A pod that was named is stayed with; when it is gone that is said.
func TestNamedPodGoes(t *testing.T) {
	check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
		must(t, editor.Attach(ctx, map[string]any{"resource": "api", "pod": "api-1"}))
		must(t, editor.ConfigurationDone(ctx))
		backend.change(twoPods)
		backend.refuse(&config.Problem{Message: "api has no pod named api-1"})
		backend.change(func(st *api.Status) { st.Resources[0].Targets = st.Resources[0].Targets[1:] })
		var out struct{ Output string }
		must(t, editor.Event(ctx, "output", func(m message.Message) bool { return strings.Contains(string(m.Payload()), "waiting") }, &out))
		if !strings.Contains(out.Output, "api-1") || !strings.Contains(out.Output, "has no pod") {
			t.Errorf("said %q", out.Output)
		}
	})
}

// A program that ends and is not started again ends its session; one that is
// started again does not.
func TestProgramThatEnds(t *testing.T) {
	for _, how := range []string{"exited (exit code 3)", "backoff (exit code 3)"} {
		begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, _ daptest.Breakpoint) {
			d.event("terminated", nil)
			backend.refuse(errors.New("the application does not run"))
			backend.change(func(st *api.Status) { st.Resources[0].Targets[0].Pid, st.Resources[0].Targets[0].Process = 0, how })
			if strings.HasPrefix(how, "backoff") {
				time.Sleep(time.Minute)
				backend.pid(12)
				must(t, editor.Event(ctx, "invalidated", nil, nil))
				return
			}
			var body struct{ ExitCode int }
			must(t, editor.Event(ctx, "exited", nil, &body))
			must(t, editor.Event(ctx, "terminated", nil, nil))
			if body.ExitCode != 3 || !strings.Contains(said(editor), "not started again") {
				t.Errorf("exit code %d, said %q", body.ExitCode, said(editor))
			}
		})
	}
}

// Lines are those of what runs; when the sources are newer that is said, once.
func TestOlderThanItsSources(t *testing.T) {
	const older = "older than the sources"
	begun(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake, d *debugger, _ daptest.Breakpoint) {
		sync := func(state api.SyncState, message string) {
			backend.change(func(st *api.Status) {
				r := &st.Resources[0]
				r.Targets[0].Sync, r.Message, r.State = state, message, api.StateReady
				if state == api.SyncStale {
					r.State = api.StateStale
				}
			})
			synctest.Wait()
		}
		count := func(words string, want int) {
			t.Helper()
			if text := said(editor); strings.Count(text, words) != want {
				t.Errorf("said %q, want %q %d times", text, words, want)
			}
		}
		stop := func() { d.event("stopped", map[string]any{"reason": "breakpoint", "threadId": 1}); synctest.Wait() }
		sync(api.SyncInSync, "")
		stop()
		must(t, editor.Continue(ctx, 1))
		sync(api.SyncPending, "")
		count(older, 0) // it comes in a moment
		sync(api.SyncStale, "compile failed")
		count("compile failed", 1)
		sync(api.SyncStale, "compile failed again")
		stop()
		count(older, 1)
		must(t, editor.Continue(ctx, 1))
		sync(api.SyncInSync, "")
		sync(api.SyncPending, "")
		stop()
		count("an update is on its way", 1)
		sync(api.SyncStale, "compile failed")
		count(older, 3)
	})
}

// A session that comes second waits, says so, and begins when the first ends.
func TestSecondSessionOnAProcess(t *testing.T) {
	busy := &config.Problem{Message: "another debugging session has the process", Hint: "end that session first"}
	check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
		backend.refuse(busy)
		wantRefused(t, editor.Call(ctx, "attach", target, nil), "another debugging session", "end that session first")
		backend.refuse(nil)
		backend.pid(0)
		must(t, editor.Attach(ctx, target)) // while nothing runs both may wait
		must(t, editor.ConfigurationDone(ctx))
		backend.refuse(busy)
		backend.change(func(st *api.Status) { st.Resources[0].Targets[0].Pid = 11 })
		must(t, editor.Event(ctx, "output", func(m message.Message) bool {
			return strings.Contains(string(m.Payload()), "another debugging session")
		}, nil))
		backend.refuse(nil)
		(<-backend.debugger).wantAsked(t, ctx, "configurationDone")
	})
}
