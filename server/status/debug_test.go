package status

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/agent/wire"
	"github.com/towline-dev/towline/starlark/config"
)

// TestNoDebug: a face offers a debugger where one can attach, or may later.
func TestNoDebug(t *testing.T) {
	s := newScene(t, func(p *config.Project) {
		p.Resources[2].Objects = []string{"migrate:Job:default:batch", "settings:ConfigMap:default:"}
	})
	s.runs()
	process := func(language string) Target {
		return Target{Process: wire.Process{State: wire.StateRunning, PID: 7, Language: language}}
	}
	for _, test := range []struct {
		resource int
		of       Target
		want     string
	}{
		{0, Target{}, "on this machine"},
		{1, Target{}, ""},
		{1, process("Go"), ""},
		{1, process(""), ""}, // not known yet
		{1, process("Python"), ""},
		{1, process("Ruby"), "a program in Ruby"},
		{2, Target{}, "is a Job"},
		{4, Target{}, "no image"},
	} {
		s.f.Targets[web1] = test.of
		got := ""
		if p := s.status().Resources[test.resource].NoDebug; p != nil {
			got = p.Message
			if p.Hint == "" {
				t.Errorf("%q names no next step", got)
			}
		}
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("resource %d with %+v: %q, want %q", test.resource, test.of.Process, got, test.want)
		}
	}
}
