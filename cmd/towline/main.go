// Command towline ties an editor to the pods of a Kubernetes application.
//
// Run `towline --help` for its commands. The same program is the language
// server and the debug adapter that an editor starts, the daemon behind a
// workspace, and the command line.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/starlark/config"
)

// version is set at link time.
var version = "dev"

// errReported ends the program with exit code 1 after the reason was shown.
var errReported = errors.New("reported")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	root := rootCommand()
	out := &answer{w: os.Stdout}
	root.SetOut(out)
	err := root.ExecuteContext(ctx)
	if err = out.outcome(err); err != nil {
		var code exitCode
		if errors.As(err, &code) {
			os.Exit(int(code))
		}
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "interrupted")
			os.Exit(128 + int(syscall.SIGINT))
		}
		report(commandProblem(root, err))
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "towline",
		Short: "Edit, run and debug a Kubernetes application as if it ran here",
		Long: `Towline brings the application that a Tiltfile describes up in a Kubernetes
cluster, turns every save into running code in its pods, and debugs it there.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddGroup(&cobra.Group{ID: "run", Title: "Commands:"}, &cobra.Group{ID: "editor", Title: "Started by editors:"})
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("run", upCommand(), ciCommand(), argsCommand(), downCommand(), statusCommand(), watchCommand(), logsCommand(), doctorCommand(), triggerCommand(), buttonCommand(), answerCommand(), restartCommand(), enableCommand(), disableCommand(), waitCommand(), getCommand(), describeCommand(), execCommand(), shellCommand(), forwardCommand(), evalCommand(), extensionsCommand(), checkCommand(), fmtCommand(), docsCommand(), versionCommand())
	for _, c := range root.Commands() {
		if c.ValidArgsFunction == nil && strings.Contains(c.Use, "RESOURCE") {
			completesResources(c)
		}
	}
	root.AddCommand(chartCommand())
	add("editor", lspCommand(), dapCommand(), daemonCommand())
	speakPlainly(root)
	helpWrapped(root)
	return root
}

// answer is where a command writes its answer. What could not be written fails
// the command at its end: half an answer is none.
type answer struct {
	w      io.Writer
	failed error // the first time
}

func (a *answer) Write(p []byte) (int, error) {
	n, err := a.w.Write(p)
	if err != nil {
		err = fmt.Errorf("the answer could not be written: %w", err)
		a.failed = cmp.Or(a.failed, err)
	}
	return n, err
}

// outcome is why a command failed: for a reason of its own, unless that was in
// the answer that nobody got.
func (a *answer) outcome(err error) error {
	if err == nil || errors.Is(err, errReported) {
		return cmp.Or(a.failed, err)
	}
	return err
}

// report shows an error as a person should read it.
func report(err error) {
	if errors.Is(err, errReported) {
		return
	}
	var p *config.Problem
	if !errors.As(err, &p) {
		say(os.Stderr, "error: "+err.Error())
		return
	}
	say(os.Stderr, "error: "+p.Error())
	for _, f := range p.Stack {
		fmt.Fprintf(os.Stderr, "  in %s at %s\n", f.Name, f.Pos)
		if f.Text != "" {
			fmt.Fprintf(os.Stderr, "      %s\n", f.Text)
		}
	}
	if p.Hint != "" {
		say(os.Stderr, "hint:  "+p.Hint)
	}
}
