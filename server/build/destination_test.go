package build

import (
	"errors"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

func TestDestination(t *testing.T) {
	for _, test := range []struct {
		ref     string
		cluster Cluster
		want    string // in the refusal, or in what is said; "": neither
		refused bool
	}{
		{"web", Cluster{}, "docker.io/library/web", true},
		{"docker.io/library/web:dev", Cluster{}, "docker.io/library/web", true},
		{"team/web", Cluster{}, "docker.io/team/web", false},
		{"web", Cluster{Unread: "you may not list nodes"}, "you may not list nodes", true},
		{"ghcr.io/team/web", Cluster{}, "", false},
		{"localhost:5000/web", Cluster{}, "", false},
		{"web", Cluster{Registry: testRegistry}, "", false},
		{"web", Cluster{Product: "kind"}, "", false}, // loaded into its nodes
		{"web", Cluster{Product: "docker-desktop"}, "", false},
	} {
		var said strings.Builder
		names, err := (&builder{cluster: test.cluster}).destination(test.ref, &said)
		var p *config.Problem
		if errors.As(err, &p) != test.refused || err != nil && !test.refused {
			t.Errorf("%s: %v, want refused=%v", test.ref, err, test.refused)
		}
		text := said.String()
		if p != nil {
			text = p.Message
			if !strings.Contains(p.Hint, "default_registry(") {
				t.Errorf("%s: the hint %q names no cure", test.ref, p.Hint)
			}
		} else if names.Local == "" {
			t.Errorf("%s has no name", test.ref)
		}
		if (text == "") != (test.want == "") || !strings.Contains(text, test.want) {
			t.Errorf("%s: %q is said, want %q", test.ref, text, test.want)
		}
	}
}
