package main

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// TestStatusEndsAsItStands: badly where a person has to do something, and only
// there.
func TestStatusEndsAsItStands(t *testing.T) {
	one := func(state api.State) api.Status {
		r := api.ResourceStatus{Name: "web", State: state}
		if state.Bad() {
			r.Problem = &config.Problem{Message: "why"}
		}
		return api.Status{Up: true, Resources: []api.ResourceStatus{r}}
	}
	for name, test := range map[string]struct {
		status api.Status
		bad    bool
	}{
		"nothing":      {api.Status{}, false},
		"ready":        {one(api.StateReady), false},
		"done":         {one(api.StateDone), false},
		"starting":     {one(api.StateStarting), false},
		"waiting":      {one(api.StateWaiting), false}, // it may pass by itself
		"error":        {one(api.StateError), true},
		"crashed":      {one(api.StateCrashed), true},
		"not all gone": {api.Status{Left: "web is still there"}, true},
		"Tiltfile":     {api.Status{Up: true, Config: api.ConfigStatus{Error: &config.Problem{Message: "syntax error"}}}, true},
	} {
		if err := verdictOn(&test.status); (err != nil) != test.bad {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestArgumentsOfUp: with nothing up all of them are the Tiltfile's, before and
// after "--".
func TestArgumentsOfUp(t *testing.T) {
	for _, test := range []struct{ line, want []string }{
		{nil, nil},
		{[]string{"web", "db"}, []string{"web", "db"}},
		{[]string{"web", "--", "--debug", "x"}, []string{"web", "--debug", "x"}},
		{[]string{"--", "--debug"}, []string{"--debug"}},
		{[]string{"--"}, []string{}}, // none, which is another answer than what was said before
	} {
		cmd := &cobra.Command{Use: "up", RunE: func(cmd *cobra.Command, args []string) error {
			resources, rest := positional(t.Context(), api.Endpoint{Workspace: t.TempDir(), State: t.TempDir()}, cmd, args)
			if resources != nil || !slices.Equal(rest, test.want) || (rest == nil) != (test.want == nil) {
				t.Errorf("%q: resources %q, arguments %q", test.line, resources, rest)
			}
			return nil
		}}
		cmd.SetArgs(test.line)
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
