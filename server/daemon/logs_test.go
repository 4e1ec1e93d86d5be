package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/logs"
	"github.com/towline-dev/towline/starlark/config"
)

func runtimeLine(resource, pod, text string) api.LogLine {
	return api.LogLine{Time: time.Now(), Resource: resource, Source: api.LogRuntime, Pod: pod, Container: "app", Text: text}
}

// TestLogsAreServedThroughAFilter: by the route, the lines that match alone.
func TestLogsAreServedThroughAFilter(t *testing.T) {
	s := newStand(t)
	s.evaluates(func(context.Context, Evaluation) *config.Project {
		return &config.Project{Resources: []config.Resource{{Name: "api", Labels: []string{"back"}}, {Name: "web"}}}
	})
	s.evaluate()
	s.logs.Add(runtimeLine("api", "api-1", `{"level":"error","msg":"no db","try":2}`))
	s.logs.Add(runtimeLine("api", "api-1", "fine"))
	s.logs.Add(runtimeLine("web", "web-1", "ERROR too"))
	var l api.LogLine
	answer := s.ask("POST "+api.RouteLogs, `{"labels": ["back"], "level": "warn"}`)
	if err := json.Unmarshal([]byte(answer), &l); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	if l.Message != "no db" || l.Level != "error" || !cmp.Equal(l.Fields, []api.LogField{{Key: "try", Value: "2"}}) {
		t.Errorf("%+v", l)
	}
	for _, refused := range []string{`{"resources": ["nope"]}`, `{"labels": ["front"]}`, `{"level": "loud"}`, `{"regex": "("}`, `{"run": 99}`, `{"since_save": true}`} {
		var f api.Failure
		if answer := s.ask("POST "+api.RouteLogs, refused); json.Unmarshal([]byte(answer), &f) != nil || f.Problem.Message == "" || f.Problem.Hint == "" {
			t.Errorf("%s: %s", refused, answer)
		}
	}
	var f api.Failure
	if answer := s.ask("POST "+api.RouteWatch, `{"topics": ["logs"], "logs": {"resources": ["nope"]}}`); json.Unmarshal([]byte(answer), &f) != nil || !strings.Contains(f.Problem.Hint, "api and web") {
		t.Errorf("a topic of no resource: %s", answer)
	}
}

// TestLogsOutliveADaemon: what one logged another serves, also of the run before.
func TestLogsOutliveADaemon(t *testing.T) {
	e := api.Endpoint{Workspace: t.TempDir(), State: t.TempDir()}
	o := Options{Endpoint: e}
	first := openLogs(o)
	first.Add(runtimeLine("web", "web-1", "of the first run"))
	first.Begin()
	first.Add(runtimeLine("web", "web-1", "of the second"))
	first.Close()
	s := newStand(t)
	s.logs.Close()
	s.logs = openLogs(o)
	for body, want := range map[string]string{`{"run": -1}`: "of the first run", `{}`: "of the second"} {
		if answer := s.ask("POST "+api.RouteLogs, body); strings.Count(answer, "\n") != 1 || !strings.Contains(answer, want) {
			t.Errorf("%s: %s", body, answer)
		}
	}
	// The daemon has evaluated nothing, and lines of web are kept.
	if answer := s.ask("POST "+api.RouteLogs, `{"resources": ["we*"]}`); !strings.Contains(answer, "of the second") {
		t.Errorf("by name: %s", answer)
	}
	s.evaluates(func(context.Context, Evaluation) *config.Project {
		return &config.Project{Resources: []config.Resource{{Name: "api"}}}
	})
	s.evaluate() // web has left the Tiltfile
	if answer := s.ask("POST "+api.RouteLogs, `{"resources": ["web"]}`); !strings.Contains(answer, "of the second") {
		t.Errorf("of a resource that left: %s", answer)
	}
	if answer := s.ask("POST "+api.RouteLogs, `{"resources": ["nope"]}`); !strings.Contains(answer, "no resource") {
		t.Errorf("of none: %s", answer)
	}
	if info, err := os.Stat(LogFolder(e)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v %v", info, err)
	}
}

