package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func TestSelection(t *testing.T) {
	all := []api.ResourceStatus{
		{Name: "web", Labels: []string{"front"}}, {Name: "api", Labels: []string{"back", "core"}},
		{Name: "group3-a"}, {Name: "group3-b", Labels: []string{"back"}}, {Name: "od[d"},
	}
	for _, test := range []struct{ names, labels, want string }{
		{"", "", "web api group3-a group3-b od[d"},
		{"web", "", "web"},
		{"group3*", "", "group3-a group3-b"},
		{"group3-? web", "", "web group3-a group3-b"},
		{"", "back", "api group3-b"},
		{"web", "core", "web api"},
		{"we", "", `there is no resource "we"; did you mean web?`},
		{"group4*", "", `there is no resource "group4*"`},
		{"", "bakc", `no resource has the label "bakc"; there are back, core and front`},
		{"od[d", "", "od[d"},
		{"[a", "", `"[a" is no pattern of names`},
	} {
		s := selection{names: strings.Fields(test.names), labels: strings.Fields(test.labels)}
		picked, err := s.of(all)
		var got []string
		for _, r := range picked {
			got = append(got, r.Name)
		}
		text := strings.Join(got, " ")
		if err != nil {
			text = err.Error()
			if p := new(config.Problem); errors.As(err, &p) {
				text = p.Message + "; " + p.Hint
			}
		}
		if !strings.HasPrefix(text, test.want) {
			t.Errorf("%q, labels %q: got %s, want %s", test.names, test.labels, text, test.want)
		}
	}
}
