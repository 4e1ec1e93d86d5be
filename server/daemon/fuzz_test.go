package daemon

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run/command"
)

// FuzzStore has a record and a journal with anything in them: the daemon begins
// all the same, and what it notes from then on is found.
func FuzzStore(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""}, {`{"images":{"web":{"spec":"s","files":{"/w/a":[1]}}}}`, "\"/w/a\"\n\"/w/b"}, {"null", "true\n"}, {`{"up":{}}`, "\n\n\x00\xff"}, {`{"images":null,"applied":[null]}`, `"\ud800"`},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, record, journal []byte) {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "state.json"), record, 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "touched"), journal, 0o600))
		s, err := openStore(dir, slog.New(slog.DiscardHandler))
		must(t, err)
		before := len(s.touched)
		s.touch([]string{"/w/new"})
		s.record.Pin = "pin"
		s.save()
		s.close()
		next, err := openStore(dir, slog.New(slog.DiscardHandler))
		must(t, err)
		defer next.close()
		if !next.touched["/w/new"] || len(next.touched) < before || next.all != s.all || next.record.Pin != "pin" || next.unwritten() != nil {
			t.Errorf("after %q: %v of %v, any file %v, pin %q", journal, next.touched, s.touched, next.all, next.record.Pin)
		}
		_ = Remembered(api.Endpoint{State: dir})
	})
}

// FuzzRequests sends anything to the API: it answers, and goes on.
func FuzzRequests(f *testing.F) {
	routes := []string{
		api.RouteStatus, api.RouteHint, api.RouteTrigger, api.RouteButton, api.RouteRestart, api.RouteDown, api.RouteArgs, api.RouteUp, api.RouteDebug, api.RouteDial, api.RouteWatch, api.RouteLogs, "/",
	}
	for i := range routes {
		f.Add(i, `{}`)
		f.Add(i, `{"resource":"web","paths":["/","relative","a\u0000b"],"args":["--",null],"tiltfile":"/none","context":"x","tail":-1}`)
		f.Add(i, `[`)
	}
	f.Setenv("KUBECONFIG", filepath.Join(f.TempDir(), "none"))
	f.Fuzz(func(t *testing.T, route int, body string) {
		if strings.Contains(strings.ToLower(body), `"env"`) {
			return // it would be this process's
		}
		s := newStand(t)
		s.up("web")
		target := routes[max(0, route)%len(routes)]
		method := http.MethodPost
		if target == api.RouteStatus {
			method = http.MethodGet
		}
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond) // a stream goes on
		defer stop()
		w := httptest.NewRecorder()
		s.handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(body)))
		alive := make(chan struct{})
		s.queue.put(func(*core) { close(alive) })
		receive(t, alive, "the core")
	})
}

// FuzzNoted reads what lies in a lock, which names whom to end.
func FuzzNoted(f *testing.F) {
	f.Add("4711\n")
	f.Add("-1")
	f.Add(strings.Repeat("9", 100))
	f.Fuzz(func(t *testing.T, text string) {
		name := filepath.Join(t.TempDir(), "lock")
		must(t, os.WriteFile(name, []byte(text), 0o600))
		lock, err := os.Open(name)
		must(t, err)
		defer lock.Close()
		if pid := noted(lock); pid < 0 || strings.ContainsAny(command.Owner("w", pid), "\x00=\n") {
			t.Errorf("%q names %d", text, pid)
		}
	})
}
