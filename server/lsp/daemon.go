package lsp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// Daemon is what the language server uses of a project's daemon; *api.Client
// is one. Its methods may be called concurrently.
type Daemon interface {
	Watch(ctx context.Context, visit func(*api.Status) error) error
	Project(ctx context.Context) (*config.Project, error)
	Allow(ctx context.Context) (api.Status, error)
	Up(ctx context.Context, req api.UpRequest) (api.Status, error)
	SetArgs(ctx context.Context, args ...string) (api.Status, error)
	Down(ctx context.Context, req api.DownRequest) error
	Hint(ctx context.Context, typed time.Time, paths ...string) error
	Noticed(ctx context.Context, paths ...string) error
	Answer(ctx context.Context, req api.AnswerRequest) error
	Trigger(ctx context.Context, resource string) error
	Press(ctx context.Context, req api.ButtonRequest) error
	Restart(ctx context.Context, resource string) error
	Stop(ctx context.Context) error
	Logs(ctx context.Context, req api.LogsRequest, visit func(api.LogLine) error) error
}

// Connector returns the daemon of the project in a folder. Unless start is
// true it only looks for one that runs, and returns ErrNoDaemon when there is
// none.
type Connector func(ctx context.Context, folder string, start bool) (Daemon, error)

// ErrNoDaemon says that no daemon runs and none was to be started.
var ErrNoDaemon = errors.New("no daemon runs for this project")

// untrusted is the Connector of a workspace that nobody trusts: there is no
// daemon, and none is started.
func untrusted(_ context.Context, folder string, start bool) (Daemon, error) {
	if !start {
		return nil, fmt.Errorf("%s: %w", folder, ErrNoDaemon)
	}
	return nil, &config.Problem{
		Message: "nothing is run here: the workspace is not trusted",
		Hint:    "trust it in the editor, and do it again",
	}
}

// Dial returns the Connector of real daemons, which the launcher starts.
func Dial(l api.Launcher) Connector {
	return func(ctx context.Context, folder string, start bool) (Daemon, error) {
		endpoint, err := api.EndpointOf(folder)
		if err != nil {
			return nil, err
		}
		if !start && !api.Running(ctx, endpoint) {
			return nil, fmt.Errorf("%s: %w", folder, ErrNoDaemon)
		}
		client, err := api.Connect(ctx, endpoint, l)
		if err != nil {
			return nil, err
		}
		return client, nil
	}
}
