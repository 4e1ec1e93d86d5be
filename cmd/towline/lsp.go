package main

import (
	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/handover"
	"github.com/towline-dev/towline/server/lsp"
)

func lspCommand() *cobra.Command {
	var verbose bool
	cmd := &cobra.Command{
		Use:   "lsp",
		Short: "Serve an editor: LSP on standard input and output",
		Long: `Serve an editor: LSP on standard input and output.

Where towline-lsp lies beside this program, it takes this process over: it is
the same server, and smaller.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			handover.Become(verbose) // returns when it cannot
			code, err := lsp.ServeStdio(cmd.Context(), lsp.Options{Version: version}, verbose)
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
