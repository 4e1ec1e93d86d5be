package daemon

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/eval"
)

// TestNothingRunsUnasked follows a Tiltfile from the editor that opens it to
// the person who wants it to run, and on.
func TestNothingRunsUnasked(t *testing.T) {
	s := newTiltStand(t, "load('lib.star', 'f')\nf(config.tilt_subcommand)\nlocal_resource('a', 'true')\n")
	s.write("lib.star", "def f(told):\n  local('echo %s >> ran' % told)\n")
	s.evaluates(func(ctx context.Context, e Evaluation) *config.Project {
		s.count.Add(1)
		return eval.Eval(ctx, eval.Options{Tiltfile: e.Tiltfile, Subcommand: e.Subcommand, Kube: &eval.Kube{}, Env: os.Environ(), Log: e.Log, Allowed: e.Allowed})
	})
	ran := func() []string {
		data, _ := os.ReadFile(s.path("ran"))
		return strings.Fields(string(data))
	}
	check := func(what string, held bool, want ...string) {
		t.Helper()
		status, _ := s.published.now()
		if got := status.Config.Held != nil; got != held || status.Config.Error != nil {
			t.Errorf("%s: held %v, error %v", what, got, status.Config.Error)
		}
		if got := ran(); !slices.Equal(got, want) {
			t.Errorf("%s: it ran for %q, want %q", what, got, want)
		}
	}
	saved := func(name, text string) {
		before := s.count.Load()
		s.write(name, text)
		s.queue.put(func(c *core) { c.hint([]string{s.path(name)}, true) })
		s.until("it is evaluated", func() bool { return s.count.Load() > before })
		s.settle() // the status says so by now
		s.await("the evaluation ends", func(status *api.Status) bool { return !status.Config.Evaluating })
	}
	if p := s.project(); len(p.Resources) != 1 || p.Error == nil || p.Error.Cause != config.CauseHeld {
		t.Errorf("an editor sees %+v", p)
	}
	s.await("the evaluation is told", func(status *api.Status) bool { return status.Config.Held != nil })
	check("opened", true)
	saved("Tiltfile", "load('lib.star', 'f')\nf(config.tilt_subcommand)\nlocal_resource('b', 'true')\n")
	check("saved", true)
	if code, problem := s.post(api.RouteAllow, ""); code != http.StatusOK {
		t.Fatalf("allowing: %v", problem)
	}
	check("allowed", false, "up")
	saved("Tiltfile", "load('lib.star', 'f')\nf(config.tilt_subcommand)\nlocal_resource('c', 'true')\n")
	check("saved with other content", true, "up")
	saved("Tiltfile", "load('lib.star', 'f')\nf(config.tilt_subcommand)\nlocal_resource('b', 'true')\n")
	check("as it was allowed", false, "up", looking)
	saved("lib.star", "def f(told):\n  local('echo worse >> ran')\n")
	check("what it loads is another", true, "up", looking)
}

// project asks as an editor does.
func (s *stand) project() *config.Project {
	s.t.Helper()
	var p *config.Project
	if err := json.Unmarshal([]byte(s.ask("GET "+api.RouteProject, "")), &p); err != nil {
		s.t.Fatal(err)
	}
	return p
}
