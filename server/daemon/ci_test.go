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

// TestForABuildServer follows `towline ci`: the Tiltfile is told, saves change
// nothing, the next daemon does not go on with it, and who develops is not
// disturbed.
func TestForABuildServer(t *testing.T) {
	s := upServers(t)
	s.reach("one:ready two:ready three:ready")
	if code, p := s.post(api.RouteUp, `{"ci":true}`); code == 200 || !strings.Contains(p.Message, "for whoever develops it") {
		t.Errorf("while it is up: %d %+v", code, p)
	}
	s.queue.put(func(c *core) { c.store.record.Up.CI = true })
	if code, p := s.post(api.RouteUp, `{"ci":true}`); code != 200 {
		t.Fatalf("again: %d %+v", code, p)
	}
	status := s.await("its limits are told", func(s *api.Status) bool { return s.Config.CI != nil })
	if phases(status) != "one:ready two:ready three:ready" {
		t.Error(phases(status))
	}
	type seen struct {
		told   string
		again  bool
		goesOn bool
	}
	now, err := in(bounded(t), s.Daemon, func(c *core, answer func(seen, error)) {
		before := c.tiltfile.serial
		c.hint([]string{c.session.tiltfile(c.o.Endpoint.Workspace)}, true)
		answer(seen{told: c.requests.subcommandFor(c.session.runner != nil, c.session.request.CI), again: c.tiltfile.serial != before, goesOn: c.store.record.resumes() != nil}, nil)
	})
	if err != nil || now.told != "ci" || now.again || now.goesOn {
		t.Errorf("told %q, evaluated for a save: %v, resumed by the next daemon: %v, %v", now.told, now.again, now.goesOn, err)
	}
	// Whoever develops goes on from there.
	if code, p := s.post(api.RouteUp, `{}`); code != 200 {
		t.Fatalf("up after it: %d %+v", code, p)
	}
	s.await("no limits", func(s *api.Status) bool { return s.Config.CI == nil })
	goesOn, err := in(bounded(t), s.Daemon, func(c *core, answer func(bool, error)) { answer(c.store.record.resumes() != nil, nil) })
	if err != nil || !goesOn {
		t.Errorf("the next daemon does not go on with up: %v", err)
	}
}

// TestABuildServerWaitsForNoDeveloper: neither may one take over what somebody is
// just bringing up, which would end with it.
func TestABuildServerWaitsForNoDeveloper(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := newStand(t)
	if err := os.WriteFile(filepath.Join(s.o.Endpoint.Workspace, "Tiltfile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	begun, gate := make(chan struct{}, 2), make(chan struct{})
	s.evaluates(func(ctx context.Context, e Evaluation) *config.Project {
		begun <- struct{}{}
		select {
		case <-gate:
		case <-ctx.Done():
		}
		p := servers(e.Args)
		p.Tiltfile, p.ConfigFiles = e.Tiltfile, []string{e.Tiltfile}
		return p
	})
	developer := make(chan error, 1)
	s.queue.put(func(c *core) { c.up(api.UpRequest{}, func(err error) { developer <- err }) })
	receive(t, begun, "the evaluation")
	if code, p := s.post(api.RouteUp, `{"ci":true}`); code == 200 || !strings.Contains(p.Message, "is being brought up, for whoever develops it") {
		t.Errorf("a build server's: %d %+v", code, p)
	}
	close(gate)
	status := s.reach("one:ready two:ready three:ready")
	if err := receive(t, developer, "its answer"); err != nil || status.Config.CI != nil {
		t.Errorf("the developer's: %v, limits %+v", err, status.Config.CI)
	}
}
