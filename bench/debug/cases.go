package main

import (
	"context"
	"strings"
	"time"

	"github.com/towline-dev/towline/dap/daptest"
	"github.com/towline-dev/towline/dap/daptest/local"
)

// start runs a fresh program.
func (b bench) start() (*local.Host, error) {
	h := local.New(b.binary)
	return h, h.Start()
}

// stopAt brings a session from nothing to a stop at the breakpoint. feed gives
// the program something to do.
func (b bench) stopAt(ctx context.Context, h *local.Host, s begin, feed func() error) (*daptest.Client, daptest.Stopped, error) {
	c, args, err := s(ctx, h)
	if err != nil {
		return nil, daptest.Stopped{}, err
	}
	if _, err := c.Initialize(ctx); err != nil {
		return c, daptest.Stopped{}, err
	}
	if err := c.Attach(ctx, args); err != nil {
		return c, daptest.Stopped{}, err
	}
	if _, err := c.SetBreakpoints(ctx, b.file, local.GreetLine); err != nil {
		return c, daptest.Stopped{}, err
	}
	if err := c.ConfigurationDone(ctx); err != nil {
		return c, daptest.Stopped{}, err
	}
	if err := feed(); err != nil {
		return c, daptest.Stopped{}, err
	}
	stopped, err := c.WaitStopped(ctx)
	return c, stopped, err
}

// fed is the feed of a program that has something to do already.
func fed() error { return nil }

// attach measures from the start of a session to its first stop.
func (b bench) attach(ctx context.Context, s begin) ([]time.Duration, error) {
	h, err := b.start()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	began := time.Now()
	c, _, err := b.stopAt(ctx, h, s, func() error { return h.Say("you") })
	took := time.Since(began)
	if err != nil {
		return nil, err
	}
	return []time.Duration{took}, c.Disconnect(ctx)
}

// step measures single steps, as far as the stop or as far as an editor has
// shown it.
func (b bench) step(ctx context.Context, s begin, n int, look bool) ([]time.Duration, error) {
	h, err := b.start()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	c, stopped, err := b.stopAt(ctx, h, s, func() error { return h.Say(strings.Repeat("you\n", n)) })
	if err != nil {
		return nil, err
	}
	if _, err := c.SetBreakpoints(ctx, b.file); err != nil {
		return nil, err
	}
	var took []time.Duration
	for range n {
		began := time.Now()
		if err := c.Next(ctx, stopped.ThreadID); err != nil {
			return nil, err
		}
		if stopped, err = c.WaitStopped(ctx); err != nil {
			return nil, err
		}
		if look {
			if err := show(ctx, c, stopped.ThreadID); err != nil {
				return nil, err
			}
		}
		took = append(took, time.Since(began))
	}
	return took, c.Disconnect(ctx)
}

// show asks for what an editor shows after a stop.
func show(ctx context.Context, c *daptest.Client, thread int) error {
	if _, err := c.Threads(ctx); err != nil {
		return err
	}
	frames, err := c.StackTrace(ctx, thread)
	if err != nil {
		return err
	}
	scopes, err := c.Scopes(ctx, frames[0].ID)
	if err != nil {
		return err
	}
	for _, scope := range scopes {
		if _, err := c.Variables(ctx, scope.Variables); err != nil {
			return err
		}
	}
	return nil
}

// restarts measures from the order to replace the process to the next hit of
// the breakpoint. Through the bridge the session stays; without it the editor
// has to begin another one.
func (b bench) restarts(ctx context.Context, n int) (samples, error) {
	var s samples
	ours, err := b.restartBridged(ctx, n)
	if err != nil {
		return s, err
	}
	baseline, err := b.restartDirect(ctx, n)
	return samples{ours, baseline}, err
}

func (b bench) restartBridged(ctx context.Context, n int) ([]time.Duration, error) {
	h, err := b.start()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	stop := h.Busy()
	defer stop()
	c, stopped, err := b.stopAt(ctx, h, b.bridged, fed)
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for range n {
		if err := c.Continue(ctx, stopped.ThreadID); err != nil {
			return nil, err
		}
		if _, err := c.WaitStopped(ctx); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := h.Restart(ctx, local.Resource); err != nil {
			return nil, err
		}
		if stopped, err = c.WaitStopped(ctx); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	stop()
	return took, c.Disconnect(ctx)
}

func (b bench) restartDirect(ctx context.Context, n int) ([]time.Duration, error) {
	h, err := b.start()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	stop := h.Busy()
	defer stop()
	c, _, err := b.stopAt(ctx, h, direct, fed)
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for range n {
		began := time.Now()
		if err := h.Restart(ctx, local.Resource); err != nil {
			return nil, err
		}
		c.Close()
		if c, _, err = b.stopAt(ctx, h, direct, fed); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	stop()
	return took, c.Disconnect(ctx)
}
