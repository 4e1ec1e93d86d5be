package main

import (
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/lsp"
)

// The language server's heap is small and short-lived beside what the
// collector would let it grow to, and editors start many such processes.
const (
	lspGCPercent   = 50
	lspMemoryLimit = 256 << 20 // from here on the collector works harder
)

func lspCommand() *cobra.Command {
	var verbose bool
	cmd := &cobra.Command{
		Use:   "lsp",
		Short: "Serve an editor: LSP on standard input and output",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			debug.SetGCPercent(lspGCPercent)
			debug.SetMemoryLimit(lspMemoryLimit)
			level := slog.LevelInfo
			if verbose {
				level = slog.LevelDebug
			}
			code, err := lsp.Serve(cmd.Context(), stdio{os.Stdin, os.Stdout}, lsp.Options{
				Version: version,
				Log:     slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
			})
			if err != nil {
				return err
			}
			if code != 0 {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "log more to standard error")
	// Clients of the VS Code family pass --stdio by themselves.
	cmd.Flags().Bool("stdio", true, "speak on standard input and output (the only way)")
	return cmd
}

// stdio is the process's input and output as one stream.
type stdio struct {
	io.ReadCloser
	io.WriteCloser
}

// Close closes both.
func (s stdio) Close() error {
	s.ReadCloser.Close()
	return s.WriteCloser.Close()
}
