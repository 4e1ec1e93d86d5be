package main

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// TestLogsOutliveTheDaemon follows logs while a daemon dies and another takes
// its place, which tells an old line again.
func TestLogsOutliveTheDaemon(t *testing.T) {
	e := api.Endpoint{Workspace: t.TempDir(), Socket: filepath.Join(t.TempDir(), "s")}
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
