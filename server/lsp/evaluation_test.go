package lsp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/protocol"
	"github.com/towline-dev/towline/starlark/config"
)

// failing sets what a daemon says when the evaluation failed at a place, with
// the line that it quotes.
func failing(s *api.Status, message, file string, line, col int, text string) {
	pos := config.Position{File: file, Line: line, Col: col}
	s.Config.EvaluatedAt = s.Config.EvaluatedAt.Add(time.Second)
	s.Config.Error = &config.Problem{Message: message, Pos: pos, Stack: []config.Frame{{Name: "<toplevel>", Pos: pos, Text: text}}}
}

// TestEvaluationColumns marks a call behind wide characters: the interpreter
// counts characters, the client what it asked for.
func TestEvaluationColumns(t *testing.T) {
	const line = "é = '😀'; local('false')"
	for encoding, want := range map[string][2]int{"utf-8": {13, 18}, "utf-16": {10, 15}, "utf-32": {9, 14}} {
		t.Run(encoding, func(t *testing.T) {
			fake, _ := watchedDaemon(1)
			set := tilt(&daemons{running: fake})
			set.capabilities = fmt.Sprintf(`{"general":{"positionEncodings":[%q]},"textDocument":{"publishDiagnostics":{"relatedInformation":true}}}`, encoding)
			h := open(t, set)
			h.didOpen("Tiltfile", "tiltfile", line+"\n")
			fake.set(func(s *api.Status) { failing(s, "exit status 1", h.path("Tiltfile"), 1, 15, line) })
			got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return has(d, "evaluation") }).Diagnostics[0]
			if r := got.Range; r.Start.Character != want[0] || r.End.Character != want[1] {
				t.Errorf("marked %+v, want %v", r, want)
			}
			if r := got.Related[0].Location.Range; r.Start.Character != want[0] || r.End.Character != want[1] {
				t.Errorf("related %+v, want %v", r, want)
			}
		})
	}
}

// TestEvaluationProblemMovesWithItsLine saves a file with a line more than was
// evaluated: what the evaluation said belongs to the line, not to its number.
func TestEvaluationProblemMovesWithItsLine(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	h.didOpen("Tiltfile", "tiltfile", "x = 1\nlocal('false')\ny = 2\n")
	fake.set(func(s *api.Status) { failing(s, "no", h.path("Tiltfile"), 2, 6, "local('false')") })
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return has(d, "evaluation") })
	at := func(version, line int) {
		t.Helper()
		got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.Version == version && has(d, "evaluation") })
		if len(got.Diagnostics) != 1 || got.Diagnostics[0].Range.Start.Line != line {
			t.Errorf("version %d: %+v, want line %d", version, got.Diagnostics, line)
		}
	}
	h.edit("Tiltfile", 2, "# new\n", 0, 0, 0, 0)
	at(2, 2)
	h.didSave("Tiltfile")
	h.edit("Tiltfile", 3, "", 0, 0, 1, 0)
	h.didSave("Tiltfile")
	h.edit("Tiltfile", 4, "# again\n", 0, 0, 0, 0)
	at(4, 2)
	// An evaluation that ends after a later save quotes the line.
	h.didSave("Tiltfile")
	fake.set(func(s *api.Status) { failing(s, "still no", h.path("Tiltfile"), 2, 6, "local('false')") })
	got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool {
		return len(d.Diagnostics) > 0 && d.Diagnostics[0].Message == "still no"
	})
	if got.Diagnostics[0].Range.Start.Line != 2 {
		t.Errorf("%+v, want line 2", got.Diagnostics)
	}
}

// TestEvaluationRepeatsTheText evaluates what the text shows to be wrong.
func TestEvaluationRepeatsTheText(t *testing.T) {
	fake, _ := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	h.didOpen("Tiltfile", "tiltfile", "local('x', silent=True)\nx = local('y')\n")
	fake.set(func(s *api.Status) {
		failing(s, "local: unexpected keyword argument", h.path("Tiltfile"), 1, 6, "local('x', silent=True)")
		s.Config.Warnings = []config.Problem{{Message: "careful", Pos: config.Position{File: h.path("Tiltfile"), Line: 2, Col: 10}}}
	})
	got := await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return has(d, "evaluation") })
	if len(got.Diagnostics) != 2 || !has(got, "unknown-argument") {
		t.Errorf("got %+v", got.Diagnostics)
	}
}

// TestMissingFileIsToldOnce evaluates what names a file that is not there, which
// the text suspects by itself: the better words stay, and are an error.
func TestMissingFileIsToldOnce(t *testing.T) {
	for _, text := range []string{"k8s_yaml('gone.yaml')\n", "load('gone.yaml', 'x')\nx()\n", "include('./gone.yaml')\n"} {
		line, _, _ := strings.Cut(text, "\n")
		fake, _ := watchedDaemon(1)
		h := open(t, tilt(&daemons{running: fake}))
		h.didOpen("Tiltfile", "tiltfile", text)
		fake.set(func(s *api.Status) {
			failing(s, "cannot read gone.yaml: no such file or directory", h.path("Tiltfile"), 1, 9, line)
		})
		await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool {
			return len(d.Diagnostics) == 1 && d.Diagnostics[0].Code != "evaluation" && d.Diagnostics[0].Severity == 1
		})
		fake.set(func(s *api.Status) { failing(s, "another fault", h.path("Tiltfile"), 1, 9, line) })
		await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return len(d.Diagnostics) == 2 && has(d, "evaluation") })
	}
}

// TestOneProblemOfTwoProjects opens a file that two projects read.
func TestOneProblemOfTwoProjects(t *testing.T) {
	d := newDiagnoser(nil)
	now := time.Now()
	one := func(line int, at time.Time) []finding {
		return []finding{{problem: config.Problem{Message: "no", Pos: config.Position{File: "/w/b/Tiltfile", Line: line}}, at: at}}
	}
	d.findings["/w"], d.findings["/w/b"] = one(2, now), one(3, now.Add(time.Second))
	if got := d.findingsOf("/w/b/Tiltfile"); len(got) != 1 || got[0].problem.Pos.Line != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestSaveOfAFileThatIsNotOpen(t *testing.T) {
	fake, asked := watchedDaemon(1)
	h := open(t, tilt(&daemons{running: fake}))
	await(h, protocol.MethodStatus, func(s protocol.StatusParams) bool { return s.Connected })
	h.didSave("main.go")
	h.until("the hint", asked, func() bool { return strings.Contains(strings.Join(fake.calls(), "\n"), "main.go") })
	h.didOpen("Tiltfile", "tiltfile", "x = 1\n")
	await(h, "textDocument/publishDiagnostics", func(d diagnostics) bool { return d.URI == h.uri("Tiltfile") })
	if log := h.log.String(); strings.Contains(log, "not open") {
		t.Errorf("the log has %s", log)
	}
}
