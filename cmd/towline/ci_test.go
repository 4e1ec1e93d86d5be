package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/towline-dev/towline/server/api"
)

// TestCIEndsItsOwnDaemon: what a developer has up goes on when ci is refused.
func TestCIEndsItsOwnDaemon(t *testing.T) {
	for status, ends := range map[string]bool{
		`{"up": true}`:                       false,
		`{"up": true, "config": {"ci": {}}}`: true,
		`{}`:                                 true,
	} {
		t.Run(status, func(t *testing.T) {
			e := api.Endpoint{Workspace: t.TempDir(), Socket: filepath.Join(t.TempDir(), "s")}
			if err := os.Chmod(filepath.Dir(e.Socket), 0o700); err != nil {
				t.Fatal(err)
			}
			listener, err := net.Listen("unix", e.Socket)
			if err != nil {
				t.Fatal(err)
			}
			var ended atomic.Bool
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == api.RouteShutdown {
					ended.Store(true)
					_ = listener.Close()
				}
				_, _ = w.Write([]byte(status))
			})}
			served := make(chan struct{})
			go func() { defer close(served); _ = server.Serve(listener) }()
			newCIRun(e, 0).shutdown()
			_ = server.Close()
			<-served
			if ended.Load() != ends {
				t.Errorf("the daemon was ended: %t, want %t", ended.Load(), ends)
			}
		})
	}
}

// TestCIPrintsItsOwnLogs: what is logged for a developer, or was before, is none
// of a build server's business.
func TestCIPrintsItsOwnLogs(t *testing.T) {
	for name, test := range map[string]struct {
		status  string
		refused bool
		want    string
	}{
		"refused by what a developer has up": {`{"up": true}`, true, ""},
		"refused for its Tiltfile":           {`{}`, true, "now"},
		"accepted":                           {`{"up": true, "seq": 1, "config": {"ci": {}}}`, false, "now"},
	} {
		t.Run(name, func(t *testing.T) {
			serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case api.RouteLogs:
					var req api.LogsRequest
					_ = json.NewDecoder(r.Body).Decode(&req)
					for i, l := range []api.LogLine{{Time: time.Now().Add(-time.Hour), Text: "before"}, {Time: time.Now(), Text: "now"}} {
						if l.Seq = uint64(i + 1); !l.Time.Before(req.Since) && l.Seq > req.After {
							_ = json.NewEncoder(w).Encode(l)
						}
					}
					if req.Follow { // a daemon that serves ends no such answer
						_ = http.NewResponseController(w).Flush()
						<-r.Context().Done()
					}
				case api.RouteUp:
					if test.refused {
						w.WriteHeader(http.StatusUnprocessableEntity)
						_, _ = w.Write([]byte(`{"problem": {"message": "no"}}`))
						return
					}
					_, _ = w.Write([]byte(test.status))
				case api.RouteWatch:
					_, _ = w.Write([]byte(`{"seq": 1, "status": ` + test.status + "}\n"))
				default:
					_, _ = w.Write([]byte(test.status))
				}
			})
			e, _, err := new(workspaceFlags).find()
			if err != nil {
				t.Fatal(err)
			}
			run := newCIRun(e, time.Minute)
			var out strings.Builder
			run.out = &out
			run.view.w = &strings.Builder{}
			if err := run.follow(t.Context(), api.UpRequest{CI: true}); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(out.String()); !strings.HasSuffix(got, test.want) || strings.Contains(got, "before") || test.want == "" && got != "" {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}
