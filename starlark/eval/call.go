package eval

import (
	"context"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/unpack"
)

// call is one call of a built-in.
type call struct {
	unpack.Call
	run    *run
	thread *starlark.Thread
}

// pos is the place of the call in the user's file: where an extension that is
// shipped makes it, that of the extension's call.
func (c *call) pos() config.Position {
	for depth := 1; depth < c.thread.CallStackDepth(); depth++ {
		if pos := position(c.thread.CallFrame(depth).Pos); !extensions.Shipped(pos.File) && pos.File != "<builtin>" {
			return pos
		}
	}
	return c.calledAt()
}

// calledAt is the place of the call, wherever it is.
func (c *call) calledAt() config.Position {
	if c.thread.CallStackDepth() < 2 {
		return config.Position{}
	}
	return position(c.thread.CallFrame(1).Pos)
}

// builtin is the Go half of a function of the table.
type builtin func(c *call) (starlark.Value, error)

// within makes a built-in of one that waits for what is outside, until ctx ends.
func within(ctx context.Context, f func(c *call, ctx context.Context) (starlark.Value, error)) builtin {
	return func(c *call) (starlark.Value, error) { return f(c, ctx) }
}

// ignored accepts a call that has no meaning here, and says so once in the log:
// the Tiltfile is right, so that there is nothing to warn of.
func ignored(c *call) (starlark.Value, error) {
	if err := c.Into(&struct{}{}); err != nil {
		return nil, err
	}
	c.run.logOnce(c.Name() + "() is accepted and has no effect")
	return starlark.None, nil
}
