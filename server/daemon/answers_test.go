package daemon

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
)

// TestWhoIsNotAnsweredIsCutOff: a request that the daemon's end overtakes has no
// answer, and so whoever made it asks the next daemon.
func TestWhoIsNotAnsweredIsCutOff(t *testing.T) {
	s := newStand(t)
	busy := make(chan struct{})
	defer close(busy)
	s.queue.put(func(*core) { <-busy })
	ended, end := context.WithCancel(t.Context())
	end()
	for _, route := range []string{api.RouteDown, api.RouteUp, api.RouteTrigger} {
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
					t.Errorf("%s: %v, answered with %q", route, err, w.Body)
				}
			}()
			s.handler().ServeHTTP(w, httptest.NewRequestWithContext(ended, http.MethodPost, route, strings.NewReader("{}")))
		}()
	}
}
