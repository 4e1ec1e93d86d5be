package kube

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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

// TestSinceWhenItIsItsOwners: what was there before it came to a workspace says
// when it came; what the workspace made needs no words of its own.
func TestSinceWhenItIsItsOwners(t *testing.T) {
	object := func(workspace, since string) *unstructured.Unstructured {
		u := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"creationTimestamp": "2026-03-04T05:06:07Z"}}}
		u.SetLabels(map[string]string{LabelManagedBy: fieldManager, LabelWorkspace: workspace})
		if since != "" {
			u.SetAnnotations(map[string]string{AnnotationOwner: "anna", AnnotationSince: since})
		}
		return u
	}
	began := time.Now().Truncate(time.Second)
	for _, test := range []struct{ theirs, since, want string }{
		{"ours", "", ""}, {"ours", "2026-05-06T07:08:09Z", "2026-05-06T07:08:09Z"}, {"", "", "now"}, {"another", "2026-05-06T07:08:09Z", "now"},
	} {
		a := applier{object: object("ours", "")}
		a.keepSince(object(test.theirs, test.since))
		got := a.object.GetAnnotations()[AnnotationSince]
		if test.want == "now" {
			if at, err := time.Parse(time.RFC3339, got); err != nil || at.Before(began) || at.After(time.Now()) {
				t.Errorf("%+v: since %q", test, got)
			}
		} else if got != test.want {
			t.Errorf("%+v: since %q", test, got)
		}
	}
	for since, want := range map[string]string{"": "since 2026-03-0", "2026-05-06T07:08:09Z": "since 2026-05-0", "once": "since 2026-03-0"} {
		if got := OwnerOf(object("ours", since).Object); !strings.Contains(got, want) {
			t.Errorf("%q: %q", since, got)
		}
	}
}

// TestSharedObjectStaysItsOwners: what lives in no namespace and is not taken over
// names neither another workspace nor another owner when it is applied again.
func TestSharedObjectStaysItsOwners(t *testing.T) {
	object := func(workspace, owner string) *unstructured.Unstructured {
		u := &unstructured.Unstructured{Object: map[string]any{"kind": "ClusterRole", "metadata": map[string]any{"name": "reader"}}}
		u.SetLabels(map[string]string{LabelManagedBy: fieldManager, LabelWorkspace: workspace})
		u.SetAnnotations(map[string]string{AnnotationOwner: owner})
		return u
	}
	a := applier{object: object("ours", "bert")}
	if err := a.claim(object("theirs", "anna")); err != nil {
		t.Fatal(err)
	}
	if got := a.object; got.GetLabels()[LabelWorkspace] != "theirs" || got.GetAnnotations()[AnnotationOwner] != "anna" {
		t.Errorf("applied with %v, %v", got.GetLabels(), got.GetAnnotations())
	}
}
