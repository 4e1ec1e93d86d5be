package lsp

import (
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestOutputIsShownInItsFile has a compile fail, with a file of the workspace
// and one of elsewhere in its output, and mends it.
func TestOutputIsShownInItsFile(t *testing.T) {
	fake, _ := watchedDaemon(1)
	began := time.Now()
	fake.logLines = []api.LogLine{
		{Time: began.Add(-time.Hour), Resource: "compile", Source: api.LogBuild, Text: "src/main.go:1:1: of an earlier run"},
		{Time: began.Add(time.Second), Resource: "compile", Source: api.LogBuild, Text: "src/main.go:2:3: undefined: y"},
		{Time: began.Add(time.Second), Resource: "compile", Source: api.LogBuild, Text: "/usr/local/go/none.go:2:3: elsewhere"},
		{Time: began.Add(time.Second), Resource: "compile", Source: api.LogRuntime, Text: "src/main.go:3:1: said by the program"},
	}
	set := tilt(&daemons{running: fake})
	set.files["src/main.go"] = "package main\nx = y\n"
	h := open(t, set)
	fail := func(s *api.Status) {
		s.Up = true
		s.Resources = []api.ResourceStatus{{
			Name: "compile", State: api.StateError, Pos: config.Position{File: h.path("Tiltfile"), Line: 1, Col: 1},
			Problem: &config.Problem{Message: "exit status 1"}, LastUpdate: &api.Update{Kind: "failed local", Began: began},
		}}
	}
	fake.set(fail)
	got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("src/main.go") })
	if len(got.Diagnostics) != 1 || got.Diagnostics[0].Message != "compile: undefined: y" || got.Diagnostics[0].Range.Start.Line != 1 {
		t.Errorf("got %+v", got.Diagnostics)
	}
	fake.set(func(s *api.Status) {
		s.Resources[0].State, s.Resources[0].Problem = api.StateDone, nil
	})
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("src/main.go") && len(d.Diagnostics) == 0 })
}

// TestTheClusterIsNotTheTiltfiles loses the cluster: nothing of that is said of
// a file.
func TestTheClusterIsNotTheTiltfiles(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	h.didOpen("Tiltfile", "tiltfile", "x = 1\n")
	fake.set(func(s *api.Status) {
		s.Up, s.Tiltfile = true, h.path("Tiltfile")
		s.Cluster.Problem = &config.Problem{Message: "connection refused"}
		s.Resources = []api.ResourceStatus{{
			Name: "web", State: api.StateUnknown, Pos: config.Position{File: h.path("Tiltfile"), Line: 1, Col: 1}, Problem: &config.Problem{Message: "connection refused"},
		}}
		s.Config.Warnings = []config.Problem{{Message: "the last", Pos: config.Position{File: h.path("Tiltfile"), Line: 1, Col: 1}}}
	})
	got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return len(d.Diagnostics) > 0 })
	if len(got.Diagnostics) != 1 || got.Diagnostics[0].Message != "the last" {
		t.Errorf("got %+v", got.Diagnostics)
	}
}
