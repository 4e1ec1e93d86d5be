package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/eval"
	"github.com/towline-dev/towline/starlark/gitrepo"
)

// evalCommand is `towline eval`: what a Tiltfile resolves to.
func evalCommand() *cobra.Command {
	var file, subcommand string
	var asJSON, withSecrets bool
	cmd := &cobra.Command{
		Use:   "eval [-f FILE] [--json] [-- ARGS]",
		Short: "Show what a Tiltfile resolves to",
		Long: "Show what a Tiltfile resolves to, without touching a cluster.\n\n" +
			"With --json it prints one document (docs/eval.schema.json), on errors too; the exit code is 1 then.\n" +
			"Values of Secrets are hidden in it, unless --with-secrets or the Tiltfile's secret_settings shows them.",
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := tiltfileToEvaluate(file)
			if err != nil {
				return err
			}
			deferCollection()
			log := func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) }
			project := eval.Eval(cmd.Context(), eval.Options{
				Tiltfile: path, Args: args, Env: os.Environ(), Subcommand: subcommand, Version: version, Renderer: apart("chart", "render"), Kustomizer: apart("chart", "kustomize"), Log: log,
				Remote: remote(extensionCache(path, log)),
			})
			if !withSecrets {
				project = config.Scrubbed(config.SecretsOf(project), project)
			}
			if asJSON {
				_, err = cmd.OutOrStdout().Write(project.AppendJSON(nil))
			} else {
				printProject(cmd.OutOrStdout(), cmd.ErrOrStderr(), project)
			}
			if err == nil && project.Error != nil {
				return errReported
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", fileUsage)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().BoolVar(&withSecrets, "with-secrets", false, "print the values of Secrets too")
	cmd.Flags().StringVar(&subcommand, "subcommand", "up", "what config.tilt_subcommand says")
	return cmd
}

// tiltfileToEvaluate returns the absolute path of the file that is named, or of
// the nearest Tiltfile. Where there is none it is this folder's: that it is
// missing is for the evaluation to say, in its document.
func tiltfileToEvaluate(named string) (string, error) {
	path, err := (&workspaceFlags{file: named}).tiltfile()
	if err != nil {
		return filepath.Abs("Tiltfile")
	}
	return path, nil
}

// extensionCache fetches repositories of a Tiltfile's extensions to the user's
// cache, by the lock file beside it; nil when the user has no cache.
func extensionCache(tiltfile string, log func(string)) *gitrepo.Remote {
	cache, ok := extensions.UserCache()
	if !ok {
		return nil
	}
	return &gitrepo.Remote{Dir: string(cache), Lock: filepath.Join(filepath.Dir(tiltfile), extensions.LockName), Env: os.Environ(), Log: log}
}

// remote is a *gitrepo.Remote as an eval.Remote, nil for nil.
func remote(g *gitrepo.Remote) eval.Remote {
	if g == nil {
		return nil
	}
	return g
}

// deferCollection lets the garbage collector wait for some 64 MB. Most
// evaluations end before that, and a third of their time would go to it. After
// its first round all is as usual.
func deferCollection() {
	if os.Getenv("GOGC") != "" {
		return
	}
	usual := debug.SetGCPercent(1600)
	runtime.AddCleanup(new([64]byte), func(percent int) { debug.SetGCPercent(percent) }, usual)
}

// printProject prints a table of resources, then what is wrong.
func printProject(out, errOut io.Writer, project *config.Project) {
	for _, res := range project.Resources {
		var notes []string
		for _, pf := range res.PortForwards {
			notes = append(notes, fmt.Sprintf("port %d", pf.Local))
		}
		if len(res.Images) > 0 {
			notes = append(notes, "images "+strings.Join(res.Images, ", "))
		}
		if !res.Enabled {
			notes = append(notes, "disabled")
		}
		fmt.Fprintf(out, "%-8s %-32s %s\n", res.Kind, res.Name, strings.Join(notes, "; "))
	}
	for i := range project.Warnings {
		say(errOut, "warning: "+project.Warnings[i].Error())
	}
	if project.Error == nil {
		return
	}
	if len(project.Error.Stack) > 1 {
		fmt.Fprintln(errOut, "Traceback (most recent call last):")
		for _, f := range project.Error.Stack {
			fmt.Fprintf(errOut, "  %s: in %s\n    %s\n", f.Pos, f.Name, strings.TrimSpace(f.Text))
		}
	}
	say(errOut, "error: "+project.Error.Error())
	if project.Error.Hint != "" {
		say(errOut, "hint:  "+project.Error.Hint)
	}
}
