package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

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
