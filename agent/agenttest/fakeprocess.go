package agenttest

import (
	"context"
	"net"
	"time"

	"github.com/towline-dev/towline/agent/wire"
)

// start counts a start. f.mu is held.
func (f *Fake) start(o wire.StartOptions) {
	if f.process.State == wire.StateRunning {
		f.process.Exit = &wire.Exit{Code: -1, Signal: "SIGTERM", Asked: true}
		f.process.State, f.process.PID = wire.StateStopped, 0
		f.send(wire.EventExited)
	}
	switch {
	case o.Original:
		f.process.Argv = f.facts.Entrypoint
	case len(o.Argv) > 0:
		f.process.Argv = o.Argv
	}
	f.process.Starts++
	f.process.State, f.process.PID, f.process.Started = wire.StateRunning, 100+f.process.Starts, time.Now().UnixNano()
	f.send(wire.EventStarted)
}

// send hands out an event. f.mu is held.
func (f *Fake) send(kind wire.EventKind) {
	for _, s := range f.subs {
		select {
		case s <- wire.Event{Kind: kind, At: time.Now().UnixNano(), Process: f.process}:
		default: // nobody reads, in a test
		}
	}
}

// Start starts the application unless it runs.
func (f *Fake) Start(ctx context.Context, o wire.StartOptions) (wire.Process, error) {
	if err := f.enter(ctx); err != nil {
		return wire.Process{}, err
	}
	defer f.mu.Unlock()
	if f.process.State != wire.StateRunning {
		f.start(o)
	}
	return f.process, nil
}

// Restart starts the application anew.
func (f *Fake) Restart(ctx context.Context, o wire.StartOptions) (wire.Process, error) {
	if err := f.enter(ctx); err != nil {
		return wire.Process{}, err
	}
	defer f.mu.Unlock()
	f.start(o)
	return f.process, nil
}

// Stop stops the application.
func (f *Fake) Stop(ctx context.Context) (wire.Process, error) {
	if err := f.enter(ctx); err != nil {
		return wire.Process{}, err
	}
	defer f.mu.Unlock()
	running := f.process.State == wire.StateRunning
	f.process.State, f.process.PID = wire.StateStopped, 0
	if running {
		f.process.Exit = &wire.Exit{Code: -1, Signal: "SIGTERM", Asked: true}
		f.send(wire.EventExited)
	}
	return f.process, nil
}

// Signal needs a running application and has no effect on it.
func (f *Fake) Signal(ctx context.Context, signal string) (wire.Process, error) {
	if err := f.enter(ctx); err != nil {
		return wire.Process{}, err
	}
	defer f.mu.Unlock()
	if f.process.State != wire.StateRunning {
		return f.process, wire.Errorf(wire.CodeNoProcess, "the application does not run")
	}
	return f.process, nil
}

// SetPolicy has no effect.
func (f *Fake) SetPolicy(ctx context.Context, _ wire.Policy) (wire.Process, error) {
	if err := f.enter(ctx); err != nil {
		return wire.Process{}, err
	}
	defer f.mu.Unlock()
	return f.process, nil
}

// Events hands out events, beginning with the state as it is.
func (f *Fake) Events(ctx context.Context, handle func(wire.Event) error) error {
	if err := f.enter(ctx); err != nil {
		return err
	}
	ch := make(chan wire.Event, 256)
	ch <- wire.Event{Kind: wire.EventState, At: time.Now().UnixNano(), Process: f.process}
	f.subs = append(f.subs, ch)
	f.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case e, ok := <-ch:
			if !ok {
				return net.ErrClosed
			}
			if err := handle(e); err != nil {
				return err
			}
		}
	}
}
