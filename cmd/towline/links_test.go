package main

import (
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func TestStatusShowsLinks(t *testing.T) {
	var b strings.Builder
	printLinks(&b, []api.ResourceStatus{
		{Name: "web", Forwards: []api.Forward{
			{URL: "http://127.0.0.1:8080"}, {URL: "http://127.0.0.1:9090/x", Name: "metrics"}, {URL: "http://127.0.0.1:1", Name: "taken", Problem: "in use"},
		}, Links: []config.Link{{URL: "http://docs/", Name: "Docs"}}},
	})
	want := "  web  http://127.0.0.1:9090/x  metrics\n  web  http://docs/             Docs\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
