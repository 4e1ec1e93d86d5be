package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/daemon"
	"github.com/towline-dev/towline/starlark/config"
)

func downCommand() *cobra.Command {
	var ws workspaceFlags
	var req api.DownRequest
	cmd := &cobra.Command{
		Use:   "down [-- ARGS]",
		Short: "Delete what up applied",
		Long: `Deletes what up applied, as the workspace's own record and the labels in the
cluster say, so that a broken Tiltfile keeps nothing up. The Tiltfile is
evaluated all the same, with config.tilt_subcommand == 'down'.

What carries the annotation tilt.dev/down-policy: keep stays, as it does when it
leaves the Tiltfile. A namespace that up made goes when nothing else is in it.
Where something cannot be deleted, the exit code is 1 and the next down goes on
with it.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, tiltfile, err := ws.find()
			if err != nil {
				return err
			}
			if len(args) > 0 || cmd.ArgsLenAtDash() >= 0 {
				req.Args = append([]string{}, args...)
			}
			req.Tiltfile, req.Env = tiltfile, os.Environ()
			return down(cmd.Context(), cmd.OutOrStdout(), e, req)
		},
	}
	ws.register(cmd)
	cmd.Flags().StringVar(&req.Context, "context", "", "context of the kubeconfig (default: the one that up used)")
	cmd.Flags().Var((*namespaceName)(&req.Namespace), "namespace", "namespace (default: the one that up used)")
	cmd.Flags().BoolVar(&req.DeleteNamespaces, "delete-namespaces", false, "delete the namespaces in the YAML too")
	cmd.Flags().BoolVar(&req.Forget, "forget", false, "delete nothing and forget what is up: its cluster is gone")
	return cmd
}

// takingDown is what a down knows from one try to the next.
type takingDown struct {
	e       api.Endpoint
	req     api.DownRequest
	began   time.Time
	written bool // it was up when down began
	some    bool // something was up, or is being taken down
}

// down takes a project down and says what became of it. A daemon that is lost on the
// way, as one that another `down` has just ended, is started again and goes on.
func down(ctx context.Context, out io.Writer, e api.Endpoint, req api.DownRequest) error {
	const tries = 3
	d := takingDown{e: e, req: req, began: time.Now(), written: daemon.Remembered(e) != nil}
	d.some = d.written
	for try := 1; ; try++ {
		err := d.run(ctx, out)
		if try == tries || ctx.Err() != nil || !lost(err) {
			return daemonEnded(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (d *takingDown) run(ctx context.Context, out io.Writer) error {
	client, err := connect(ctx, d.e)
	if err != nil {
		return err
	}
	before, err := client.Status(ctx)
	if err != nil {
		return err
	}
	d.some = d.some || before.Up || before.Left != "" || before.State == api.StateStopping
	shown := spin(os.Stdout, "taking down "+filepath.Base(d.e.Workspace))
	untold := tellSteps(ctx, client, time.Now(), func(text string) { d.some = true; shown.says(text) })
	err = client.Down(ctx, d.req)
	untold()
	shown.stop()
	if d.written && daemon.Remembered(d.e) == nil && !refusal(err) {
		err = nil // it is down: whoever ended the daemon was quicker than its answer
	}
	switch {
	case ctx.Err() != nil:
		return leftGoing(ctx, out, client)
	case err != nil:
		return err
	case !d.some:
		fmt.Fprintln(out, "nothing was up")
	case d.req.Forget:
		fmt.Fprintln(out, "forgotten; nothing was deleted")
	default:
		fmt.Fprintf(out, "down in %s\n", words.Short(time.Since(d.began)))
	}
	// One that ends without an answer has been ended by another `down`, and what
	// runs by now is whose who brings the project up beside.
	if err := client.Shutdown(ctx); err != nil && !lost(err) && api.Running(ctx, d.e) {
		return err
	}
	return nil
}

// lost reports whether an error is a daemon that has ended, before its answer or
// before it was asked.
func lost(err error) bool {
	return cutOff(err) || errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED)
}

// refusal reports whether an error is the daemon's answer.
func refusal(err error) bool {
	var p *config.Problem
	return errors.As(err, &p)
}

// lastLook is how long an interrupted command asks where things stand: whoever
// does not want to wait interrupts it again.
const lastLook = 15 * time.Second

// leftGoing says where a takedown stands that a person waits for no longer.
func leftGoing(ctx context.Context, out io.Writer, client *api.Client) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
	defer cancel()
	text := "Interrupted. `towline status` shows what is up."
	if s, err := client.Status(ctx); err == nil && s.State == api.StateStopping {
		text = "Going down goes on without you. `towline status` shows it, `towline down` waits for its end."
	}
	say(out, text)
	return exitCode(128 + int(syscall.SIGINT))
}

// tellSteps tells what a daemon does from a moment on, until stop is called.
func tellSteps(ctx context.Context, client *api.Client, from time.Time, tell func(string)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = client.Logs(ctx, api.LogsRequest{Follow: true, Tail: 1}, func(l api.LogLine) error { // ends with ctx
			if l.Source == api.LogTowline && l.Time.After(from) {
				tell(words.Line(l.Text))
			}
			return nil
		})
	}()
	return func() { cancel(); <-ended }
}
