package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
)

// completesResources has a shell complete the names of resources, their labels
// and containers, of the project that is up. Nothing is started for it.
func completesResources(cmd *cobra.Command) *cobra.Command {
	noFiles := cobra.ShellCompDirectiveNoFileComp
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, r := range resourcesOf(cmd) {
			if !slices.Contains(args, r.Name) {
				names = append(names, r.Name+"\t"+words.Line(r.Text))
			}
		}
		return names, noFiles
	}
	flag := func(name string, values func(api.ResourceStatus) []string) {
		if cmd.Flags().Lookup(name) == nil {
			return
		}
		_ = cmd.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, args []string, _ string) (all []string, _ cobra.ShellCompDirective) { // fails for no such flag
			for _, r := range resourcesOf(cmd) {
				if name == "label" || len(args) == 0 || slices.Contains(args, r.Name) {
					all = append(all, values(r)...)
				}
			}
			slices.Sort(all)
			return slices.Compact(all), noFiles
		})
	}
	flag("label", func(r api.ResourceStatus) []string { return r.Labels })
	flag("container", func(r api.ResourceStatus) (names []string) {
		for _, t := range r.Targets {
			names = append(names, t.Container)
		}
		return names
	})
	flag("pod", func(r api.ResourceStatus) (names []string) {
		for _, t := range r.Targets {
			names = append(names, t.Pod)
		}
		return names
	})
	return cmd
}

// completesButtons has a shell complete the names of buttons, and of the resources that
// have one, in the order in which `towline button` takes them.
func completesButtons(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	s := statusOf(cmd)
	found, _ := findButtons(&s, nil)
	for _, b := range found {
		if len(args) == 0 || b.Resource == args[0] {
			names = append(names, b.Name+"\t"+b.title())
		}
		if len(args) == 0 && b.Resource != "" {
			names = append(names, b.Resource)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

// resourcesOf are those of the project that a command is about, none where
// nothing is up.
func resourcesOf(cmd *cobra.Command) []api.ResourceStatus { return statusOf(cmd).Resources }

// statusOf is that of the project that a command is about, none where nothing is up.
func statusOf(cmd *cobra.Command) (s api.Status) {
	file, _ := cmd.Flags().GetString("file")
	_, client, err := (&workspaceFlags{file: file}).running(cmd.Context())
	if err == nil {
		s, _ = client.Status(cmd.Context()) // there is nobody to tell
	}
	return s
}
