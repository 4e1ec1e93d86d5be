package daemon

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run"
	"github.com/towline-dev/towline/starlark/config"
)

// TestWhoDependsOnAFile goes through all that a Tiltfile says of it: deps, only,
// ignores, synced folders, and the ignores of the whole project.
func TestWhoDependsOnAFile(t *testing.T) {
	ignore := func(base string, patterns ...string) []config.Ignore {
		return []config.Ignore{{Base: base, Patterns: patterns}}
	}
	all, problems := interestsOf(&config.Project{
		Tiltfile: "/w/Tiltfile", ConfigFiles: []string{"/w/Tiltfile", "/w/values.yaml"},
		Settings: config.Settings{WatchIgnores: ignore("/w", "**/*.tmp")},
		Images: []config.Image{
			{Ref: "img", Deps: []string{"/w"}, Only: []string{"/w/src", "/w/go.mod"}, Ignores: ignore("/w", "src/gen"), LiveUpdate: []config.Step{{Kind: config.StepSync, Local: "/elsewhere", Remote: "/srv"}}},
		},
		Resources: []config.Resource{
			{Name: "local", Local: &config.Local{Deps: []string{"/w/proto"}, Ignore: ignore("/w", "proto/old")}},
			{Name: "deploy", CustomDeploy: &config.CustomDeploy{Deps: []string{"/w/chart"}, Ignores: ignore("/w/chart", "README.md")}},
			{Name: "live", CustomDeploy: &config.CustomDeploy{Deps: []string{"/w/live"}, Ignores: ignore("/w/live", "x"), LiveUpdate: []config.Step{{Kind: config.StepSync, Local: "/w/live", Remote: "/srv"}}}},
		},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for file, want := range map[string][]string{
		"/w/src/a": {"img"}, "/w/src/gen/a": nil, "/w/go.mod": {"img"}, "/w/other": nil, "/w/src/a.tmp": nil,
		"/elsewhere/a": nil, // a synced folder that only leaves out
		"/w/proto/a":   {"local"}, "/w/proto/old/a": nil, "/w/proto/a.tmp": nil,
		"/w/chart/a": {"deploy"}, "/w/chart/README.md": nil, "/w/chart/a.tmp": nil,
		"/w/live/a": {"live_update of live"}, "/w/live/x": nil,
		"/w/Tiltfile": {"the Tiltfile"}, "/w/values.yaml": {"the Tiltfile"},
	} {
		var got []string
		for _, in := range all {
			if in.holds(file) {
				switch {
				case in.config:
					got = append(got, "the Tiltfile")
				default:
					got = append(got, in.image+in.resource)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("on %s depend %q, want %q", file, got, want)
		}
	}
}

// TestForwardsAreToldAsTheTiltfileSays, with the name and the path of each.
func TestForwardsAreToldAsTheTiltfileSays(t *testing.T) {
	got := forwardsStatus([]run.Forward{
		{Spec: config.PortForward{Name: "admin", Path: "ui/"}, Local: "127.0.0.1:8000", Remote: 80},
		{Spec: config.PortForward{Path: "/x"}, Local: "127.0.0.1:8001", Remote: 81, Problem: "in use"},
		{Local: "127.0.0.1:8002"},
	})
	want := []api.Forward{
		{Local: "127.0.0.1:8000", Remote: 80, Name: "admin", URL: "http://127.0.0.1:8000/ui/"},
		{Local: "127.0.0.1:8001", Remote: 81, URL: "http://127.0.0.1:8001/x", Problem: "in use"},
		{Local: "127.0.0.1:8002", URL: "http://127.0.0.1:8002"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
