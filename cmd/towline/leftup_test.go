package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/daemon"
)

// TestLeftUp asks every command that starts no daemon, after one was killed: all
// say the same, and what goes on from there.
func TestLeftUp(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	e, err := os.Create("Tiltfile")
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	endpoint, _, err := new(workspaceFlags).find()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(endpoint.State, 0o700); err != nil {
		t.Fatal(err)
	}
	remember := func(record string) {
		if err := os.WriteFile(filepath.Join(endpoint.State, "state.json"), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	remember(`{"up": {"context": "kind-dev", "namespace": "dev", "ci": true}}`)
	if left := leftUp(endpoint); left == nil || !strings.Contains(left.Message, "`towline ci` has ended, and what it applied may still be there in context kind-dev") {
		t.Errorf("after ci: %v", left)
	}
	remember(`{"up": {"context": "kind-dev", "namespace": "dev"}}`)
	if daemon.Remembered(endpoint) == nil {
		t.Fatal("nothing is remembered")
	}
	for _, args := range []string{
		"wait", "logs", "logs -f", "trigger web", "restart web", "enable web", "disable web", "args", "args -- --env=dev", "watch --json",
	} {
		root := rootCommand()
		root.SetArgs(strings.Fields(args))
		err := root.ExecuteContext(t.Context())
		if err == nil || !strings.Contains(err.Error(), "the daemon does not run, and the project is up in context kind-dev, namespace dev") {
			t.Errorf("towline %s: %v", args, err)
		}
	}
}
