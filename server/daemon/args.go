package daemon

import (
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// setArgs evaluates the Tiltfile with other arguments and brings up what it
// then enables; what it no longer does is taken down, and what stays is left
// alone. The resources that Up named are part of what is replaced.
func (c *core) setArgs(args []string, answer func(error)) {
	if c.requests.afterDown(func() { c.setArgs(args, answer) }) {
		return
	}
	up := c.store.record.Up
	if up == nil {
		answer(&config.Problem{
			Message: "the project is not up, so that nothing has arguments to change",
			Hint:    "bring it up with them: `towline up -- ARGS`",
		})
		return
	}
	c.up(api.UpRequest{
		Tiltfile: up.Tiltfile, Args: append([]string{}, args...), Context: up.Context, Namespace: up.Namespace, Keep: up.Keep,
	}, answer)
}
