package kube

import (
	"slices"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestAnothersObjectIsRefused with its owner and since when, and what to do;
// nothing is written. What nobody brought up, what is ours, and what may be
// taken is applied.
func TestAnothersObjectIsRefused(t *testing.T) {
	for _, test := range []struct {
		manager, workspace string
		take, refused      bool
	}{
		{"towline", "another", false, true},
		{"towline", "another", true, false},
		{"towline", "ours", false, false},
		{"Helm", "another", false, false}, // a label that somebody copied
		{"", "", false, false},
	} {
		api, c := newIdleAPI(t)
		object := api.add("services", "v1", "Service", "web", "")
		meta := api.objects["services/web"]["metadata"].(map[string]any)
		meta["labels"] = map[string]any{LabelManagedBy: test.manager, LabelWorkspace: test.workspace}
		meta["annotations"] = map[string]any{AnnotationOwner: "anna@there:/shop"}
		meta["creationTimestamp"] = "2026-03-04T05:06:07Z"
		asked := ""
		_, err := c.Apply(t.Context(), []map[string]any{object}, ApplyOptions{
			Labels: map[string]string{LabelWorkspace: "ours"}, Take: func(owner string) bool { asked = owner; return test.take },
		})
		if wrote := slices.Contains(api.requests, "patch services"); wrote == test.refused || IsKind(err, Taken) != test.refused {
			t.Errorf("%+v: written %v, %v", test, wrote, err)
		}
		if (asked != "") != (test.manager == "towline" && test.workspace == "another") {
			t.Errorf("%+v: asked for %q", test, asked)
		}
		if !test.refused {
			continue
		}
		p := err.(interface{ Unwrap() []error }).Unwrap()[0].(*Error).Problem()
		for _, want := range []string{"Service web in namespace ns", "anna@there:/shop", "since 2026-03-04"} {
			if !strings.Contains(p.Message, want) {
				t.Errorf("%q does not say %q", p.Message, want)
			}
		}
		if p.Cause != config.CauseTaken || !strings.Contains(p.Hint, "--namespace") || !strings.Contains(p.Hint, "--take-over") {
			t.Errorf("problem %+v", p)
		}
	}
}
