package forward

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/towline-dev/towline/starlark/config"
)

// changing is a Dialer whose pod answers from the second connection on.
type changing struct {
	echo
	dialled atomic.Bool
}

func (c *changing) DialPod(ctx context.Context, resource string, spec config.PortForward) (net.Conn, error) {
	if !c.dialled.Swap(true) {
		return nil, errors.New("nothing listens there")
	}
	return c.echo.DialPod(ctx, resource, spec)
}

// stateWith adds a resource with a forward that is open.
func stateWith(resource string, spec config.PortForward) func(context.Context, *state) {
	return func(_ context.Context, s *state) { (*s)[resource] = &listeners{specs: []config.PortForward{spec}} }
}
