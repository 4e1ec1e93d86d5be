package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/daemon"
	"github.com/towline-dev/towline/server/logs"
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
		return fmt.Sprintf(`{"seq": %d, `, after) + `"time": "` + began.Add(after).Format(time.RFC3339Nano) + `", "resource": "web", "text": "` + text + `"}`
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

// failedBefore has printed an error, and a line of another resource after it.
func failedBefore(seq uint64) logPrinter {
	p := logPrinter{w: io.Discard, colour: true}
	p.print(api.LogLine{Seq: seq, Level: "error", Text: "Error: no"})
	p.print(api.LogLine{Seq: seq + 1, Level: "warn", Resource: "other", Text: "warning"})
	return p
}

func TestLogLines(t *testing.T) {
	at := time.Date(2026, 7, 2, 13, 14, 15, 250_000_000, time.Local)
	plain, failed := api.LogLine{Time: at, Resource: "web", Text: "hello"}, api.LogLine{Time: at, Source: api.LogTowline, Level: "error", Text: "gone"}
	structured := api.LogLine{Level: "warn", Text: "{…}", Message: "slow\nvery", Fields: []api.LogField{{Key: "path", Value: "/a b"}, {Key: "ms", Value: "12"}, {Key: "l", Value: `["a b"]`}, {Key: "stack", Value: "main.go:1\nmain.go:2\n"}}}
	coloured := api.LogLine{Level: "error", Text: "\x1b[31mred\x1b[0m \xff"}
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
		{logPrinter{colour: true, named: true}, plain, words.NameColour("web") + "web          │\x1b[0m hello\n"},
		{logPrinter{named: true}, api.LogLine{Resource: "web", Text: " "}, ""},
		{logPrinter{}, structured, "WARN: slow path=\"/a b\" ms=12 l=[\"a b\"]\n    very\n    stack:\n    main.go:1\n    main.go:2\n"},
		{logPrinter{raw: true}, structured, "{…}\n"},
		{logPrinter{}, coloured, "red \xff\n"},
		{logPrinter{raw: true}, coloured, "\x1b[31mred\x1b[0m \xff\n"},
		{logPrinter{raw: true}, api.LogLine{Text: "a\uFFFD", Raw: []byte("a\xff")}, "a\xff\n"},
		{logPrinter{colour: true}, coloured, "\x1b[31mred\x1b[0m \xff\x1b[0m\n"},
		{failedBefore(7), api.LogLine{Head: 7, Text: "\tat f"}, "\x1b[31m\tat f\x1b[0m\n"},
		{logPrinter{json: true, named: true}, api.LogLine{Time: at.UTC(), Resource: "web", Text: "\x1b[31m<red>"}, `{"time":"` + at.UTC().Format(time.RFC3339Nano) + `","resource":"web","source":"","text":"<red>"}` + "\n"},
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

// TestLogsAsks: what a person says is what the daemon is asked, and what it
// refuses the person hears.
func TestLogsAsks(t *testing.T) {
	var asked api.LogsRequest
	serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
		asked = api.LogsRequest{}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil && r.URL.Path == api.RouteLogs {
			t.Error(err)
		}
		if slices.Contains(asked.Resources, "nope") {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_ = json.NewEncoder(w).Encode(api.Failure{Problem: *api.NoResource("nope", []string{"web"})})
		}
	})
	run := func(args ...string) error {
		root := rootCommand()
		root.SetArgs(append([]string{"logs"}, args...))
		return root.ExecuteContext(t.Context())
	}
	if err := run("web", "api*", "--label", "back", "--text", "a b", "--regex", "x+", "--level", "warn", "--field", "k=v,w", "--field", "n",
		"--since", "2026-01-02T03:04:05Z", "--until", "2026-01-02T03:04:06Z", "--since-save", "--context", "3", "--tail", "5", "--run", "2"); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := api.LogsRequest{Tail: 5, Run: 2, LogFilter: api.LogFilter{
		Resources: []string{"web", "api*"}, Labels: []string{"back"}, Text: "a b", Regex: "x+", Level: "warn", Field: []string{"k=v,w", "n"},
		Since: at, Until: at.Add(time.Second), SinceSave: true, Context: 3,
	}}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if err := run("--previous"); err != nil || asked.Run != -1 {
		t.Errorf("the run before: %v, asked for %d", err, asked.Run)
	}
	for _, args := range [][]string{{"web", "nope"}, {"-f", "nope"}, {"--since", "soon"}} {
		var p *config.Problem
		if err := run(args...); !errors.As(err, &p) || p.Hint == "" {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := run("--previous", "-f"); err == nil {
		t.Error("a run that is over is followed")
	}
}

// TestLogsWithoutADaemon: what is kept is printed, and what is not there named.
func TestLogsWithoutADaemon(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	if err := os.WriteFile("Tiltfile", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		var err error
		out := captured(t, func() {
			root := rootCommand()
			root.SetArgs(append([]string{"logs"}, args...))
			err = root.ExecuteContext(t.Context())
		})
		return out, err
	}
	var p *config.Problem
	if _, err := run(); !errors.As(err, &p) || !strings.Contains(p.Message, "nothing is up") {
		t.Errorf("with nothing kept: %v", err)
	}
	e, _, err := new(workspaceFlags).find()
	if err != nil {
		t.Fatal(err)
	}
	store := logs.Open(logs.Options{Dir: daemon.LogFolder(e)})
	store.Add(api.LogLine{Time: time.Now(), Resource: "web", Source: api.LogRuntime, Text: "first"})
	store.Begin()
	store.Add(api.LogLine{Time: time.Now(), Resource: "web", Source: api.LogRuntime, Text: "second"})
	store.Close()
	for args, want := range map[string]string{"web": "second\n", "web --previous": "first\n", "web --run 1": "first\n"} {
		if out, err := run(strings.Fields(args)...); out != want || err != nil {
			t.Errorf("%s: %q, %v", args, out, err)
		}
	}
	for args, hint := range map[string]string{"nope": "there is only web", "--run 7": "there are 1 to 2", "web -f": "towline up"} {
		if _, err := run(strings.Fields(args)...); !errors.As(err, &p) || !strings.Contains(p.Hint, hint) {
			t.Errorf("%s: %+v", args, err)
		}
	}
}

// captured is what f prints.
func captured(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	before := os.Stdout
	os.Stdout = file
	defer func() { os.Stdout = before }()
	f()
	data, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestUpFollowsFromHere: what was logged before is not told again, whichever
// daemon serves.
func TestUpFollowsFromHere(t *testing.T) {
	store := logs.Open(logs.Options{Dir: t.TempDir()})
	defer store.Close()
	store.Add(api.LogLine{Time: time.Now(), Resource: "web", Level: "error", Text: "an old error"})
	followed := make(chan struct{}, 9)
	serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != api.RouteLogs {
			_ = json.NewEncoder(w).Encode(api.Status{Up: true, Daemon: api.DaemonInfo{Version: version}})
			return
		}
		var req api.LogsRequest
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
			t.Error(err)
		}
		if req.Follow {
			followed <- struct{}{}
		}
		_ = store.Serve(r.Context(), req, logs.Known{Resources: []string{"web"}}, func(lines []api.LogLine) error {
			for _, l := range lines {
				_ = json.NewEncoder(w).Encode(l)
			}
			return http.NewResponseController(w).Flush()
		})
	})
	e, _, err := new(workspaceFlags).find()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var told []string
	out := logOutput{e: e, client: api.NewClient(e), show: func(l api.LogLine) { told = append(told, l.Text); stop() }}
	out.skip(ctx)
	go func() { // ends with the first request that follows, or the test
		select {
		case <-followed:
			store.Add(api.LogLine{Time: time.Now(), Resource: "web", Text: "a new line"})
		case <-ctx.Done():
		}
	}()
	captured(t, func() { err = out.followAll(ctx) })
	if err != nil || !slices.Equal(told, []string{"a new line"}) {
		t.Errorf("%v, told %q", err, told)
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 7, 2, 13, 14, 15, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "5m": now.Add(-5 * time.Minute), "-5m": now.Add(-5 * time.Minute), "09:30": time.Date(2026, 7, 2, 9, 30, 0, 0, time.UTC),
		"2026-01-02": time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), "2026-01-02T03:04:05+01:00": time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC),
	} {
		if got, err := moment(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
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

// TestTimesOfLogs of which both are the same text: each is its own flag's.
func TestTimesOfLogs(t *testing.T) {
	now := time.Date(2026, 3, 4, 15, 0, 0, 0, time.UTC)
	for _, test := range [][2]string{{"5m", "5m"}, {"5m", "1m"}, {"", "5m"}, {"14:00", ""}, {"", ""}} {
		o := logsOptions{since: test[0], until: test[1]}
		if err := o.times(now); err != nil {
			t.Fatal(err)
		}
		since, _ := moment(test[0], now)
		until, _ := moment(test[1], now)
		if !o.req.Since.Equal(since) || !o.req.Until.Equal(until) {
			t.Errorf("--since %q --until %q: from %s to %s", test[0], test[1], o.req.Since, o.req.Until)
		}
	}
}

// TestFollowedDaemonIsKilled in the middle of a line: what is said is a sentence.
func TestFollowedDaemonIsKilled(t *testing.T) {
	serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == api.RouteLogs {
			_ = json.NewEncoder(w).Encode(api.LogLine{Resource: "web", Text: "hello"})
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	var err error
	said := captured(t, func() {
		root := rootCommand()
		root.SetArgs([]string{"logs", "-f", "web"})
		err = root.ExecuteContext(t.Context())
	})
	if err == nil || !strings.Contains(err.Error(), "the daemon ended") || !strings.Contains(said, "hello") {
		t.Errorf("%v, said %q", err, said)
	}
}
