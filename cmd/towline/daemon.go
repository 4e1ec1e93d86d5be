package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/daemon"
	"github.com/towline-dev/towline/starlark/config"
)

func daemonCommand() *cobra.Command {
	var workspace string
	var linger time.Duration
	cmd := &cobra.Command{
		Use:   "daemon",
		Short: "Serve a workspace; the other commands and editors start it on demand",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := api.EndpointOf(workspace)
			if err != nil {
				return err
			}
			err = daemon.Run(cmd.Context(), daemon.Options{
				Endpoint: e, Version: version, Linger: linger, Agent: agentBinaries(),
				Evaluate: evaluate,
				Log:      slog.New(slog.NewTextHandler(os.Stderr, nil)),
			})
			if errors.Is(err, daemon.ErrRunning) {
				fmt.Fprintln(os.Stderr, err)
				return nil
			}
			return err
		},
	}
	cmd.Flags().StringVar(&workspace, "workspace", ".", "folder that holds the Tiltfile")
	cmd.Flags().DurationVar(&linger, "linger", 10*time.Minute, "how long to stay without an editor or another face")
	return cmd
}

// agentBinaries reads the agents that lie beside this program: towline-agent
// for this machine's architecture, towline-agent-linux-ARCH for others.
func agentBinaries() map[string][]byte {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	binaries := map[string][]byte{}
	read := func(arch, name string) {
		if data, err := os.ReadFile(filepath.Join(filepath.Dir(self), name)); err == nil {
			binaries[arch] = data
		}
	}
	read(runtime.GOARCH, "towline-agent")
	for _, arch := range []string{"amd64", "arm64"} {
		read(arch, "towline-agent-linux-"+arch)
	}
	return binaries
}

// evaluate runs a Tiltfile for the daemon.
func evaluate(ctx context.Context, e daemon.Evaluation) *config.Project {
	return &config.Project{Tiltfile: e.Tiltfile}
}
