package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func enableCommand() *cobra.Command {
	cmd := switchCommand("enable", true)
	cmd.Short = "Bring resources up that are not, with what they depend on"
	cmd.Long = `Brings resources up beside what is up, with what they depend on, whatever the
Tiltfile enables. It holds until ` + "`towline down`" + `, through restarts of the daemon.`
	cmd.Example = "  towline enable web\n  towline enable 'group3*'\n  towline enable --label backend"
	return cmd
}

func disableCommand() *cobra.Command {
	cmd := switchCommand("disable", false)
	cmd.Short = "Take resources down and leave the others up"
	cmd.Long = `Ends resources: their objects are deleted, their commands end, and nothing of them
is built. It holds until ` + "`towline enable`" + ` or ` + "`towline down`" + `.`
	cmd.Example = "  towline disable web\n  towline disable --label frontend"
	return cmd
}

// switchCommand turns resources of a project that is up on or off.
func switchCommand(name string, on bool) *cobra.Command {
	var ws workspaceFlags
	var chosen selection
	var all bool
	cmd := &cobra.Command{
		Use: name + " [RESOURCE...]",
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen.names = args
			if chosen.empty() != all {
				return &config.Problem{Message: "what to " + name + " is not clear", Hint: "name resources, or give --label, or --all alone"}
			}
			client, picked, err := chosen.running(cmd.Context(), &ws)
			if err != nil {
				return err
			}
			var names []string
			for _, r := range picked {
				names = append(names, r.Name)
			}
			if err := client.Switch(cmd.Context(), on, names...); err != nil {
				return err
			}
			say(cmd.OutOrStdout(), fmt.Sprintf("%sd %s; `towline status` shows it", name, api.Listed(names, 8, " and ")))
			return err
		},
	}
	ws.register(cmd)
	chosen.register(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all resources of the Tiltfile")
	return cmd
}
