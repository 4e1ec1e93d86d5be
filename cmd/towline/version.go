package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// notices are the licences of what is linked, written by hack/notices.
//
//go:embed notices/NOTICES.txt
var notices string

// versionCommand is `towline version`: what to write in a bug report.
func versionCommand() *cobra.Command {
	var licences, asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, for a bug report",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if licences {
				_, err := fmt.Fprint(cmd.OutOrStdout(), notices)
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "towline %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	cmd.Flags().BoolVar(&licences, "licences", false, "print the licences of all that Towline is made with")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return cmd
}
