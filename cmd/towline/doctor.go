package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/build"
	"github.com/towline-dev/towline/server/doctor"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/server/run/compose"
	"github.com/towline-dev/towline/server/workspace"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/ide"
)

// doctorPatience is how long doctor waits for each answer.
const doctorPatience = 5 * time.Second

func doctorCommand() *cobra.Command {
	var ws workspaceFlags
	var o kube.Options
	var asJSON, role bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at what Towline needs here and in the cluster, and say what cures what is wrong",
		Long: `Looks at the kubeconfig, the cluster and your rights in it, the agent, the registry,
the builder of images, the limits for watching files and, where the project of this
folder has Compose services, Docker's Compose plugin. Each thing that is wrong
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
				Spare:   spare(&ws),
				Builder: build.New(build.Options{}).Name, Compose: composeOf(cmd.Context(), &ws),
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
				columns := columnsIn(cmd.OutOrStdout())
				printDiagnosis(cmd.OutOrStdout(), found, columns, columns > 0 && os.Getenv("NO_COLOR") == "")
			}
			if slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.State == doctor.Bad }) {
				return errReported
			}
			return nil
		},
	}
	ws.register(cmd)
	cmd.Flags().StringVar(&o.Context, "context", "", "context of the kubeconfig (default: its current one)")
	cmd.Flags().Var((*namespaceName)(&o.Namespace), "namespace", "namespace that rights are looked at in (default: the context's)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was found as JSON")
	cmd.Flags().BoolVar(&role, "role", false, "print a Role with all that Towline needs in the namespace")
	return cmd
}

// spare reports whether the project of this folder needs no cluster.
func spare(ws *workspaceFlags) bool {
	_, tiltfile, err := ws.find()
	return err == nil && needsNoCluster(tiltfile)
}

// composeOf looks at what runs the Compose services of the project of this
// folder; nil where it has none. Nothing of the Tiltfile is run to find out.
func composeOf(ctx context.Context, ws *workspaceFlags) func(context.Context) (string, error) {
	e, tiltfile, err := ws.find()
	if err != nil || !usesCompose(tiltfile) && !runsCompose(ctx, e) {
		return nil
	}
	return func(ctx context.Context) (string, error) {
		version, err := compose.CLI{}.Check(ctx)
		return "docker compose " + version, err
	}
}

// usesCompose reports whether a Tiltfile, or one of its own that it takes in,
// calls docker_compose.
func usesCompose(tiltfile string) bool {
	return callsOf(tiltfile).names["docker_compose"]
}

// needsNoCluster reports whether the project of this folder does without a
// cluster, for all that its Tiltfiles call.
func needsNoCluster(tiltfile string) bool {
	calls := callsOf(tiltfile)
	inCluster := func(name string) bool { return strings.HasPrefix(name, "k8s_") }
	return !calls.others && (calls.names["docker_compose"] || calls.names["local_resource"]) &&
		!slices.ContainsFunc(slices.Collect(maps.Keys(calls.names)), inCluster)
}

// calls are the built-ins that a project's Tiltfiles call.
type calls struct {
	names  map[string]bool
	others bool // they take in what is not theirs, or is not found, and its calls are not known
}

// callsOf reads a Tiltfile and its own that it takes in. Nothing is run.
func callsOf(tiltfile string) calls {
	snap, found := workspace.New().Snapshot(), workspace.UserExtensions()
	world := workspace.World{Snapshot: snap, Found: found}
	out := calls{names: map[string]bool{}}
	files := []string{tiltfile}
	for i := 0; i < len(files); i++ {
		text, err := snap.Text(files[i])
		if err != nil {
			out.others = true
			continue
		}
		file := text.File(files[i])
		for name, b := range file.Builtins {
			if b != nil && len(b.Uses) > 0 {
				out.names[name] = true
			}
		}
		for _, l := range file.Loads {
			m := world.Module(files[i], l.Module.Value)
			switch {
			case m.State != ide.Found || found.Foreign(m.Path):
				out.others = true
			case !slices.Contains(files, m.Path):
				files = append(files, m.Path)
			}
		}
	}
	return out
}

// runsCompose reports whether a project that is up has Compose services.
func runsCompose(ctx context.Context, e api.Endpoint) bool {
	if !api.Running(ctx, e) {
		return false
	}
	s, err := api.NewClient(e).Status(ctx)
	return err == nil && slices.ContainsFunc(s.Resources, func(r api.ResourceStatus) bool { return r.Kind == config.KindCompose })
}

// printDiagnosis writes what was found, and below each thing what cures it, for a
// terminal of so many columns; 0 is none.
func printDiagnosis(w io.Writer, found []doctor.Finding, columns int, coloured bool) {
	marks := map[doctor.State]string{doctor.Good: "✓", doctor.Poor: "▲", doctor.Bad: "✗", doctor.Unseen: "·"}
	colours := map[doctor.State]string{doctor.Good: "\x1b[32m", doctor.Poor: "\x1b[33m", doctor.Bad: "\x1b[31m", doctor.Unseen: "\x1b[2m"}
	topics := 0
	for _, f := range found {
		topics = max(topics, len(f.Topic))
	}
	for _, f := range found {
		mark := marks[f.State]
		if coloured {
			mark = words.Painted(mark, colours[f.State])
		}
		fmt.Fprintln(w, words.Wrap(fmt.Sprintf("%s %-*s  %s", mark, topics, f.Topic, f.Text), columns))
		if f.Cure != "" {
			fmt.Fprintln(w, words.Wrap(strings.Repeat(" ", topics+4)+"→ "+f.Cure, columns))
		}
	}
}
