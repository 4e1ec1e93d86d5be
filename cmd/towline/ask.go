package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func triggerCommand() *cobra.Command {
	cmd := askCommand("trigger", func(ctx context.Context, c *api.Client, name string) error { return c.Trigger(ctx, name) })
	cmd.Short = "Update resources now, as if their files had changed"
	cmd.Long = `Updates resources now, as if their files had changed, or brings in what awaits a
trigger. A command runs again, and so does a Job, finished or not.`
	return cmd
}

func restartCommand() *cobra.Command {
	cmd := askCommand("restart", func(ctx context.Context, c *api.Client, name string) error { return c.Restart(ctx, name) })
	cmd.Short = "Restart resources' processes where they run"
	cmd.Long = `Restarts processes where they run, without a build: those that an agent supervises
in their containers, the containers of a Compose service, the serve_cmd of a local
resource. What ends by itself is run again by ` + "`towline trigger`" + `.`
	return cmd
}

// askCommand is a command that asks one thing of each of some resources.
func askCommand(name string, do func(context.Context, *api.Client, string) error) *cobra.Command {
	var ws workspaceFlags
	var chosen selection
	cmd := &cobra.Command{
		Use:     name + " RESOURCE...",
		Example: fmt.Sprintf("  towline %[1]s web\n  towline %[1]s web 'group3*'\n  towline %[1]s --label backend", name),
		RunE: func(cmd *cobra.Command, args []string) error {
			if chosen.names = args; chosen.empty() {
				return &config.Problem{Message: "which resources to " + name + " is not said", Hint: fmt.Sprintf("name some, as in `towline %s web`, or give --label", name)}
			}
			client, picked, err := chosen.running(cmd.Context(), &ws)
			if err != nil {
				return err
			}
			var asked []string
			err = askEach(picked, func(r *api.ResourceStatus) error {
				err := do(cmd.Context(), client, r.Name)
				if err == nil {
					asked = append(asked, r.Name)
				}
				return err
			})
			if len(asked) > 0 {
				say(cmd.OutOrStdout(), fmt.Sprintf("%s asked of %s; `towline status` shows it", name, api.Listed(asked, 8, " and ")))
			}
			return err
		},
	}
	ws.register(cmd)
	chosen.register(cmd)
	return cmd
}

// askEach asks something of each resource: that one refuses keeps it from no
// other, and each refusal is told.
func askEach(resources []api.ResourceStatus, do func(*api.ResourceStatus) error) error {
	var refused *config.Problem
	for i := range resources {
		err := do(&resources[i])
		if len(resources) == 1 || err != nil && !errors.As(err, &refused) {
			return err
		}
		if err != nil {
			report(err)
		}
	}
	if refused != nil {
		return errReported
	}
	return nil
}
