package main

import (
	"context"
	"errors"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// logOutput prints the log lines of a workspace's daemons.
type logOutput struct {
	e      api.Endpoint
	client *api.Client
	show   func(api.LogLine)

	last time.Time // of the newest line that was shown
}

// print shows what a daemon has, and with Follow what comes until it goes.
func (o *logOutput) print(ctx context.Context, req api.LogsRequest) error {
	before := o.last
	return o.client.Logs(ctx, req, func(l api.LogLine) error {
		if !l.Time.After(before) {
			return nil // a daemon before this one told it
		}
		o.show(l)
		if l.Time.After(o.last) {
			o.last = l.Time
		}
		return nil
	})
}

// nextDaemon is how often a daemon is looked for that is to come.
const nextDaemon = 250 * time.Millisecond

// follow shows what comes, from one daemon to the next, until ctx ends. It
// starts none: that is for whoever needs one.
func (o *logOutput) follow(ctx context.Context, req api.LogsRequest) error {
	for {
		err := o.print(ctx, req)
		var refused *config.Problem
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &refused):
			return err
		}
		o.note("the daemon has gone; waiting for the next one")
		if !o.await(ctx) {
			return nil
		}
		o.note("a daemon serves again")
		o.client, req.Tail = api.NewClient(o.e), 0
	}
}

func (o *logOutput) note(text string) {
	o.show(api.LogLine{Time: time.Now(), Source: api.LogTowline, Level: "warn", Text: text})
}

// await waits until a daemon serves. It reports whether one does.
func (o *logOutput) await(ctx context.Context) bool {
	tick := time.NewTicker(nextDaemon)
	defer tick.Stop()
	for !api.Running(ctx, o.e) {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
