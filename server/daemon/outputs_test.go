package daemon

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/eval"
)

// TestWhatReadsOutputsRunsOnce: a command that reads what another one declares to
// write comes after it, though it may run beside it, and once for each run,
// however long the other takes and in how many pieces it writes.
func TestWhatReadsOutputsRunsOnce(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := newStand(t)
	dir := s.o.Endpoint.Workspace
	path := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(path("out"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("src", "1")
	write("go1", "")
	write("Tiltfile", `
local_resource('pack', '(cat out/*; echo) >> packed', deps=['out'], allow_parallel=True)
local_resource('compile', 'cp src out/a; cp src out/b; until [ -e go$(cat src) ]; do sleep 0.01; done; cp src out/c', deps=['src', 'out'], outputs=['out'])
`)
	s.evaluates(func(ctx context.Context, e Evaluation) *config.Project {
		return eval.Eval(ctx, eval.Options{Tiltfile: e.Tiltfile, Subcommand: e.Subcommand, Kube: &eval.Kube{}, Env: os.Environ(), Log: e.Log})
	})
	_, err := in(bounded(t), s.Daemon, func(c *core, answer func(int, error)) {
		c.up(api.UpRequest{}, func(err error) { answer(0, err) })
	})
	if err != nil {
		t.Fatal(err)
	}
	packed := func(want string) {
		t.Helper()
		var got []byte
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if got, _ = os.ReadFile(path("packed")); string(got) == want {
				return
			}
		}
		t.Fatalf("packed %q, want %q", got, want)
	}
	packed("111\n")
	for _, n := range []string{"2", "3"} {
		write("src", n)
		s.queue.put(func(c *core) { c.hint([]string{path("src")}, true) })
		for owes := false; !owes; {
			owes, err = in(bounded(t), s.Daemon, func(c *core, answer func(bool, error)) {
				r := c.state.Resource("compile")
				answer(r.Working && r.Deferred["pack"], nil)
			})
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := os.ReadFile(path("packed")); len(text) > 4*int(n[0]-'1') {
				t.Fatalf("while compile runs, packed %q", text)
			}
		}
		write("go"+n, "")
		packed("111\n222\n333\n"[:4*int(n[0]-'0')])
	}
	runs, _ := in(bounded(t), s.Daemon, func(c *core, answer func(engine.Resource, error)) { answer(c.state.Resource("compile"), nil) })
	if runs.Working || runs.Dirty > runs.Ran {
		t.Errorf("what compile writes below its own deps runs it again: %+v", runs)
	}
}
