package daemon

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/eval"
)

// TestLookFindsWhatNobodyToldOf: when it answers, the status shows what was written
// before, also by a way of which the system tells nothing: through another name.
func TestLookFindsWhatNobodyToldOf(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := newStand(t)
	source, other := filepath.Join(s.o.Endpoint.Workspace, "source"), filepath.Join(t.TempDir(), "other")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	look := func() *api.Status {
		t.Helper()
		if code, problem := s.post(api.RouteLook, ""); code != http.StatusOK {
			t.Fatalf("%d, %v", code, problem.Message)
		}
		status, _ := s.published.now()
		return status
	}
	look() // nothing is up: it has no files
	write(source, "0")
	if err := os.Link(source, other); err != nil {
		t.Skip("no hard links here:", err)
	}
	write(filepath.Join(s.o.Endpoint.Workspace, "Tiltfile"), "local_resource('compile', 'sleep 0.05', deps=['source'])")
	s.evaluates(func(ctx context.Context, e Evaluation) *config.Project {
		return eval.Eval(ctx, eval.Options{Tiltfile: e.Tiltfile, Subcommand: e.Subcommand, Kube: &eval.Kube{}, Env: os.Environ(), Log: e.Log})
	})
	_, err := in(bounded(t), s.Daemon, func(c *core, answer func(int, error)) {
		c.up(api.UpRequest{}, func(err error) { answer(0, err) })
	})
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		s.await("the end of the command", func(st *api.Status) bool { return len(st.Resources) > 0 && api.Settled(st, "compile") })
		before, _ := s.published.now()
		write(other, fmt.Sprint("round ", round))
		after := look()
		if api.Settled(after, "compile") && after.Resources[0].LastUpdate.Began.Equal(before.Resources[0].LastUpdate.Began) {
			t.Fatalf("round %d: it was looked at, and compile is %s still", round, after.Resources[0].Text)
		}
	}
}
