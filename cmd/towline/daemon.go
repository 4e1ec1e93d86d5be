package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/handover"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/daemon"
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/eval"
)

func daemonCommand() *cobra.Command {
	var workspace string
	var linger time.Duration
	var stop bool
	cmd := &cobra.Command{
		Use:   "daemon",
		Short: "Serve a workspace; the other commands and editors start it on demand",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := api.EndpointOf(workspace)
			if err != nil {
				return err
			}
			if stop {
				if !api.Running(cmd.Context(), e) {
					return nil
				}
				return api.NewClient(e).Shutdown(cmd.Context())
			}
			if info, err := os.Stat(e.Workspace); err != nil || !info.IsDir() {
				return &config.Problem{Message: fmt.Sprintf("there is no folder %s to serve", workspace), Hint: "--workspace names the folder that holds the Tiltfile"}
			}
			err = daemon.Run(cmd.Context(), daemon.Options{
				Endpoint: e, Version: version, Linger: linger, Agent: agentBinaries(),
				Evaluate: evaluator(),
				Log:      slog.New(slog.NewTextHandler(os.Stderr, nil)),
			})
			if errors.Is(err, daemon.ErrRunning) {
				say(os.Stderr, err.Error())
				return nil
			}
			return err
		},
	}
	cmd.Flags().StringVar(&workspace, "workspace", ".", "folder that holds the Tiltfile")
	cmd.Flags().BoolVar(&stop, "stop", false, "end the workspace's daemon; what runs in the cluster stays")
	cmd.Flags().DurationVar(&linger, "linger", 10*time.Minute, "how long to stay without an editor or another face")
	return cmd
}

// agentBinaries reads the agents that lie beside this program: towline-agent
// for this machine's architecture, towline-agent-linux-ARCH for others.
func agentBinaries() map[string][]byte {
	binaries := map[string][]byte{}
	read := func(arch, name string) {
		if data, err := os.ReadFile(handover.Beside(name)); err == nil {
			binaries[arch] = data
		}
	}
	read(runtime.GOARCH, "towline-agent")
	for _, arch := range []string{"amd64", "arm64"} {
		read(arch, "towline-agent-linux-"+arch)
	}
	return binaries
}

// evaluator returns what the daemon evaluates Tiltfiles with. What does not
// change between evaluations is kept.
func evaluator() daemon.Evaluate {
	kept := cache.New()
	var wanted atomic.Bool // the last one was of a person who wants the Tiltfile to run
	var since atomic.Pointer[time.Time]
	since.Store(new(time.Time))
	return func(ctx context.Context, e daemon.Evaluation) *config.Project {
		if now := time.Now(); e.Allowed == nil && !wanted.Swap(true) {
			since.Store(&now) // a new `up`: extensions that are not locked are looked at anew
		} else if e.Allowed != nil {
			wanted.Store(false)
		}
		extensions := extensionCache(e.Tiltfile, e.Log)
		if extensions != nil {
			extensions.Fresh = *since.Load()
		}
		env := os.Environ()
		if e.Kubeconfig != "" {
			env = append(env, "KUBECONFIG="+e.Kubeconfig)
		}
		return eval.Eval(ctx, eval.Options{
			Tiltfile: e.Tiltfile, Args: e.Args, Subcommand: e.Subcommand, Env: env, Log: e.Log, Cache: kept, Version: version, Renderer: apart("chart", "render"), Kustomizer: apart("chart", "kustomize"),
			Kube: &eval.Kube{
				Context: e.Cluster.Context, Namespace: e.Cluster.Namespace, Local: e.Cluster.Local(), CASHA256: e.Cluster.CAHash,
			},
			AnyContext: true, Allowed: e.Allowed,
			Remote: remote(extensions),
		})
	}
}