// TestWhoseCodeRuns: a save's number is that of the change, not of the update
// that brought it, and a container that starts anew has what its image has.
func TestWhoseCodeRuns(t *testing.T) {
	s := newStand(t)
	id := engine.TargetID{Pod: "web-1", Container: "app"}
	sv := saves{log: s.logs}
	var state engine.State
	var live engine.Live
	step := func(e engine.Event) {
		next, effects := engine.Step(state, e)
		sv.follow(&state, &next, e)
		state = next
		for _, effect := range effects {
			sv.begins(&state, effect)
			if l, is := effect.(engine.Live); is {
				live = l
			}
		}
	}
	save := func(e engine.Changed) uint64 {
		n := state.Batch + 1
		sv.saved(n)
		step(e)
		return n
	}
	n := 0
	says := func(want uint64) {
		t.Helper()
		n++
		s.logs.Add(runtimeLine("web", "web-1", fmt.Sprint(n)))
		lines := s.logged()
		if l := lines[len(lines)-1]; l.Text != fmt.Sprint(n) || l.Save != want {
			t.Errorf("line %d is of save %d, want %d", n, l.Save, want)
		}
	}
	seen := func(instance string) {
		step(engine.Observed{Resource: "web", Ready: true, Targets: []engine.Seen{{ID: id, Image: "img", Pushed: "img:1", Instance: instance, Running: true}}})
		step(engine.Attached{Target: id, Instance: instance})
		step(engine.LiveDone{Target: id, Batch: live.Batch})
	}
	changed := engine.Changed{Images: map[string][]string{"img": {"/w/web/a"}}}
	step(engine.Configured{Project: &config.Project{
		Images:    []config.Image{{Ref: "img", Builder: config.BuilderDocker, Deps: []string{"/w/web"}, LiveUpdate: []config.Step{{Kind: config.StepSync, Local: "/w/web", Remote: "/web"}}}},
		Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Enabled: true, AutoInit: true, Images: []string{"img"}}, {Name: "tool", Enabled: true, AutoInit: true, Kind: config.KindLocal, Local: &config.Local{}}},
	}})
	first := save(changed)
	step(engine.Wanted{})
	step(engine.Built{Ref: "img", Pushed: "img:1"})
	step(engine.Applied{Resource: "web"})
	says(0)
	seen("a")
	says(first)
	second := save(changed)
	says(first) // it is not there yet
	if live.Batch == 0 {
		t.Fatal("nothing is sent")
	}
	step(engine.LiveDone{Target: id, Batch: live.Batch})
	says(second)
	s.logs.Add(api.LogLine{Resource: "tool", Source: api.LogRuntime, Text: "served"})
	if lines := s.logged(); lines[len(lines)-1].Save != first {
		t.Errorf("a serve command's line: %+v", lines[len(lines)-1])
	}
}

// TestRefusedUpsShareARun: what never came up pushes no older run out of the log,
// in this daemon or the next; after a Down another one begins.
func TestRefusedUpsShareARun(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := newStand(t)
	if err := os.WriteFile(filepath.Join(s.o.Endpoint.Workspace, "Tiltfile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := true
	s.evaluates(func(_ context.Context, e Evaluation) *config.Project {
		p := servers(nil)
		p.Tiltfile, p.ConfigFiles = e.Tiltfile, []string{e.Tiltfile}
		if broken {
			p.Error = &config.Problem{Message: "no such name"}
		}
		return p
	})
	runs := func() (n int) {
		s.tell("", "a line of the run that goes on")
		err := s.logs.Serve(t.Context(), api.LogsRequest{}, logs.Known{}, func(lines []api.LogLine) error { n = lines[len(lines)-1].Run; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := runs()
	for range 3 {
		if code, _ := s.post(api.RouteUp, `{}`); code == 200 || runs() != first {
			t.Fatalf("refused with %d, run %d, want %d", code, runs(), first)
		}
	}
	broken = false
	for want := first; want < first+2; want++ {
		if code, p := s.post(api.RouteUp, `{}`); code != 200 || runs() != want {
			t.Fatalf("accepted with %d %+v, run %d, want %d", code, p, runs(), want)
		}
		if code, p := s.post(api.RouteDown, `{}`); code != 200 || runs() != want {
			t.Fatalf("down: %d %+v, run %d, want %d", code, p, runs(), want)
		}
	}
}
