package daemon

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestHintOfABrokenTiltfile: to save it goes on with what is up, and brings up
// nothing of what is not.
func TestHintOfABrokenTiltfile(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := newStand(t)
	if err := os.WriteFile(filepath.Join(s.o.Endpoint.Workspace, "Tiltfile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := &config.Problem{Message: "no such name"}
	s.evaluates(func(_ context.Context, e Evaluation) *config.Project {
		p := servers(nil)
		p.Tiltfile, p.ConfigFiles, p.Error = e.Tiltfile, []string{e.Tiltfile}, nil
		if broken != nil {
			again := *broken
			again.Pos.File, p.Error = e.Tiltfile, &again
		}
		return p
	})
	hint := func() string {
		code, p := s.post(api.RouteUp, `{}`)
		if code == 200 {
			t.Fatal("it is brought up")
		}
		return p.Hint
	}
	if got, want := hint(), "mend the Tiltfile and run `towline up` again"; got != want {
		t.Errorf("nothing is up: %q, want %q", got, want)
	}
	was := broken
	broken = nil
	if code, p := s.post(api.RouteUp, `{}`); code != 200 {
		t.Fatal(p)
	}
	broken = was
	if got, want := hint(), "it is read again as soon as it is saved"; !strings.Contains(got, want) {
		t.Errorf("while it is up: %q, want that %q", got, want)
	}
}
