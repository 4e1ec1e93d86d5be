package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/doctor"
	"github.com/towline-dev/towline/server/kube"
)

// doctorPatience is how long doctor waits for each answer.
const doctorPatience = 5 * time.Second

func doctorCommand() *cobra.Command {
	var o kube.Options
	var asJSON, role bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at what Towline needs here and in the cluster, and say what cures what is wrong",
		Long: `Looks at the kubeconfig, the cluster and your rights in it, the agent, the registry,
the builder of images and the limits for watching files. Each thing that is wrong
comes with what cures it. Nothing is changed. The exit code is 1 where something
keeps a project from coming up.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			open := func() (*kube.Cluster, error) { return kube.Open(o) }
			if role {
				namespace := cmp.Or(o.Namespace, "default")
				if c, err := open(); err == nil {
					namespace = c.Identity().Namespace
				}
				_, err := fmt.Fprint(cmd.OutOrStdout(), kube.Role(namespace))
				return err
			}
			found := doctor.Examine(cmd.Context(), doctor.Options{
				Open: func() (doctor.Cluster, error) {
					c, err := open()
					if err != nil {
						return nil, err
					}
					return c, nil
				},
				Builder: build.New(build.Options{}).Name,
				Agents:  slices.Sorted(maps.Keys(agentBinaries())),
				Watches: doctor.SystemWatches(), Timeout: doctorPatience,
			})
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				if err := enc.Encode(found); err != nil {
					return err
				}
			} else {
				printDiagnosis(cmd.OutOrStdout(), found, os.Getenv("NO_COLOR") == "" && columnsOf(os.Stdout) > 0)
			}
			if slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.State == doctor.Bad }) {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Context, "context", "", "context of the kubeconfig (default: its current one)")
	cmd.Flags().StringVar(&o.Namespace, "namespace", "", "namespace that rights are looked at in (default: the context's)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was found as JSON")
	cmd.Flags().BoolVar(&role, "role", false, "print a Role with all that Towline needs in the namespace")
	return cmd
}

// printDiagnosis writes what was found, and below each thing what cures it.
func printDiagnosis(w io.Writer, found []doctor.Finding, coloured bool) {
	marks := map[doctor.State]string{doctor.Good: "✓", doctor.Poor: "▲", doctor.Bad: "✗", doctor.Unseen: "·"}
	colours := map[doctor.State]string{doctor.Good: "\x1b[32m", doctor.Poor: "\x1b[33m", doctor.Bad: "\x1b[31m", doctor.Unseen: "\x1b[2m"}
	width := 0
	for _, f := range found {
		width = max(width, len(f.Topic))
	}
	for _, f := range found {
		mark := marks[f.State]
		if coloured {
			mark = painted(mark, colours[f.State])
		}
		fmt.Fprintf(w, "%s %-*s  %s\n", mark, width, f.Topic, f.Text)
		if f.Cure != "" {
			fmt.Fprintf(w, "%s→ %s\n", strings.Repeat(" ", width+4), f.Cure)
		}
	}
}
