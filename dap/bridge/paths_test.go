package bridge_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/daptest/local"
)

// neighbour adds a second service to a workspace, whose main.go must not be
// taken for the first one's.
func neighbour(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "other", "main.go")
	must(t, os.Mkdir(filepath.Dir(file), 0o755))
	data, err := os.ReadFile(filepath.Join(dir, mainFile))
	must(t, err)
	must(t, os.WriteFile(file, data, 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "other", "go.mod"), []byte("module example.com/other\n"), 0o644))
	return file
}

// The program was built in another folder, as in a Dockerfile, or does not say
// where: nobody has to tell the bridge.
func TestPaths(t *testing.T) {
	for _, test := range []struct {
		name  string
		moved bool
		flags []string
	}{
		{"here", false, nil},
		{"elsewhere", true, nil},
		{"trimpath", true, []string{"-trimpath"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := within(t)
			dir, binary := greeter(t, test.flags...)
			if test.moved { // what was built stays behind
				workspace := filepath.Join(t.TempDir(), "ws", "api")
				must(t, os.MkdirAll(filepath.Dir(workspace), 0o755))
				must(t, os.Rename(dir, workspace))
				must(t, os.Mkdir(dir, 0o755)) // for the clean-up
				dir = workspace
			}
			file, others := filepath.Join(dir, mainFile), neighbour(t, dir)
			host := start(t, binary)
			editor := serve(t, host, filepath.Dir(dir))
			breakpoints := attach(t, ctx, editor, file, greetLine)
			if !breakpoints[0].Verified || breakpoints[0].Source.Path != file {
				t.Fatalf("breakpoint: %+v", breakpoints[0])
			}
			wrong, err := editor.SetBreakpoints(ctx, others, greetLine)
			must(t, err)
			if wrong[0].Verified {
				t.Errorf("another service's breakpoint is set: %+v", wrong[0])
			}
			must(t, host.Say("x"))
			stopped := wantStop(t, ctx, editor, file, greetLine, "text", `"hello x"`)
			// Into the standard library, whose sources are here too.
			must(t, editor.Call(ctx, "next", map[string]int{"threadId": stopped.ThreadID}, nil))
			stopped, err = editor.WaitStopped(ctx)
			must(t, err)
			must(t, editor.Call(ctx, "stepIn", map[string]int{"threadId": stopped.ThreadID}, nil))
			stopped, err = editor.WaitStopped(ctx)
			must(t, err)
			frames, err := editor.StackTrace(ctx, stopped.ThreadID)
			must(t, err)
			if _, err := os.Stat(frames[0].Source.Path); err != nil || !strings.HasSuffix(frames[0].Source.Path, "/fmt/print.go") {
				t.Errorf("stepped into %s, want the local fmt/print.go", frames[0].Source.Path)
			}
		})
	}
}

