package main

import (
	"context"
	"errors"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/daemon"
	"github.com/towline-dev/towline/starlark/config"
)

// ending tells whoever follows a project that was accepted when somebody has
// taken it down meanwhile. A status that says "not up" is no proof: a daemon
// that has just started says so until it goes on with what the last one had up.
type ending struct {
	e         api.Endpoint
	going     bool // a Down was seen to go on
	unwritten bool // what is up is not written down: the disk proves nothing
}

// see takes the next status.
func (d *ending) see(s *api.Status) *config.Problem {
	d.unwritten = s.Daemon.Unwritten != nil
	switch {
	case s.State == api.StateStopping:
		d.going = true
	case s.Up:
		d.going = false // somebody brought it up again
	case s.Left != "":
		return &config.Problem{Message: "the project was taken down elsewhere, and not all is down: " + s.Left, Hint: "`towline down` goes on with it"}
	case d.going:
		return downElsewhere()
	default:
		return d.lost()
	}
	return nil
}

// lost is asked when a daemon has gone: it ends last of all where a project is
// taken down, and there is nothing to wait for then.
func (d *ending) lost() *config.Problem {
	if !d.unwritten && daemon.Remembered(d.e) == nil {
		return downElsewhere()
	}
	return nil
}

// lostPause is the time between two looks for a daemon.
const lostPause = 200 * time.Millisecond

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func downElsewhere() *config.Problem {
	return &config.Problem{Message: "the project was taken down elsewhere", Hint: "`towline up` brings it up again"}
}

// whileUp runs f until it ends or the project is taken down, and says which: f is
// given a context that ends with the project.
func whileUp(ctx context.Context, client *api.Client, down *ending, f func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan *config.Problem, 1)
	go func() {
		var problem *config.Problem
		ended := errors.New("ended")
		for ctx.Err() == nil && problem == nil {
			_ = client.Watch(ctx, func(s *api.Status) error { // a daemon that is lost may have a next one
				if problem = down.see(s); problem != nil {
					return ended
				}
				return nil
			})
			if problem == nil && ctx.Err() == nil {
				problem = down.lost()
				pause(ctx, lostPause)
			}
		}
		if problem != nil {
			cancel()
		}
		watched <- problem
	}()
	err := f(ctx)
	cancel()
	if problem := <-watched; problem != nil {
		return problem
	}
	return err
}
