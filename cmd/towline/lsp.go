package main

import (
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/lsp"
)

// lspProgram is the language server as a program of its own. It carries
// neither client-go nor the template engines, which makes it a sixth of this
// one and an editor's process a quarter.
const lspProgram = "towline-lsp"

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
			if program := beside(lspProgram); program != "" {
				args := []string{program, "--sibling", version}
				if verbose {
					args = append(args, "--verbose")
				}
				_ = syscall.Exec(program, args, os.Environ()) // returns only when it failed; this program serves as well
			}
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
