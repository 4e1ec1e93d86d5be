package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestAskingSaysSo: one line names what was asked, and what refused is not among it.
func TestAskingSaysSo(t *testing.T) {
	serveWorkspace(t, func(w http.ResponseWriter, r *http.Request) {
		var req api.ResourceRequest
		switch r.URL.Path {
		case api.RouteStatus:
			_ = json.NewEncoder(w).Encode(api.Status{Up: true, Resources: []api.ResourceStatus{{Name: "web"}, {Name: "api"}, {Name: "job"}}})
		case api.RouteTrigger, api.RouteRestart:
			if _ = json.NewDecoder(r.Body).Decode(&req); req.Resource == "job" {
				w.WriteHeader(http.StatusUnprocessableEntity)
				_ = json.NewEncoder(w).Encode(api.Failure{Problem: config.Problem{Message: "job ends by itself"}})
			}
		}
	})
	for args, want := range map[string]string{
		"trigger web": "trigger asked of web; ", "restart web api": "restart asked of web and api; ", "restart *": "restart asked of web and api; ", "restart job": "",
	} {
		var err error
		said := captured(t, func() {
			root := rootCommand()
			root.SetArgs(strings.Fields(args))
			err = root.ExecuteContext(t.Context())
		})
		if !strings.HasPrefix(said, want) || strings.Contains(said, "job") || want == "" && said != "" || (err == nil) == strings.ContainsAny(args, "*j") {
			t.Errorf("%s: %v, said %q; want %q", args, err, said, want)
		}
	}
}
