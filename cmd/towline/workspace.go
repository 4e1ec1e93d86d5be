package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/daemon"
	"github.com/towline-dev/towline/starlark/config"
)

// workspaceFlags say which project a command is about.
type workspaceFlags struct {
	file string
}

func (f *workspaceFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "file", "f", "", fileUsage)
}

// registerLong leaves -f to a flag of the command's own.
func (f *workspaceFlags) registerLong(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "file", "", fileUsage)
}

const fileUsage = "path of the Tiltfile (default: the Tiltfile of this folder or the nearest one above)"

// find returns the endpoint of the workspace and the Tiltfile's path.
func (f *workspaceFlags) find() (api.Endpoint, string, error) {
	tiltfile, err := f.tiltfile()
	if err != nil {
		return api.Endpoint{}, "", err
	}
	e, err := api.EndpointOf(filepath.Dir(tiltfile))
	return e, filepath.Join(e.Workspace, filepath.Base(tiltfile)), err
}

func (f *workspaceFlags) tiltfile() (string, error) {
	if f.file != "" {
		path, err := filepath.Abs(f.file)
		if err != nil {
			return "", err
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, "Tiltfile")
		}
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return tiltfileAbove(dir)
}

// tiltfileAbove returns the Tiltfile of an absolute folder or of the nearest
// one above it.
func tiltfileAbove(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		path := filepath.Join(at, "Tiltfile")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
		if at == filepath.Dir(at) {
			return "", &config.Problem{
				Message: fmt.Sprintf("no Tiltfile in %s or a folder above it", dir),
				Hint:    "name one with -f, or change to the project's folder",
			}
		}
	}
}

// connect returns a client of the workspace's daemon, starting one if need be.
func connect(ctx context.Context, e api.Endpoint) (*api.Client, error) {
	return api.Connect(ctx, e, api.Launcher{})
}

// running returns a client of a daemon that runs already.
func running(ctx context.Context, e api.Endpoint) (*api.Client, error) {
	if api.Running(ctx, e) {
		return api.NewClient(e), nil
	}
	if left := leftUp(e); left != nil {
		return nil, left
	}
	return nil, &config.Problem{
		Message: fmt.Sprintf("nothing is up for %s", e.Workspace),
		Hint:    "bring it up first: `towline up`",
	}
}

// leftUp is the answer of every command that starts no daemon where the project is
// up all the same: the last one was killed. It is nil where nothing is up.
func leftUp(e api.Endpoint) *config.Problem {
	up := daemon.Remembered(e)
	if up == nil {
		return nil
	}
	where := ""
	if up.Context != "" {
		where = fmt.Sprintf(" in context %s, namespace %s", up.Context, up.Namespace)
	}
	if up.CI {
		return &config.Problem{
			Message: "`towline ci` has ended, and what it applied may still be there" + where,
			Hint:    "`towline down` takes it down, `towline up` goes on from there",
		}
	}
	return &config.Problem{
		Message: "the daemon does not run, and the project is up" + where,
		Hint:    "`towline up` goes on with it, `towline down` takes it down",
	}
}

// daemonEnded says in words that a daemon ended in the middle of an answer; any other
// error is given back.
func daemonEnded(err error) error {
	if !cutOff(err) {
		return err
	}
	return &config.Problem{
		Message: "the daemon ended before it had answered",
		Hint:    "`towline status` shows what is up, and `towline up` goes on with it",
	}
}

// cutOff reports whether an error is a connection that ended before the answer.
func cutOff(err error) bool {
	return slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE}, func(e error) bool { return errors.Is(err, e) })
}

// running returns the workspace's endpoint and a client of its daemon, which
// runs already.
func (f *workspaceFlags) running(ctx context.Context) (api.Endpoint, *api.Client, error) {
	e, _, err := f.find()
	if err != nil {
		return e, nil, err
	}
	client, err := running(ctx, e)
	return e, client, err
}

// status is running with what the daemon says of the project.
func (f *workspaceFlags) status(ctx context.Context) (*api.Client, api.Status, error) {
	_, client, err := f.running(ctx)
	if err != nil {
		return nil, api.Status{}, err
	}
	s, err := client.Status(ctx)
	return client, s, err
}
