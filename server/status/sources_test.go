package status

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

func TestSources(t *testing.T) {
	sync := func(local string) config.Step {
		return config.Step{Kind: config.StepSync, Local: local, Remote: "/app"}
	}
	images := imagesOf(&config.Project{Images: []config.Image{
		{Ref: "base", Deps: []string{"/p/libs"}, BaseImages: []string{"web"}}, // a circle ends
		{Ref: "web", Deps: []string{"/p", "/p/web"}, LiveUpdate: []config.Step{sync("/p/web"), sync("/p/shared"), {Kind: config.StepRun}}, BaseImages: []string{"base"}},
		{Ref: "other", Deps: []string{"/p/other"}},
	}})
	for _, test := range []struct{ images, want []string }{
		{[]string{"web"}, []string{"/p", "/p/libs", "/p/shared", "/p/web"}},
		{[]string{"other"}, []string{"/p/other"}},
		{nil, nil},
		{[]string{"none"}, nil},
	} {
		if diff := cmp.Diff(test.want, sources(images, &config.Resource{Images: test.images})); diff != "" {
			t.Errorf("%q: %s", test.images, diff)
		}
	}
}
