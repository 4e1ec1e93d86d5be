package bridge_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/internal/podtest"
)

const nodeSource = `const begun = 'began';
function greet(name) {
  const text = 'hello ' + name;
  const twice = 2 * name.length;
  return text + ', ' + twice;
}
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  console.log(greet(line));
});
`

// nodeFile writes the program and returns Node.js, its folder and it.
func nodeFile(t *testing.T) (node, dir, file string) {
	t.Helper()
	node = podtest.Need(t, "node")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	file = filepath.Join(dir, "app.js")
	must(t, os.WriteFile(file, []byte(nodeSource), 0o644))
	t.Setenv("NODE_OPTIONS", "--inspect-port=0") // other tests have Node.js too
	return node, dir, file
}

// A program of Node.js that runs is joined as it is; breakpoints outlive its
// processes, and it runs on when the session ends.
func TestNode(t *testing.T) {
	ctx := within(t)
	node, dir, file := nodeFile(t)
	p := inPod(t, node, file)
	p.say(t, "before", "hello before, 12")
	before := p.server.App().Status().PID
	editor := serve(t, p, dir)
	set := attach(t, ctx, editor, file, 4)
	if len(set) != 1 || !set[0].Verified {
		t.Errorf("breakpoints: %+v", set)
	}
	var caps struct{ Capabilities map[string]any }
	must(t, editor.Event(ctx, "capabilities", nil, &caps))
	if filters, _ := caps.Capabilities["exceptionBreakpointFilters"].([]any); len(filters) != 2 || caps.Capabilities["supportsRestartRequest"] != true {
		t.Errorf("capabilities: %v", caps.Capabilities)
	}
	for round, name := range []string{"one", "after a crash", "after Restart"} {
		p.say(t, name, "")
		stopped := wantStop(t, ctx, editor, file, 4, "text", "'hello "+name+"'")
		if now := p.server.App().Status().PID; round == 0 && now != before {
			t.Errorf("the process is %d, and was %d", now, before)
		}
		must(t, editor.Next(ctx, stopped.ThreadID))
		stopped = wantStop(t, ctx, editor, file, 5, "text", "'hello "+name+"'")
		must(t, editor.Continue(ctx, stopped.ThreadID))
		if _, err := p.out.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		switch round {
		case 0:
			_, err := p.Signal(ctx, "SIGKILL")
			must(t, err)
		case 1:
			must(t, editor.Call(ctx, "restart", nil, nil))
		}
		if round < 2 {
			must(t, editor.Event(ctx, "invalidated", nil, nil))
		}
	}
	must(t, editor.Disconnect(ctx))
	p.say(t, "free", "hello free, 8")
}

// A program that is launched stands in its first line, and its later processes
// are not held by what held it.
func TestNodeLaunched(t *testing.T) {
	ctx := within(t)
	node, dir, file := nodeFile(t)
	p := inPod(t, node, file)
	p.say(t, "before", "hello before, 12")
	editor := serve(t, p, dir)
	_, err := editor.Initialize(ctx)
	must(t, err)
	must(t, editor.Launch(ctx, map[string]any{"resource": "api"}))
	_, err = editor.SetBreakpoints(ctx, file, 1)
	must(t, err)
	must(t, editor.ConfigurationDone(ctx))
	stopped := wantStop(t, ctx, editor, file, 1, "begun", "undefined")
	must(t, editor.Continue(ctx, stopped.ThreadID))
	p.say(t, "one", "hello one, 6")
	must(t, editor.Disconnect(ctx))
	_, err = p.Client.Restart(ctx, wire.StartOptions{})
	must(t, err)
	p.say(t, "two", "hello two, 6")
}

// What a watcher runs is debugged, each time that it runs it anew.
func TestNodeBehindAWatcher(t *testing.T) {
	ctx := within(t)
	node, dir, file := nodeFile(t)
	watcher := filepath.Join(dir, "node_modules", "nodemon", "bin", "nodemon.js")
	must(t, os.MkdirAll(filepath.Dir(watcher), 0o755))
	must(t, os.WriteFile(watcher, []byte(`const run = () => require('child_process').spawn(process.execPath, [process.argv[2]], { stdio: 'inherit' }).on('exit', run);
run();
`), 0o644))
	p := inPod(t, node, watcher, file)
	p.say(t, "before", "hello before, 12")
	editor := serve(t, p, dir)
	attach(t, ctx, editor, file, 4)
	wantSaid(t, ctx, editor, "node", "which the container's process")
	for round := range 2 {
		p.say(t, "x", "")
		stopped := wantStop(t, ctx, editor, file, 4, "text", "'hello x'")
		if round == 0 {
			frames, err := editor.StackTrace(ctx, stopped.ThreadID)
			must(t, err)
			_, err = editor.Evaluate(ctx, frames[0].ID, "process.kill(process.pid, 'SIGKILL')")
			if err == nil {
				t.Error("the program answers though it ended")
			}
			must(t, editor.Event(ctx, "invalidated", nil, nil))
			continue
		}
		must(t, editor.Continue(ctx, stopped.ThreadID))
		p.say(t, "", "hello x, 2")
		stopped = wantStop(t, ctx, editor, file, 4, "text", "'hello '")
		must(t, editor.Continue(ctx, stopped.ThreadID))
	}
	must(t, editor.Disconnect(ctx))
}

// A program that stands in a session whose editor is gone runs on.
func TestNodeWhenTheEditorGoes(t *testing.T) {
	ctx := within(t)
	node, dir, file := nodeFile(t)
	p := inPod(t, node, file)
	p.say(t, "before", "hello before, 12")
	editor := serve(t, p, dir)
	attach(t, ctx, editor, file, 4)
	p.say(t, "x", "")
	wantStop(t, ctx, editor, file, 4, "text", "'hello x'")
	editor.Close()
	if got, err := p.out.ReadString('\n'); err != nil || got != "hello x, 2\n" {
		t.Errorf("the program said %q, %v", got, err)
	}
	again := serve(t, p, dir) // its inspector is open already
	attach(t, ctx, again, file, 4)
	p.say(t, "y", "")
	stopped := wantStop(t, ctx, again, file, 4, "text", "'hello y'")
	must(t, again.Continue(ctx, stopped.ThreadID))
}
