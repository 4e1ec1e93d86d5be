package daemon

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/server/status"
	"github.com/towline-dev/towline/starlark/config"
)

// leaks are the forms of the test's secrets that nobody may see.
var leaks = []string{"hunter2", "aHVudGVyMg", "second line", "p4s"}

// withSecrets is a project whose Secret's values stand in every text of it.
func withSecrets() *config.Project {
	b64 := base64.StdEncoding.EncodeToString
	bad := config.Problem{Message: "bad hunter2", Hint: "p4s", Stack: []config.Frame{{Text: "blob('hunter2')"}}}
	return &config.Project{
		Tiltfile: "/w/Tiltfile", Settings: config.Settings{SecretScrub: true}, Warnings: []config.Problem{bad},
		YAML: []config.Object{
			{Key: "db:secret:default:core", Resource: "web", Content: map[string]any{"kind": "Secret", "metadata": map[string]any{"name": "db"},
				"data": map[string]any{"password": b64([]byte("hunter2")), "long": b64([]byte("first line\nsecond line\n"))}, "stringData": map[string]any{"pin": "p4s"}}},
			{Key: "web:pod:default:core", Resource: "web", Content: map[string]any{"kind": "Pod", "args": []any{"--password=hunter2"}}},
		},
		Images: []config.Image{{Ref: "web", Args: map[string]string{"TOKEN": "hunter2"}, Command: &config.Command{Argv: []string{"sh", "-c", "login p4s"}},
			LiveUpdate: []config.Step{{Kind: config.StepRun, Argv: []string{"login", "hunter2"}}}, Secrets: []string{"id=hunter2"}}},
		Resources: []config.Resource{
			{Name: "web", Kind: config.KindK8s, Enabled: true, Images: []string{"web"}, Links: []config.Link{{URL: "http://localhost/?token=hunter2", Name: "p4s"}}, CustomDeploy: &config.CustomDeploy{Apply: config.Command{Argv: []string{"hunter2"}}}},
			{Name: "job", Kind: config.KindLocal, Enabled: true, Local: &config.Local{Cmd: config.Command{Argv: []string{"true"}, Env: map[string]string{"A": "hunter2"}}}},
		},
		API: []config.APIObject{{Kind: "Cmd", Spec: map[string]any{"args": []any{"hunter2"}}}},
	}
}

// TestSecretsStayInside has the values in all that a daemon tells, and asks it
// for everything.
func TestSecretsStayInside(t *testing.T) {
	s := newStand(t)
	s.evaluates(func(_ context.Context, e Evaluation) *config.Project {
		e.Log("local: echo hunter2") // before anybody can know that it is a secret
		e.Log("second line")
		return withSecrets()
	})
	s.evaluate()
	bad := &config.Problem{Message: "apply: hunter2", Hint: "login p4s", Stack: []config.Frame{{Text: "hunter2"}}}
	s.queue.put(func(c *core) {
		c.session.runner = c.newRunner(run.Options{Images: &fakeCluster{}, Sink: sink{shared: c.shared, queue: c.queue, up: c.session.serial}})
		c.session.lost, c.session.request.Args = errors.New("dialling hunter2"), []string{"--password=hunter2"}
		id := engine.TargetID{Pod: "web-1"}
		for _, e := range []engine.Event{
			engine.Wanted{}, engine.Triggered{Resource: "web"}, engine.Built{Ref: "web", Problem: bad},
			engine.Triggered{Resource: "job"}, engine.LocalDone{Resource: "job"},
			engine.Observed{Resource: "web", Targets: []engine.Seen{{ID: id}}}, engine.Observed{Resource: "job", Message: "waits for hunter2"},
		} {
			c.state, _ = engine.Step(c.state, e)
		}
		c.session.targets[id] = status.Target{Problem: bad}
		c.session.forwards["web"] = []api.Forward{{Problem: "port: hunter2"}}
		c.dirty = true
		c.logsSink().Log(run.Line{Resource: "web", Text: "token aHVudGVyMg=="})
		failed := *withSecrets()
		failed.Error, failed.YAML = bad, nil
		c.tiltfile.last = &failed
	})
	for _, route := range []string{"GET " + api.RouteStatus, "GET " + api.RouteProject, "POST " + api.RouteLogs, "POST " + api.RouteTrigger} {
		text := s.ask(route, `{"resource":"hunter2"}`)
		if !strings.Contains(text, "[redacted secret db:") {
			t.Errorf("%s: nothing is hidden: %s", route, text)
		}
		for _, leak := range leaks {
			if at := strings.Index(text, leak); at >= 0 {
				t.Errorf("%s shows %q: …%s…", route, leak, text[max(at-80, 0):min(at+40, len(text))])
			}
		}
	}
}

// TestSecretsOfAnEarlierProjectStayHidden: a container may still print them.
func TestSecretsOfAnEarlierProjectStayHidden(t *testing.T) {
	s := newStand(t)
	next := withSecrets()
	s.evaluates(func(context.Context, Evaluation) *config.Project { return next })
	s.evaluate()
	next = &config.Project{Settings: config.Settings{SecretScrub: true}}
	s.evaluate()
	s.logs.Add(api.LogLine{Text: "hunter2 after"})
	next = &config.Project{}
	s.evaluate()
	s.logs.Add(api.LogLine{Text: "hunter2 shown"})
	text := s.ask("POST "+api.RouteLogs, "{}")
	if strings.Contains(text, "hunter2 after") || !strings.Contains(text, "hunter2 shown") {
		t.Errorf("want the values hidden until the Tiltfile switches that off:\n%s", text)
	}
}

// TestSecretsOfCustomDeploysAreHidden has a Secret that only an apply_cmd
// knows.
func TestSecretsOfCustomDeploysAreHidden(t *testing.T) {
	s := newStand(t)
	s.evaluates(func(context.Context, Evaluation) *config.Project {
		return &config.Project{Settings: config.Settings{SecretScrub: true}}
	})
	s.evaluate()
	s.logs.Add(api.LogLine{Text: "early hunter2"})
	s.queue.put(func(c *core) {
		c.logsSink().Facts(run.Facts{Objects: []map[string]any{withSecrets().YAML[0].Content}})
	})
	s.settle()
	s.logs.Add(api.LogLine{Text: "late hunter2"})
	if text := s.ask("POST "+api.RouteLogs, "{}"); strings.Contains(text, "hunter2") {
		t.Errorf("the log shows %s", text)
	}
}

// logsSink is what the core's runner tells.
func (c *core) logsSink() sink { return sink{shared: c.shared, queue: c.queue, up: c.session.serial} }

// evaluates replaces what the daemon evaluates Tiltfiles with.
func (s *stand) evaluates(f Evaluate) {
	s.queue.put(func(c *core) { c.o.Evaluate = f })
}

// evaluate evaluates and waits for the outcome.
func (s *stand) evaluate() *config.Project {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	p, err := in(ctx, s.Daemon, func(c *core, answer func(*config.Project, error)) {
		c.evaluate(func(p *config.Project) { answer(p, nil) })
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// settle waits until the core has done all that waits for it now, and what
// that put into its queue.
func (s *stand) settle() {
	s.t.Helper()
	for range 3 {
		if _, err := in(bounded(s.t), s.Daemon, func(_ *core, answer func(int, error)) { answer(0, nil) }); err != nil {
			s.t.Fatal(err)
		}
	}
}

// ask returns the body of an answer, whatever its status.
func (s *stand) ask(route, body string) string {
	s.t.Helper()
	s.settle()
	method, path, _ := strings.Cut(route, " ")
	req, err := http.NewRequestWithContext(bounded(s.t), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}
