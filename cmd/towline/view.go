package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/towline-dev/towline/cmd/towline/tui"
	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// viewVariable chooses, with "stream", the plain flow of lines for `towline up`
// also where a terminal could show the view.
const viewVariable = "TOWLINE_UP"

// canView reports whether a terminal can be drawn on, and sends keys.
func canView() bool {
	kind := os.Getenv("TERM")
	return interactive() && kind != "dumb" && kind != "" && term.IsTerminal(int(os.Stdout.Fd()))
}

// statusesPerSecond is how often the view hears of the status at most.
const statusesPerSecond = 10

// followed is a project as the view follows it, from one daemon to the next.
type followed struct {
	e    api.Endpoint
	down ending
	tell func(tui.Report)
}

// watch tells each status of a daemon until it goes; stop may end it.
func (f *followed) watch(ctx context.Context, client *api.Client, stop func(*api.Status) error) error {
	var now *api.Status
	return client.Events(ctx, api.WatchRequest{PerSecond: statusesPerSecond}, func(e api.Event) (err error) {
		if now, err = e.After(now); err != nil {
			return err
		}
		f.tell(tui.Report{Client: client, Status: now})
		return stop(now)
	})
}

// lost tells that the daemon has gone, and waits a moment.
func (f *followed) lost(ctx context.Context, text string) {
	f.tell(tui.Report{Lost: text})
	select {
	case <-ctx.Done():
	case <-time.After(api.NextDaemon):
	}
}

// viewUp brings a project up and shows it until a person leaves. A daemon that is
// lost is started again and goes on where the old one was.
func viewUp(ctx context.Context, e api.Endpoint, req api.UpRequest, timeout time.Duration) error {
	last, err := onTerminal(ctx, e, "bringing up "+filepath.Base(e.Workspace), func(ctx context.Context, tell func(tui.Report)) error {
		f := followed{e: e, down: ending{e: e}, tell: tell}
		return f.bringUp(ctx, req, timeout)
	})
	if err != nil {
		return err
	}
	if last != nil && last.Up && last.State != api.StateStopping {
		say(os.Stdout, words.Mark(last.State)+" "+words.Line(last.Text)+inCluster(last))
	}
	return interrupted(ctx, e)
}

// bringUp asks for up until a daemon has accepted it and all is settled, and tells
// what becomes of it until ctx ends or the project is taken down elsewhere.
func (f *followed) bringUp(ctx context.Context, req api.UpRequest, timeout time.Duration) error {
	accepted, settled := false, false
	waiting, stop := ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		waiting, stop = context.WithTimeout(ctx, timeout)
	}
	defer stop()
	for {
		limit := waiting
		if settled {
			limit = ctx // without the limit of time
		}
		client, err := connect(limit, f.e)
		if err == nil && !settled {
			f.tell(tui.Report{Client: client})
			_, err = client.Up(waiting, req)
		}
		if err == nil {
			accepted = true
			err = f.watch(limit, client, func(s *api.Status) error {
				if s.Up && api.Settled(s) && !settled {
					settled = true
					return errAgain
				}
				if problem := f.down.see(s); problem != nil {
					return problem
				}
				return nil
			})
		}
		var refused *config.Problem
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errAgain):
			continue
		case waiting.Err() != nil && !settled:
			return timedOut(ctx, f.e, timeout, &selection{})
		case errors.As(err, &refused) || !accepted:
			return daemonEnded(err)
		}
		if problem := f.down.lost(); problem != nil {
			return problem
		}
		f.lost(ctx, "the daemon has gone, and is started again; what is up stays up")
	}
}

// errAgain has a watch begin again.
var errAgain = errors.New("again")

// viewWatch shows a project until a person leaves, whatever becomes of it. It
// starts no daemon: it waits for one.
func viewWatch(ctx context.Context, e api.Endpoint) error {
	last, err := onTerminal(ctx, e, "", func(ctx context.Context, tell func(tui.Report)) error {
		f := followed{e: e, tell: tell}
		for {
			err := f.watch(ctx, api.NewClient(e), func(*api.Status) error { return nil })
			var refused *config.Problem
			switch {
			case ctx.Err() != nil:
				return nil
			case errors.As(err, &refused) && api.Running(ctx, e):
				return err
			}
			if left := leftUp(e); left != nil {
				f.lost(ctx, left.Message+": "+left.Hint)
			} else {
				f.tell(tui.Report{Status: &api.Status{State: api.StateStopped, Text: "nothing is up"}})
				f.lost(ctx, "")
			}
		}
	})
	if err == nil || ctx.Err() != nil {
		say(os.Stdout, viewEnded(last))
	}
	return err
}

// onTerminal runs the view.
func onTerminal(ctx context.Context, e api.Endpoint, what string, follow func(context.Context, func(tui.Report)) error) (*api.Status, error) {
	last, err := tui.Run(ctx, tui.Options{What: what, Follow: follow,
		Describe: func(ctx context.Context, client *api.Client, name string) (string, error) {
			p, err := look(ctx, e, client)
			if err != nil {
				return "", err
			}
			var text strings.Builder
			err = describe(ctx, &text, p, name)
			return text.String(), err
		}})
	var signal tui.Signalled
	if errors.As(err, &signal) {
		err = exitCode(128 + int(signal.Signal))
	}
	return last, err
}

// viewEnded says what the end of a view means, after a status.
func viewEnded(last *api.Status) string {
	switch {
	case last == nil || !last.Up:
		return "The view is closed. `towline status` shows what is up."
	case last.State == api.StateStopping:
		return "The view is closed, and going down goes on without it. `towline down` waits for its end."
	}
	return "The view is closed, and what is up stays up. `towline down` takes it down."
}
