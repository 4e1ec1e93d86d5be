package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestAskSeveral: trigger and restart take several names, patterns and
// labels; what refuses keeps it from no other.
func TestAskSeveral(t *testing.T) {
	s := told(1, "web ready, group-a ready, group-b error, migrate done")
	s.Resources[0].Labels = []string{"front"}
	for _, test := range []struct{ args, asked, want string }{
		{"trigger web", "web", ""},
		{"trigger 'group-*' web", "web group-a group-b", ""},
		{"trigger --label front migrate", "web migrate", ""},
		{"trigger", "", "which resources to trigger is not said"},
		{"trigger wbe web", "", `there is no resource "wbe"`},
		{"restart web", "web", ""},
		{"restart migrate", "migrate", "migrate is a Job"},
		{"restart migrate web", "web migrate", "reported"},
		{"restart group-?", "group-a group-b", ""},
	} {
		t.Run(test.args, func(t *testing.T) {
			var mu sync.Mutex
			var asked []string
			serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				switch r.URL.Path {
				case api.RouteStatus:
					_ = json.NewEncoder(w).Encode(s)
				case api.RouteTrigger, api.RouteRestart:
					var req api.ResourceRequest
					_ = json.NewDecoder(r.Body).Decode(&req)
					asked = append(asked, req.Resource)
					if req.Resource == "migrate" && r.URL.Path == api.RouteRestart {
						w.WriteHeader(http.StatusUnprocessableEntity)
						_ = json.NewEncoder(w).Encode(api.Failure{Problem: config.Problem{Message: "migrate is a Job"}})
					}
				}
			})
			root := rootCommand()
			root.SetArgs(strings.Fields(strings.ReplaceAll(test.args, "'", "")))
			got := ""
			if err := root.ExecuteContext(t.Context()); errors.Is(err, errReported) {
				got = "reported"
			} else if err != nil {
				got = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			if !strings.HasPrefix(got, test.want) || test.want == "" && got != "" || strings.Join(asked, " ") != test.asked {
				t.Errorf("asked %q and got %q, want %q and %q", asked, got, test.asked, test.want)
			}
		})
	}
}
