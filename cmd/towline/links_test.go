package main

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func TestStatusShowsLinks(t *testing.T) {
	resources := []api.ResourceStatus{
		{Name: "web", Forwards: []api.Forward{
			{URL: "http://127.0.0.1:8080"}, {URL: "http://127.0.0.1:9090/x", Name: "metrics"}, {URL: "http://127.0.0.1:1", Name: "taken", Problem: "in use"},
		}, Links: []config.Link{{URL: "http://docs/", Name: "Docs"}, {URL: "http://plain/"}}},
	}
	const rest = "  web  http://127.0.0.1:9090/x  metrics\n  web  http://docs/             Docs\n  web  http://plain/\n"
	for all, want := range map[bool]string{false: rest, true: "  web  http://127.0.0.1:8080\n" + rest} {
		var b strings.Builder
		if printLinks(&b, resources, all); b.String() != want {
			t.Errorf("all %v: got\n%s\nwant\n%s", all, b.String(), want)
		}
	}
}
