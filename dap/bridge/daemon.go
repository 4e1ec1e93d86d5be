package bridge

import (
	"context"
	"errors"
	"net"

	"github.com/towline-dev/towline/server/api"
)

// Daemon is the Backend behind a workspace's daemon. A daemon that went is
// started again, as any face does.
type Daemon struct {
	endpoint api.Endpoint
	launcher api.Launcher
}

// ConnectDaemon returns the Backend of the endpoint's daemon, which it starts
// if none runs.
func ConnectDaemon(ctx context.Context, e api.Endpoint, l api.Launcher) (*Daemon, error) {
	if _, err := api.Connect(ctx, e, l); err != nil {
		return nil, err
	}
	return &Daemon{endpoint: e, launcher: l}, nil
}

// Open implements Backend.
func (d *Daemon) Open(ctx context.Context, req api.DebugRequest) (net.Conn, api.DebugSession, error) {
	c, err := api.Connect(ctx, d.endpoint, d.launcher)
	if err != nil {
		return nil, api.DebugSession{}, err
	}
	return c.Debug(ctx, req)
}

// Restart implements Backend.
func (d *Daemon) Restart(ctx context.Context, resource string) error {
	c, err := api.Connect(ctx, d.endpoint, d.launcher)
	if err != nil {
		return err
	}
	return c.Restart(ctx, resource)
}

// Follow implements Backend.
func (d *Daemon) Follow(ctx context.Context, visit func(api.Status) error) error {
	c, err := api.Connect(ctx, d.endpoint, d.launcher)
	if err != nil {
		return err
	}
	err = c.Watch(ctx, func(s *api.Status) error { return visit(*s) })
	if err == nil {
		err = errors.New("the daemon ended")
	}
	return err
}
