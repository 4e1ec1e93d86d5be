package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/towline-dev/towline/server/api"
)

// aborted is a request whose daemon ends before it answers.
func aborted(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// takenDown runs `towline down` beside a daemon that answers with a status, and
// Down as it is told. Another one answers to Shutdown: the first is ended by then.
func takenDown(t *testing.T, ctx context.Context, status func() api.Status, down http.HandlerFunc) (said string, err error) {
	t.Helper()
	serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case api.RouteStatus:
			_ = json.NewEncoder(w).Encode(status())
		case api.RouteDown:
			down(w, r)
		case api.RouteShutdown:
			aborted(w, r)
		}
	})
	said = captured(t, func() {
		root := rootCommand()
		root.SetArgs([]string{"down"})
		err = root.ExecuteContext(ctx)
	})
	return said, err
}

func TestDownThatIsInterrupted(t *testing.T) {
	for _, test := range []struct {
		then api.Status
		want string
	}{
		{api.Status{State: api.StateStopping}, "Going down goes on without you."},
		{api.Status{Up: true, State: api.StateReady}, "Interrupted."},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		var asked atomic.Bool
		said, err := takenDown(t, ctx, func() api.Status {
			if asked.Load() {
				return test.then
			}
			return api.Status{Up: true}
		}, func(_ http.ResponseWriter, r *http.Request) {
			asked.Store(true)
			interrupt()
			<-r.Context().Done()
		})
		var code exitCode
		if !errors.As(err, &code) || code != 130 || !strings.Contains(said, test.want) || strings.Contains(said, "canceled") {
			t.Errorf("%v, said %q; want %q", err, said, test.want)
		}
	}
}

func TestDownSaysWhatItFound(t *testing.T) {
	done := func(http.ResponseWriter, *http.Request) {}
	for want, before := range map[string]api.Status{
		"nothing was up": {}, "down in ": {Up: true}, "down in": {Left: "a pod stays"},
	} {
		if said, err := takenDown(t, t.Context(), func() api.Status { return before }, done); err != nil || !strings.Contains(said, want) {
			t.Errorf("%v, said %q; want %q", err, said, want)
		}
	}
	_, err := takenDown(t, t.Context(), func() api.Status { return api.Status{Up: true} }, aborted)
	if err == nil || !strings.Contains(err.Error(), "the daemon ended before it had answered") {
		t.Errorf("of a daemon that was killed: %v", err)
	}
}

// TestDownWhoseDaemonIsLost goes on with the next one: another `down` had just ended
// the one that it found.
func TestDownWhoseDaemonIsLost(t *testing.T) {
	var downs atomic.Int32
	said, err := takenDown(t, t.Context(), func() api.Status { return api.Status{Up: downs.Load() == 0} }, func(w http.ResponseWriter, r *http.Request) {
		if downs.Add(1) == 1 {
			aborted(w, r)
		}
	})
	if err != nil || downs.Load() != 2 || !strings.Contains(said, "down in ") {
		t.Errorf("asked %d times: %v, said %q", downs.Load(), err, said)
	}
}

// TestLostDaemon is one whose socket has gone, too.
func TestLostDaemon(t *testing.T) {
	_, gone := net.Dial("unix", filepath.Join(t.TempDir(), "none"))
	for err, want := range map[error]bool{gone: true, io.EOF: true, syscall.ECONNREFUSED: true, context.Canceled: false, nil: false} {
		if lost(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}
