package lsp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func TestPlacesInOutput(t *testing.T) {
	got := placesIn([]string{
		"# example.com/api",
		"./main.go:48:2: syntax error: unexpected }",
		"#12 0.532 \x1b[31mcmd/x.go:3:1: undefined: y\x1b[0m",
		"lib.c:7: error: no",
		"src/a.ts(3,5): error TS2304: Cannot find name 'x'.",
		"error[E0425]: cannot find value `x`",
		" --> src/main.rs:2:5",
		"./main.go:48:2: syntax error: unexpected }", // once more
		"12:30:01: not a file", "http://localhost:8080/x.go: no", "step 3/4 : RUN go build", "see main.go:0:0: no line",
	})
	want := []namedPlace{
		{"./main.go", 48, 2, "syntax error: unexpected }"}, {"cmd/x.go", 3, 1, "undefined: y"}, {"lib.c", 7, 0, "error: no"},
		{"src/a.ts", 3, 5, "error TS2304: Cannot find name 'x'."}, {"src/main.rs", 2, 5, "error[E0425]: cannot find value `x`"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(namedPlace{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

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
