package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/dap/adapter"
	"github.com/towline-dev/towline/dap/bridge"
	"github.com/towline-dev/towline/dap/rewrite"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func dapCommand() *cobra.Command {
	var listen, workspace string
	var verbose bool
	cmd := &cobra.Command{
		Use:   "dap",
		Short: "Serve an editor: DAP on standard input and output, or on a port",
		Long: `Dap is a debug adapter. It attaches to the process of a resource in its pod
and stays attached when the process is replaced: breakpoints outlive a restart.

The debug configuration of the editor names the resource:

  {"type": "towline", "request": "attach", "name": "api", "resource": "api"}`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			level := slog.LevelInfo
			if verbose {
				level = slog.LevelDebug
			}
			options := dapOptions(workspace, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
			if listen == "" {
				return bridge.Serve(cmd.Context(), pumped(os.Stdin, os.Stdout), options)
			}
			return listenDAP(cmd.Context(), listen, cmd.OutOrStdout(), options)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "serve on this `address` of the loopback instead, for example 127.0.0.1:0")
	cmd.Flags().StringVar(&workspace, "workspace", ".", "folder of the Tiltfile, or one below it")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log more to standard error")
	return cmd
}

// dapOptions wires a session to the daemons of workspaces.
func dapOptions(workspace string, log *slog.Logger) bridge.Options {
	return bridge.Options{
		Adapters: adapter.All(),
		Log:      log,
		Connect: func(ctx context.Context, asked string) (bridge.Backend, error) {
			dir, err := dapWorkspace(asked, workspace)
			if err != nil {
				return nil, err
			}
			e, err := api.EndpointOf(dir)
			if err != nil {
				return nil, err
			}
			return bridge.ConnectDaemon(ctx, e, api.Launcher{})
		},
		Describe: func(ctx context.Context, asked string) rewrite.Workspace {
			dir, err := dapWorkspace(asked, workspace)
			if err != nil {
				return rewrite.Workspace{} // Connect has said so
			}
			return bridge.DescribeDisk(ctx, dir)
		},
	}
}

// dapWorkspace returns the folder of the Tiltfile that a debug configuration,
// or else the command line, means.
func dapWorkspace(asked, otherwise string) (string, error) {
	if asked == "" {
		asked = otherwise
	}
	dir, err := filepath.Abs(asked)
	if err != nil {
		return "", err
	}
	tiltfile, err := tiltfileAbove(dir)
	if err != nil {
		return "", &config.Problem{
			Message: fmt.Sprintf("no Tiltfile in %s or a folder above it", dir),
			Hint:    `set "workspace" in the debug configuration to the project's folder`,
		}
	}
	return filepath.Dir(tiltfile), nil
}

// pumped is stdin and stdout as one stream whose Close ends a Read at once;
// that of a standard input does not.
func pumped(in io.Reader, out io.WriteCloser) io.ReadWriteCloser {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, in)
		w.CloseWithError(err)
	}()
	return piped{r, out}
}

// piped is a reader and a writer as one stream.
type piped struct {
	io.ReadCloser
	io.WriteCloser
}

// Close closes both.
func (p piped) Close() error { return errors.Join(p.ReadCloser.Close(), p.WriteCloser.Close()) }

// maxSessions bounds the connections that are served at once.
const maxSessions = 64

// listenDAP serves a session for each connection until ctx ends. It says
// where it listens, since the port may be 0. What does not speak the protocol,
// such as a browser that a web page sends here, is cut off at its first line.
func listenDAP(ctx context.Context, address string, out io.Writer, options bridge.Options) error {
	l, err := listenLoopback(ctx, address)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "DAP server listening at: %s\n", l.Addr())
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var sessions sync.WaitGroup
	defer sessions.Wait()
	slots := make(chan struct{}, maxSessions)
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accepting an editor: %w", err)
		}
		select {
		case slots <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		sessions.Go(func() {
			defer func() { <-slots }()
			if err := bridge.Serve(ctx, conn, options); err != nil {
				options.Log.Error("a debugging session failed", "error", err)
			}
		})
	}
}

// listenLoopback refuses addresses that others can reach: whoever can attach
// a debugger can run anything.
func listenLoopback(ctx context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &config.Problem{Message: fmt.Sprintf("listening on %q: %v", address, err), Hint: "give host and port: --listen 127.0.0.1:0"}
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, &config.Problem{
			Message: fmt.Sprintf("%s is not an address of the loopback", host),
			Hint:    "listen on 127.0.0.1 and forward the port, with ssh -L for example",
		}
	}
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", net.JoinHostPort(host, port))
}
