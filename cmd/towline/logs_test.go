package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestLogsOutliveTheDaemon follows logs while a daemon dies and another takes
// its place, which tells an old line again.
func TestLogsOutliveTheDaemon(t *testing.T) {
	e := api.Endpoint{Workspace: t.TempDir(), Socket: filepath.Join(t.TempDir(), "s")}
	if err := os.Chmod(filepath.Dir(e.Socket), 0o700); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	serve := func(lines ...string) (stop func()) {
		listener, err := net.Listen("unix", e.Socket)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, line := range lines {
				_, _ = w.Write([]byte(line + "\n"))
			}
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})}
		go func() { _ = server.Serve(listener) }()
		return func() { _ = server.Close() }
	}
	line := func(after time.Duration, text string) string {
		return `{"time": "` + began.Add(after).Format(time.RFC3339Nano) + `", "resource": "web", "text": "` + text + `"}`
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	shown := make(chan string, 10)
	next := func() string {
		select {
		case text := <-shown:
			return text
		case <-ctx.Done():
			t.Fatal("nothing more is shown")
		}
		return ""
	}
	stop := serve(line(1, "one"))
	out := logOutput{e: e, client: api.NewClient(e), show: func(l api.LogLine) { shown <- l.Text }}
	done := make(chan error, 1)
	go func() { done <- out.follow(ctx, api.LogsRequest{Follow: true}) }()
	if got := next(); got != "one" {
		t.Errorf("shown %q", got)
	}
	stop()
	if got := next(); !strings.Contains(got, "waiting") {
		t.Errorf("shown %q", got)
	}
	defer serve(line(1, "one"), line(2, "two"))()
	if got := next(); !strings.Contains(got, "again") {
		t.Errorf("shown %q", got)
	}
	if got := next(); got != "two" {
		t.Errorf("shown %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLogsOfNoResource(t *testing.T) {
	s := api.Status{Up: true}
	for _, name := range []string{"web", "web-worker", "db", "cache", "queue", "mail", "auth", "search", "bill", "ship"} {
		s.Resources = append(s.Resources, api.ResourceStatus{Name: name})
	}
	tests := []struct{ name, hint string }{
		{"web", ""},
		{"wbe", "did you mean web?"},
		{"WEB", "did you mean web or web-worker?"},
		{"nope", "there are auth, bill, cache, db, mail, queue, search, ship and 2 more"},
		{"", "and 2 more"},
	}
	for _, test := range tests {
		_, err := logNames(s, selection{names: []string{"db", test.name}}, false)
		if test.hint == "" {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		var p *config.Problem
		if !errors.As(err, &p) || !strings.Contains(p.Message, `no resource "`+test.name+`"`) || !strings.Contains(p.Hint, test.hint) {
			t.Errorf("%s: %+v, want the hint %q", test.name, p, test.hint)
		}
	}
	if _, err := logNames(api.Status{}, selection{names: []string{"web"}}, true); err != nil {
		t.Errorf("a resource that may come: %v", err)
	}
	if _, err := logNames(api.Status{}, selection{names: []string{"web"}}, false); err == nil {
		t.Error("a project without resources has one")
	}
}

func TestLogLines(t *testing.T) {
	at := time.Date(2026, 7, 2, 13, 14, 15, 250_000_000, time.Local)
	plain, failed := api.LogLine{Time: at, Resource: "web", Text: "hello"}, api.LogLine{Time: at, Level: "error", Text: "gone"}
	tests := []struct {
		p    logPrinter
		l    api.LogLine
		want string
	}{
		{logPrinter{}, plain, "hello\n"},
		{logPrinter{named: true}, plain, "web          │ hello\n"},
		{logPrinter{named: true}, failed, "towline      │ ERROR: gone\n"},
		{logPrinter{named: true, time: clockTime}, plain, "13:14:15 web          │ hello\n"},
		{logPrinter{time: fullTime}, plain, at.Format(fullTime) + " hello\n"},
		{logPrinter{colour: true}, failed, "\x1b[31mERROR: gone\x1b[0m\n"},
		{logPrinter{colour: true, named: true}, plain, nameColour("web") + "web          │\x1b[0m hello\n"},
		{logPrinter{named: true}, api.LogLine{Resource: "web", Text: " "}, ""},
	}
	for _, test := range tests {
		var b strings.Builder
		test.p.w = &b
		if test.p.print(test.l); b.String() != test.want {
			t.Errorf("got %q, want %q", b.String(), test.want)
		}
	}
}

// TestLogsIntoAPipe: what is no terminal gets plain lines.
func TestLogsIntoAPipe(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if p := newLogPrinter(file, true); p.colour || p.time != "" {
		t.Errorf("%+v", p)
	}
}

// TestLogsCommandRefuses runs the command against a daemon that has a status.
func TestLogsCommandRefuses(t *testing.T) {
	serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == api.RouteStatus {
			_ = json.NewEncoder(w).Encode(shop())
		}
	})
	for args, refused := range map[string]bool{"logs": false, "logs web": false, "logs web nope": true, "logs -f nope": true, "logs --time nope": true} {
		root := rootCommand()
		root.SetArgs(strings.Fields(args))
		err := root.ExecuteContext(t.Context())
		var p *config.Problem
		if errors.As(err, &p) != refused || (err != nil) != refused {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// serveWorkspace makes a workspace of the current folder, for the time of the
// test, with a daemon that answers as handle does.
func serveWorkspace(t *testing.T, handle http.HandlerFunc) {
	t.Helper()
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	if err := os.WriteFile("Tiltfile", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e, _, err := new(workspaceFlags).find()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(e.Socket), 0o700); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", e.Socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handle}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
}
