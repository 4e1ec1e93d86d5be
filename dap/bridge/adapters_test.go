package bridge_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/daptest"
)

// The debugger on a stream is spoken to as its own adapter says, and one that is
// not known is not spoken to at all.
func TestWhoSpeaks(t *testing.T) {
	for _, test := range []struct {
		debugger, attach string
		refused          []string
	}{
		{"delve", `"mode":"remote"`, nil},
		{"debugpy", `"subProcess":false`, nil},
		{"", `"mode":"remote"`, nil}, // an agent and a daemon of before
		{"tomorrow", "", []string{"tomorrow", "update towline"}},
	} {
		t.Run(test.debugger, func(t *testing.T) {
			check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
				backend.speaks = test.debugger
				err := editor.Attach(ctx, target)
				if test.refused != nil {
					wantRefused(t, err, test.refused...)
					return
				}
				must(t, err)
				asked := (<-backend.debugger).wantAsked(t, ctx, "attach")
				if got := string(asked.Payload()); !strings.Contains(got, test.attach) {
					t.Errorf("the debugger is asked to attach with %s, want %s", got, test.attach)
				}
			})
		})
	}
}

// late is a debugger that says when it is armed.
func late() adapter.Adapter {
	a := adapter.Debugpy()
	a.Name, a.Armed = "late", "armed"
	return a
}

// A debugger that answers configurationDone before it looks at lines is not said
// to be ready until it does, for the first process and for later ones.
func TestReadyWhenArmed(t *testing.T) {
	check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
		backend.speaks = "late"
		must(t, editor.Attach(ctx, target))
		d := <-backend.debugger
		answer, err := editor.Send("configurationDone", nil)
		must(t, err)
		d.wantAsked(t, ctx, "configurationDone")
		synctest.Wait()
		select {
		case <-answer:
			t.Error("it was said to be ready before it was armed")
		default:
		}
		d.event("armed", nil)
		if m := <-answer; !m.Success {
			t.Errorf("the answer is %s", m.Bytes())
		}
		d.conn.Close()
		backend.pid(11)
		d = <-backend.debugger
		d.wantAsked(t, ctx, "configurationDone")
		synctest.Wait()
		for _, m := range editor.Received() {
			if m.Event == "invalidated" {
				t.Error("the next process was said to be ready before it was armed")
			}
		}
		d.event("armed", nil)
		must(t, editor.Event(ctx, "invalidated", nil, nil))
	})
}

// One that ends before it is armed, or that never says so, leaves nobody waiting.
func TestNeverArmed(t *testing.T) {
	for _, ends := range []bool{true, false} {
		check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
			backend.speaks = "late"
			must(t, editor.Attach(ctx, target))
			d := <-backend.debugger
			answer, err := editor.Send("configurationDone", nil)
			must(t, err)
			d.wantAsked(t, ctx, "configurationDone")
			synctest.Wait()
			if ends {
				d.conn.Close()
			}
			select {
			case <-answer:
			case <-ctx.Done():
				t.Error("configurationDone was not answered")
			}
		})
	}
}

// What the debugger does not have is answered for it, since it may not: an editor
// asks for what another one has, before it is known which it will be.
func TestRequestsThatADebuggerLacks(t *testing.T) {
	check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
		backend.speaks, backend.mute = "debugpy", []string{"setInstructionBreakpoints", "setDataBreakpoints", "readMemory"}
		must(t, editor.Attach(ctx, target))
		d := <-backend.debugger
		for _, command := range []string{"setInstructionBreakpoints", "setDataBreakpoints"} {
			var body struct{ Breakpoints []daptest.Breakpoint }
			must(t, editor.Call(ctx, command, map[string]any{"breakpoints": []any{map[string]any{"instructionReference": "0x1", "dataId": "1"}}}, &body))
			if len(body.Breakpoints) != 1 || body.Breakpoints[0].Verified || !strings.Contains(body.Breakpoints[0].Message, "cannot "+command) {
				t.Errorf("%s: %+v", command, body)
			}
		}
		wantRefused(t, editor.Call(ctx, "readMemory", map[string]any{"memoryReference": "0x1", "count": 1}, nil), "cannot readMemory")
		must(t, editor.ConfigurationDone(ctx))
		if m := d.wantAsked(t, ctx, "configurationDone"); m.Command == "" {
			t.Error("it was not told that all is configured")
		}
	})
}

// Exceptions are offered before it is known which debugger it will be, and asked
// of it in its own words.
func TestExceptionFilters(t *testing.T) {
	for debugger, want := range map[string]string{
		"delve":     `{"filters":["unrecovered-panic","runtime-fatal-throw"],"filterOptions":[{"filterId":"unrecovered-panic"}]}`,
		"debugpy":   `{"filters":["uncaught","raised"],"filterOptions":[{"filterId":"uncaught"},{"filterId":"raised"}]}`,
		"inspector": `{"filters":["uncaught","all"],"filterOptions":[{"filterId":"uncaught"},{"filterId":"all"}]}`,
	} {
		t.Run(debugger, func(t *testing.T) {
			check(t, func(t *testing.T, ctx context.Context, editor *daptest.Client, backend *fake) {
				backend.speaks = debugger
				caps, err := editor.Initialize(ctx)
				must(t, err)
				var filters []string
				for _, f := range caps["exceptionBreakpointFilters"].([]any) {
					filters = append(filters, f.(map[string]any)["filter"].(string))
				}
				must(t, editor.Attach(ctx, target))
				d := <-backend.debugger
				must(t, editor.Call(ctx, "setExceptionBreakpoints", map[string]any{"filters": filters, "filterOptions": []any{
					map[string]any{"filterId": "unrecovered-panic"}, map[string]any{"filterId": "raised"},
				}}, nil))
				var got, wanted any
				must(t, json.Unmarshal(d.wantAsked(t, ctx, "setExceptionBreakpoints").Payload(), &got))
				must(t, json.Unmarshal([]byte(want), &wanted))
				if diff := cmp.Diff(wanted, got); diff != "" {
					t.Error(diff)
				}
				// So is the next process.
				must(t, editor.ConfigurationDone(ctx))
				d.conn.Close()
				backend.pid(11)
				must(t, json.Unmarshal((<-backend.debugger).wantAsked(t, ctx, "setExceptionBreakpoints").Payload(), &got))
				if diff := cmp.Diff(wanted, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
