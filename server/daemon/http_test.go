package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/engine"
	"github.com/towline-dev/towline/server/logs"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// stand is a daemon's core and its API, without a socket and a cluster.
type stand struct {
	*Daemon
	t   *testing.T
	url string
}

func newStand(t *testing.T) *stand {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	e := api.Endpoint{Workspace: t.TempDir(), State: t.TempDir()}
	d := newDaemon(Options{Endpoint: e, Log: slog.New(slog.DiscardHandler), Linger: time.Hour}, stop)
	c, err := newCore(ctx, d.shared, d.queue)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); c.loop(ctx) }()
	server := httptest.NewServer(d.handler())
	t.Cleanup(func() {
		stop()
		receive(t, done, "the core's end")
		server.Close()
		d.faces.close()
		d.logs.Close()
	})
	return &stand{Daemon: d, t: t, url: server.URL}
}

// bounded is the test's context for one thing that comes soon.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("the core has not answered for a minute"))
	t.Cleanup(cancel)
	return ctx
}

// receive waits for what comes soon, or says what did not come, and where all
// goroutines stand.
func receive[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		all := make([]byte, 1<<20)
		t.Fatalf("gave up waiting for %s\n%s", what, all[:runtime.Stack(all, true)])
	}
	return v
}

// up makes the core look like one whose project is up, without a cluster.
func (s *stand) up(resources ...string) {
	p := &config.Project{Tiltfile: "/w/Tiltfile"}
	for _, name := range resources {
		p.Resources = append(p.Resources, config.Resource{Name: name, Kind: config.KindLocal})
	}
	s.queue.put(func(c *core) {
		c.tiltfile.good = p
		c.session.runner = c.newRunner(run.Options{Images: &fakeCluster{}, Sink: sink{shared: c.shared, queue: c.queue, up: c.session.serial}})
	})
}

// post returns an answer's status, and its problem when it is no success.
func (s *stand) post(route, body string) (int, config.Problem) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+route, strings.NewReader(body))
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
	var f api.Failure
	if resp.StatusCode != http.StatusOK {
		if err := json.Unmarshal(data, &f); err != nil || f.Problem.Message == "" {
			s.t.Errorf("%s: the answer is no problem: %v %s", route, err, data)
		}
		if got := resp.Header.Get("Content-Type"); got != "application/json" {
			s.t.Errorf("%s: content type %q", route, got)
		}
	}
	return resp.StatusCode, f.Problem
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, route, body string
		up                bool
		status            int
		message, hint     string // parts
	}{
		{"a resource that is not there", api.RouteTrigger, `{"resource":"wbe"}`, true, 422, `"wbe"`, "did you mean web?"},
		{"restarting one", api.RouteRestart, `{"resource":"wbe"}`, true, 422, `"wbe"`, "did you mean web?"},
		{"debugging one", api.RouteDebug, `{"resource":"wbe"}`, true, 422, `"wbe"`, "did you mean web?"},
		{"reaching one", api.RouteDial, `{"resource":"wbe"}`, true, 422, `"wbe"`, "did you mean web?"},
		{"reaching what has no pod", api.RouteDial, `{"resource":"web","forward":{"local":80}}`, true, 422, "no pod of web runs", "towline status web"},
		{"nothing is up", api.RouteTrigger, `{"resource":"web"}`, false, 422, "not up", "towline up"},
		{"no resource", api.RouteRestart, `{}`, true, 422, `""`, "api and web"},
		{"no body", api.RouteRestart, ``, true, 422, `""`, "api and web"},
		{"no Tiltfile", api.RouteUp, `{}`, false, 422, "no Tiltfile", "-f"},
		{"no JSON", api.RouteUp, `up`, false, 400, "cannot be read", "version"},
		{"half of it", api.RouteHint, `{"paths":["/a"`, false, 400, "cannot be read", "version"},
		{"another type", api.RouteLogs, `{"tail":"all"}`, false, 400, "cannot be read", "version"},
		{"too much", api.RouteHint, `{"paths":["` + strings.Repeat("x", maxBody) + `"]}`, false, 413, "too large", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newStand(t)
			if test.up {
				s.up("web", "api")
			}
			status, p := s.post(test.route, test.body)
			if status != test.status || !strings.Contains(p.Message, test.message) || !strings.Contains(p.Hint, test.hint) || p.Hint == "" {
				t.Errorf("%d %+v, want %d with %q and the hint %q", status, p, test.status, test.message, test.hint)
			}
		})
	}
}

