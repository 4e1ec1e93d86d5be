package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
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
	client, status, err := ws.status(ctx)
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
	var names, labels []string
	for _, r := range all {
		names, labels = append(names, r.Name), append(labels, r.Labels...)
	}
	for _, pattern := range s.names {
		if p := api.Unnamed(pattern, names); p != nil {
			return nil, p
		}
	}
	for _, label := range s.labels {
		if p := api.Unlabelled(label, labels); p != nil {
			return nil, p
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(r api.ResourceStatus) bool { return !s.picks(&r) }), nil
}

func (s *selection) picks(r *api.ResourceStatus) bool {
	return slices.ContainsFunc(s.names, func(pattern string) bool { return api.Named(pattern, r.Name) }) ||
		slices.ContainsFunc(s.labels, func(label string) bool { return slices.Contains(r.Labels, label) })
}