// A module in a folder that a replace directive names, built with -trimpath.
func TestReplacedModule(t *testing.T) {
	ctx := within(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	for name, text := range map[string]string{
		"api/go.mod":       "module example.com/api\n\ngo 1.26\n\nrequire example.com/common v0.0.0\n\nreplace example.com/common => ../common\n",
		"api/main.go":      "package main\n\nimport (\n\t\"bufio\"\n\t\"fmt\"\n\t\"os\"\n\n\t\"example.com/common\"\n)\n\nfunc main() {\n\tfor in := bufio.NewScanner(os.Stdin); in.Scan(); {\n\t\tfmt.Println(common.Total(in.Text()))\n\t}\n}\n",
		"common/go.mod":    "module example.com/common\n",
		"common/common.go": "package common\n\nfunc Total(s string) int {\n\tn := len(s)\n\treturn n\n}\n",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	binary := filepath.Join(t.TempDir(), "api")
	must(t, local.Build(filepath.Join(dir, "api"), binary, "-trimpath", "-gcflags=all=-N -l"))
	host := start(t, binary)
	editor := serve(t, host, dir)
	file := filepath.Join(dir, "common", "common.go")
	breakpoints := attach(t, ctx, editor, file, 5)
	if !breakpoints[0].Verified {
		t.Fatalf("breakpoint: %+v", breakpoints[0])
	}
	must(t, host.Say("four"))
	wantStop(t, ctx, editor, file, 5, "n", "4")
}

// The workspace is opened through a link, by an editor that names files by URI
// and counts lines from 0; all comes back as the editor has it.
func TestLinkedWorkspaceOfAnotherDialect(t *testing.T) {
	ctx := within(t)
	dir, binary := greeter(t)
	must(t, os.Rename(dir, dir+" real"))
	must(t, os.Symlink(dir+" real", dir))
	t.Cleanup(func() { os.Remove(dir); os.Rename(dir+" real", dir) })
	host := start(t, binary)
	editor := serve(t, host, dir)
	must(t, editor.Call(ctx, "initialize", map[string]any{"adapterID": "x", "pathFormat": "uri", "linesStartAt1": false, "columnsStartAt1": false}, nil))
	must(t, editor.Attach(ctx, target))
	for _, folder := range []string{dir, dir + " real"} {
		uri := (&url.URL{Scheme: "file", Path: folder + "/" + mainFile}).String()
		breakpoints, err := editor.SetBreakpoints(ctx, uri, greetLine-1)
		must(t, err)
		if b := breakpoints[0]; !b.Verified || b.Line != greetLine-1 || b.Source.Path != uri {
			t.Fatalf("breakpoint: %+v, want %s:%d", b, uri, greetLine-1)
		}
		if folder == dir {
			must(t, editor.ConfigurationDone(ctx))
		}
		must(t, host.Say("x"))
		stopped := wantStop(t, ctx, editor, uri, greetLine-1, "text", `"hello x"`)
		must(t, editor.Continue(ctx, stopped.ThreadID))
	}
}

func TestProgramWithoutDebugInformation(t *testing.T) {
	ctx := within(t)
	dir, binary := greeter(t, "-ldflags=-s -w")
	host := start(t, binary)
	editor := serve(t, host, dir)
	_, err := editor.Initialize(ctx)
	must(t, err)
	wantRefused(t, editor.Call(ctx, "attach", target, nil), "no debug information", "without -s and -w", adapter.Flags)
	must(t, host.Say("x"))
	if got, err := host.Answer(ctx); err != nil || got != "hello x, 2\n" {
		t.Errorf("the program said %q, %v", got, err)
	}
}

func TestOptimizedProgram(t *testing.T) {
	ctx := within(t)
	dir, binary := greeter(t, "-gcflags=")
	editor := serve(t, start(t, binary), dir)
	attach(t, ctx, editor, filepath.Join(dir, mainFile), greetLine)
	wantSaid(t, ctx, editor, "built with optimizations", adapter.Flags)
}

// wantSaid waits for a line of the bridge's own. What it says of a debugger that
// attaches slowly depends on the machine and is passed over.
func wantSaid(t *testing.T, ctx context.Context, editor *daptest.Client, words ...string) {
	t.Helper()
	var said struct{ Output string }
	for !strings.HasPrefix(said.Output, "towline: ") || strings.Contains(said.Output, "still attaches") {
		must(t, editor.Event(ctx, "output", nil, &said))
	}
	for _, w := range words {
		if !strings.Contains(said.Output, w) {
			t.Errorf("said %q, want it to hold %q", said.Output, w)
		}
	}
}

// What the bridge promises before there is a debugger is what delve can do.
func TestCapabilitiesAreDelves(t *testing.T) {
	ctx := within(t)
	_, binary := greeter(t)
	host := start(t, binary)
	conn, err := host.Debug(ctx, host.Pid())
	must(t, err)
	direct := daptest.NewClient(conn)
	defer direct.Close()
	got, err := direct.Initialize(ctx)
	must(t, err)
	maps.DeleteFunc(got, func(_ string, v any) bool { return v == nil || v == false })
	data, err := json.Marshal(adapter.Delve().Capabilities)
	must(t, err)
	var want map[string]any
	must(t, json.Unmarshal(data, &want))
	// Of exceptions those of all debuggers are offered; delve is asked for its own.
	var asked, its []string
	for _, f := range want["exceptionBreakpointFilters"].([]any) {
		if name := adapter.Delve().Filter(f.(map[string]any)["filter"].(string)); name != "" {
			asked = append(asked, name)
		}
	}
	for _, f := range got["exceptionBreakpointFilters"].([]any) {
		its = append(its, f.(map[string]any)["filter"].(string))
	}
	if diff := cmp.Diff(asked, its); diff != "" {
		t.Errorf("exceptions (-asked for +delve's):\n%s", diff)
	}
	delete(want, "exceptionBreakpointFilters")
	delete(got, "exceptionBreakpointFilters")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("capabilities (-ours +delve's):\n%s", diff)
	}
}

func TestStopOnEntry(t *testing.T) {
	ctx := within(t)
	dir, binary := greeter(t)
	host := start(t, binary)
	editor := serve(t, host, dir)
	_, err := editor.Initialize(ctx)
	must(t, err)
	must(t, editor.Attach(ctx, map[string]any{"resource": local.Resource, "stopOnEntry": true}))
	must(t, editor.ConfigurationDone(ctx))
	stopped, err := editor.WaitStopped(ctx)
	must(t, err)
	if stopped.Reason != "entry" {
		t.Errorf("stopped for %q, want entry", stopped.Reason)
	}
	must(t, editor.Continue(ctx, stopped.ThreadID))
	must(t, host.Say("x"))
	if got, err := host.Answer(ctx); err != nil || got != "hello x, 2\n" {
		t.Errorf("the program said %q, %v", got, err)
	}
}

// Two services are debugged at once; what one does is nothing to the other.
func TestTwoAtOnce(t *testing.T) {
	ctx := within(t)
	dir, binary := greeter(t)
	file := filepath.Join(dir, mainFile)
	hosts := []*local.Host{start(t, binary), start(t, binary)}
	var editors []*daptest.Client
	for _, h := range hosts {
		editors = append(editors, serve(t, h, dir))
		attach(t, ctx, editors[len(editors)-1], file, greetLine)
	}
	must(t, hosts[0].Say("one"))
	stopped := wantStop(t, ctx, editors[0], file, greetLine, "text", `"hello one"`)
	must(t, hosts[1].Restart(ctx, ""))
	must(t, editors[1].Event(ctx, "invalidated", nil, nil))
	must(t, hosts[1].Say("two"))
	wantStop(t, ctx, editors[1], file, greetLine, "text", `"hello two"`)

	// Many requests at once get each its own answer.
	frames, err := editors[0].StackTrace(ctx, stopped.ThreadID)
	must(t, err)
	var asked sync.WaitGroup
	for range 20 {
		asked.Go(func() {
			got, err := editors[0].Evaluate(ctx, frames[0].ID, "v.name")
			if err != nil || got != `"one"` {
				t.Errorf("v.name = %s, %v", got, err)
			}
		})
		asked.Go(func() {
			if threads, err := editors[0].Threads(ctx); err != nil || len(threads) == 0 {
				t.Errorf("threads: %v, %v", threads, err)
			}
		})
	}
	asked.Wait()
}