// TestWhatARestartCanDo: it restarts what runs, and what it cannot restart it
// says with what helps instead.
func TestWhatARestartCanDo(t *testing.T) {
	s := newStand(t)
	server := &config.Local{AllowParallel: true, Cmd: config.Command{Argv: []string{"make"}}, ServeCmd: config.Command{Argv: []string{"serve"}}}
	local := func(name string, l *config.Local) config.Resource {
		return config.Resource{Name: name, Kind: config.KindLocal, Enabled: true, AutoInit: true, Local: l}
	}
	object := func(kind, name string) config.Object {
		return config.Object{Resource: name, Content: map[string]any{"kind": kind, "metadata": map[string]any{"name": name}}}
	}
	p := &config.Project{
		Tiltfile: "/w/Tiltfile", Settings: config.Settings{MaxParallelUpdates: 9},
		Resources: []config.Resource{
			local("site", server), local("busy", server), local("unmade", server), local("lint", &config.Local{AllowParallel: true, Cmd: config.Command{Argv: []string{"lint"}}}), local("off", server),
			{Name: "web", Kind: config.KindK8s, Enabled: true, Images: []string{"web"}}, {Name: "cold", Kind: config.KindK8s, Enabled: true, Images: []string{"cold"}},
			{Name: "migrate", Kind: config.KindK8s, Enabled: true}, {Name: "db", Kind: config.KindK8s, Enabled: true}, {Name: "cache", Kind: config.KindCompose, Enabled: true},
		},
		YAML: []config.Object{object("Job", "migrate"), object("Service", "db"), object("StatefulSet", "db")},
	}
	s.queue.put(func(c *core) {
		c.tiltfile.good = p
		c.session.runner = c.newRunner(run.Options{Images: &fakeCluster{}, Sink: sink{shared: c.shared, queue: c.queue, up: c.session.serial}})
		pod := engine.Seen{ID: engine.TargetID{Pod: "web-1"}, Instance: "one", Running: true}
		for _, e := range []engine.Event{
			engine.Configured{Project: p}, engine.Wanted{}, engine.Switched{On: map[string]bool{"off": false}},
			engine.LocalDone{Resource: "site"}, engine.LocalDone{Resource: "lint"}, engine.LocalDone{Resource: "unmade", Problem: &config.Problem{Message: "no"}},
			engine.Observed{Resource: "web", Targets: []engine.Seen{pod}}, engine.Attached{Target: pod.ID, Instance: "one"},
		} {
			c.state, _ = engine.Step(c.state, e)
		}
	})
	for _, test := range []struct{ name, message, hint string }{
		{"site", "", ""}, {"web", "", ""}, {"cache", "", ""},
		{"busy", "the command of busy runs", "towline logs busy"},
		{"unmade", "the server of unmade starts once its command has succeeded", "towline trigger unmade"},
		{"lint", "lint is a command that ends", "towline trigger lint"},
		{"off", "off is not up", "towline enable off"},
		{"cold", "no container of it has an agent that answers", "towline status cold"},
		{"migrate", "migrate is a Job", "towline trigger migrate"},
		{"db", "it has no agent", "kubectl rollout restart StatefulSet/db"},
	} {
		status, p := s.post(api.RouteRestart, `{"resource":"`+test.name+`"}`)
		if taken := status == http.StatusOK; taken != (test.message == "") || !strings.Contains(p.Message, test.message) || !strings.Contains(p.Hint, test.hint) {
			t.Errorf("%s: %d %+v, want %q with the hint %q", test.name, status, p, test.message, test.hint)
		}
	}
	if status, p := s.post(api.RouteTrigger, `{"resource":"busy"}`); status != http.StatusOK {
		t.Errorf("a trigger: %d %+v", status, p)
	}
	if status, p := s.post(api.RouteTrigger, `{"resource":"off"}`); status != http.StatusUnprocessableEntity || !strings.Contains(p.Hint, "towline enable off") {
		t.Errorf("a trigger of what is turned off: %d %+v", status, p)
	}
}

// TestPanicDoesNotEndTheCore has defects in the core's work: whoever waits for
// it is answered, it is told in the log, and the core goes on.
func TestPanicDoesNotEndTheCore(t *testing.T) {
	s := newStand(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := in(ctx, s.Daemon, func(*core, func(int, error)) { panic("a defect") })
	if err == nil || !strings.Contains(err.Error(), "a defect") {
		t.Errorf("error = %v, want one that names the defect", err)
	}
	got, err := in(ctx, s.Daemon, func(_ *core, answer func(int, error)) { answer(7, nil); panic("another one") })
	if got != 7 || err != nil {
		t.Errorf("answered %d, %v before the defect, want 7", got, err)
	}
	caught := make(chan struct{})
	s.queue.put(func(*core) { close(caught) }) // it answers all who wait by then
	select {
	case <-caught:
	case <-ctx.Done():
		t.Fatal("the core does not go on after a defect")
	}
	_, err = in(ctx, s.Daemon, func(c *core, _ func(int, error)) {
		c.spawn(func(context.Context) { s.queue.put(func(*core) { panic("a late one") }) })
	})
	if err == nil || !strings.Contains(err.Error(), "a late one") {
		t.Errorf("error = %v, want one that names the defect of what was to answer", err)
	}
	if got, err := in(ctx, s.Daemon, func(_ *core, answer func(int, error)) { answer(8, nil) }); got != 8 || err != nil {
		t.Errorf("answered %d, %v after the defects", got, err)
	}
	var told []string
	for _, l := range s.logged() {
		told = append(told, l.Level+" "+l.Text)
	}
	for i, want := range []string{"a defect", "another one", "a late one"} {
		if len(told) != 3 || !strings.Contains(told[i], want) || !strings.HasPrefix(told[i], "error") {
			t.Errorf("log = %q, want all defects", told)
		}
	}
}

// logged is all that was logged since the daemon began.
func (d *Daemon) logged() (lines []api.LogLine) {
	req := api.LogsRequest{LogFilter: api.LogFilter{SinceStart: true}}
	_ = d.logs.Serve(context.Background(), req, logs.Known{}, func(some []api.LogLine) error { // nothing of it can fail
		lines = append(lines, some...)
		return nil
	})
	return lines
}

// TestShutdownIsAnsweredFirst: who asked hears that it was heard, though the
// end closes all connections.
func TestShutdownIsAnsweredFirst(t *testing.T) {
	w := httptest.NewRecorder()
	said := ""
	d := &Daemon{stop: func() {
		if w.Flushed && w.Header().Get("Content-Length") == strconv.Itoa(w.Body.Len()) {
			said = w.Body.String()
		}
	}}
	d.handleShutdown(w, nil)
	if said != "{}\n" {
		t.Errorf("before its end it said %q of %q", said, w.Body)
	}
}
