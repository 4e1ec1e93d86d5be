package main

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// selection picks resources: by names, in which * stands for anything, and by
// labels. Of both, what either picks.
type selection struct {
	names  []string
	labels []string
}

func (s *selection) register(cmd *cobra.Command) {
	cmd.Flags().StringSliceVarP(&s.labels, "label", "l", nil, "resources with this label")
}

func (s *selection) empty() bool { return len(s.names)+len(s.labels) == 0 }

// running asks the daemon that runs, and picks from what it has.
func (s *selection) running(ctx context.Context, ws *workspaceFlags) (*api.Client, []api.ResourceStatus, error) {
	_, client, err := ws.running(ctx)
	if err != nil {
		return nil, nil, err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return nil, nil, err
	}
	picked, err := s.of(status.Resources)
	return client, picked, err
}

// of returns the resources that are picked, all when nothing is said. What
// picks none is an error.
func (s *selection) of(all []api.ResourceStatus) ([]api.ResourceStatus, error) {
	if s.empty() {
		return all, nil
	}
	picked := map[string]bool{}
	pick := func(is func(*api.ResourceStatus) bool) (any bool) {
		for i := range all {
			if is(&all[i]) {
				any, picked[all[i].Name] = true, true
			}
		}
		return any
	}
	for _, pattern := range s.names {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, &config.Problem{Message: fmt.Sprintf("%q is no pattern of names", pattern), Hint: "* stands for any letters, ? for one"}
		}
		if !pick(func(r *api.ResourceStatus) bool { ok, _ := path.Match(pattern, r.Name); return ok || r.Name == pattern }) {
			var known []string
			for _, r := range all {
				known = append(known, r.Name)
			}
			return nil, api.NoResource(pattern, known)
		}
	}
	for _, label := range s.labels {
		if !pick(func(r *api.ResourceStatus) bool { return slices.Contains(r.Labels, label) }) {
			return nil, &config.Problem{Message: fmt.Sprintf("no resource has the label %q", label), Hint: labelHint(all)}
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(r api.ResourceStatus) bool { return !picked[r.Name] }), nil
}

// labelHint names the labels that there are.
func labelHint(all []api.ResourceStatus) string {
	var labels []string
	for _, r := range all {
		labels = append(labels, r.Labels...)
	}
	slices.Sort(labels)
	if labels = slices.Compact(labels); len(labels) == 0 {
		return "the Tiltfile gives none: k8s_resource(…, labels=['backend'])"
	}
	return "there are " + api.Listed(labels, 8, " and ")
}
