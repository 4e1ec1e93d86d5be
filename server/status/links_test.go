package status

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

func TestLinks(t *testing.T) {
	type m = map[string]any
	path := func(p string) []any { return []any{m{"path": p}} }
	s := newScene(t, func(p *config.Project) {
		p.Resources[1].Links = []config.Link{{URL: "http://docs/", Name: "Docs"}}
		p.YAML = []config.Object{
			{Resource: "web", Content: m{"kind": "Ingress", "spec": m{
				"tls": []any{m{"hosts": []any{"safe.example"}}},
				"rules": []any{
					m{"host": "plain.example", "http": m{"paths": path("/app")}}, m{"host": "safe.example", "http": m{"paths": path("/(.*)")}},
					m{"host": "*.example"}, m{"http": m{"paths": path("/")}}, "odd", m{"host": "docs"},
				}}}},
			{Resource: "job", Content: m{"kind": "HTTPRoute", "spec": m{"hostnames": []any{"route.example", int64(1)}}}},
			{Resource: "job", Content: m{"kind": "Route", "spec": m{"host": "shift.example", "path": "/x", "tls": m{"termination": "edge"}}}},
			{Resource: "late", Content: m{"kind": "Ingress"}},
			{Resource: "serve", Content: m{"kind": "Service", "spec": m{"host": "none"}}},
		}
		compose := func(name string, none bool) config.Resource {
			return config.Resource{Name: name, Kind: config.KindCompose, Enabled: true, Compose: &config.Compose{PublishedPorts: []int{8000, 8001}, NoInferredLinks: none}}
		}
		p.Resources = append(p.Resources, compose("db", false), compose("quiet", true))
	})
	got := map[string][]string{}
	for _, r := range s.status().Resources {
		for _, l := range r.Links {
			got[r.Name] = append(got[r.Name], l.URL)
		}
	}
	want := map[string][]string{
		"web": {"http://docs/", "http://plain.example/app", "https://safe.example/"},
		"job": {"http://route.example/", "https://shift.example/x"},
		"db":  {"http://localhost:8000/", "http://localhost:8001/"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

// TestLabelsAreShown: faces group by them.
func TestLabelsAreShown(t *testing.T) {
	s := newScene(t, func(p *config.Project) { p.Resources[1].Labels = []string{"backend", "go"} })
	for _, r := range s.status().Resources {
		if want := map[string]int{"web": 2}[r.Name]; len(r.Labels) != want {
			t.Errorf("%s has the labels %q", r.Name, r.Labels)
		}
	}
}
