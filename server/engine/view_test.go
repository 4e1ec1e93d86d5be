package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/towline-dev/towline/starlark/config"
)

func TestUsersFollowBases(t *testing.T) {
	for ref, want := range map[string][]string{"base": {"web"}, "web": {"web"}, "api": {"api"}, "other": nil} {
		if diff := cmp.Diff(want, Users(project(), ref)); diff != "" {
			t.Errorf("users of %s (-want +got):\n%s", ref, diff)
		}
	}
}

// TestViewSurvivesACycle has images that are built from each other, which an
// evaluation refuses; the engine must not hang on them.
func TestViewSurvivesACycle(t *testing.T) {
	v := newView(&config.Project{Images: []config.Image{{Ref: "a", BaseImages: []string{"b"}}, {Ref: "b", ImageDeps: []string{"a", "c"}}}})
	if diff := cmp.Diff([]string{"c", "b", "a"}, v.buildOrder([]string{"a"})); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if got := v.image("nobody's").Ref; got != "nobody's" {
		t.Errorf("ref of an unknown image = %q", got)
	}
}

func TestIsApplyKeyAgreesWithApplyKey(t *testing.T) {
	p := &config.Project{
		Images:    []config.Image{{Ref: "web"}, {Ref: "side"}},
		Resources: []config.Resource{{Name: "web", Kind: config.KindK8s, Images: []string{"web", "side"}}},
	}
	s, _ := Step(State{}, Configured{Project: p})
	s.setImage("web", Image{Pushed: "web:1"})
	s.setImage("side", Image{Pushed: "side:1"})
	s.setResource("web", Resource{Spec: "spec"})
	spec := &p.Resources[0]
	good := applyKey(&s, spec)
	if !isApplyKey(&s, spec, good) {
		t.Errorf("%q is not taken for the key", good)
	}
	for _, key := range []string{"", "spec", "spec|web:1", "spec|web:1|side:2", good + "|", good + "0", "other|web:1|side:1", "spec web:1|side:1"} {
		if isApplyKey(&s, spec, key) {
			t.Errorf("%q is taken for the key %q", key, good)
		}
	}
}
