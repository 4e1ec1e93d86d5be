package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/daemon"
	"github.com/towline-dev/towline/server/logs"
	"github.com/towline-dev/towline/starlark/config"
)

// logsOptions are what a person asks of `towline logs`.
type logsOptions struct {
	ws           workspaceFlags
	req          api.LogsRequest
	since, until string
	previous     bool
	reconnect    bool
	time         bool
	raw, json    bool
}

func logsCommand() *cobra.Command {
	var o logsOptions
	cmd := &cobra.Command{
		Use:   "logs [RESOURCE...]",
		Short: "Print the logs of resources: builds, pods and what Towline did",
		Long: `Prints the logs of the named resources, or of all. On a terminal the lines of
several carry their time, and each resource has a colour; NO_COLOR in the
environment turns colours off. Elsewhere lines are plain.

Of a structured line, JSON or logfmt, the message is printed with its fields
behind it; --raw prints lines as they were written. A stack trace is selected as
a whole. Lines of earlier runs are kept, see --previous: a run lasts from one
` + "`towline up`" + ` to the next.`,
		Example: "  towline logs web\n  towline logs -f 'group3*' --level warn\n  towline logs --label backend --tail 20\n" +
			"  towline logs api --since-save --text timeout --context 3\n  towline logs --previous api --field status=500",
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	o.ws.registerLong(cmd)
	flags := cmd.Flags()
	flags.StringSliceVarP(&o.req.Labels, "label", "l", nil, "resources with this label")
	flags.BoolVarP(&o.req.Follow, "follow", "f", false, "go on with what comes")
	flags.BoolVar(&o.reconnect, "reconnect", false, "with -f: when the daemon goes, wait for the next one")
	flags.BoolVar(&o.time, "time", false, "begin each line with its date and time")
	flags.IntVar(&o.req.Tail, "tail", 0, "only the last N lines (0: all that is kept)")
	flags.StringVar(&o.req.Text, "text", "", "lines with this text, whatever the case")
	flags.StringVar(&o.req.Regex, "regex", "", "lines that this expression (RE2) matches")
	flags.StringVar(&o.req.Level, "level", "", "lines of this level and above: trace, debug, info, warn, error or fatal")
	flags.StringArrayVar(&o.req.Field, "field", nil, "structured lines with this field, KEY=VALUE or KEY")
	flags.IntVar(&o.req.Context, "context", 0, "with each match N lines around it, of what wrote it")
	flags.StringVar(&o.since, "since", "", "since then: 5m ago, 15:04, or a date and time (RFC 3339)")
	flags.StringVar(&o.until, "until", "", "until then, likewise")
	flags.BoolVar(&o.req.SinceSave, "since-save", false, "what came after the last save")
	flags.BoolVar(&o.previous, "previous", false, "of the run before this one")
	flags.IntVar(&o.req.Run, "run", 0, "of the run with this number, as --json shows it")
	flags.BoolVar(&o.raw, "raw", false, "lines as they were written")
	flags.BoolVar(&o.json, "json", false, "one JSON object a line")
	cmd.MarkFlagsMutuallyExclusive("previous", "run")
	for _, of := range []string{"previous", "run"} {
		cmd.MarkFlagsMutuallyExclusive("follow", of)
	}
	return cmd
}

func (o *logsOptions) run(ctx context.Context, args []string) error {
	e, _, err := o.ws.find()
	if err != nil {
		return err
	}
	o.req.Resources = args
	if o.previous {
		o.req.Run = -1
	}
	if err := o.times(time.Now()); err != nil {
		return err
	}
	printer := newLogPrinter(os.Stdout, len(args) != 1 || len(o.req.Labels) > 0 || strings.ContainsAny(args[0], "*?["))
	printer.raw, printer.json = o.raw, o.json
	if o.time {
		printer.time = fullTime
	}
	ctx, stop := whileRead(ctx, os.Stdout)
	defer stop()
	client, err := running(ctx, e)
	if err != nil {
		return o.past(ctx, e, printer, err)
	}
	out := logOutput{e: e, client: client, show: printer.print}
	if o.req.Follow && o.reconnect {
		return out.follow(ctx, o.req)
	}
	err = out.print(ctx, o.req)
	if ctx.Err() != nil {
		return nil
	}
	return daemonEnded(err)
}

// times reads what --since and --until mean.
func (o *logsOptions) times(now time.Time) error {
	since, err := moment(o.since, now)
	if err != nil {
		return err
	}
	until, err := moment(o.until, now)
	o.req.Since, o.req.Until = since, until
	return err
}

// past prints what is kept of a workspace whose daemon does not run; where that is
// nothing, or what comes is wanted, it is down.
func (o *logsOptions) past(ctx context.Context, e api.Endpoint, printer *logPrinter, down error) error {
	dir := daemon.LogFolder(e)
	if runs, err := logs.Runs(dir); err != nil || len(runs) == 0 || o.req.Follow {
		return down
	}
	store := logs.Past(dir)
	known := logs.Known{Resources: store.Resources(o.req.Run)}
	err := store.Serve(ctx, o.req, known, func(lines []api.LogLine) error {
		for _, l := range lines {
			printer.print(l)
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// moment is the time that a text means, zero for none: so long ago, a time of
// today, or a date and time.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago.Abs()), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location()), nil
		}
	}
	return time.Time{}, &config.Problem{Message: fmt.Sprintf("%q is no time", text), Hint: "write how long ago (5m, 2h30m), a time of today (15:04) or a date and time (2006-01-02T15:04:05Z)"}
}

// logOutput prints the log lines of a workspace's daemons.
type logOutput struct {
	e      api.Endpoint
	client *api.Client
	show   func(api.LogLine)

	last uint64 // Seq of the newest line that was shown
}

// print shows what a daemon has, and with Follow what comes until it goes.
func (o *logOutput) print(ctx context.Context, req api.LogsRequest) error {
	req.After = o.last
	return o.client.Logs(ctx, req, func(l api.LogLine) error {
		if l.Seq != 0 && l.Seq <= req.After {
			return nil // an older daemon's answer: it knows no After
		}
		o.show(l)
		o.last = max(o.last, l.Seq)
		return nil
	})
}

// skip leaves out what a daemon has logged so far.
func (o *logOutput) skip(ctx context.Context) {
	all := logOutput{client: o.client, show: func(api.LogLine) {}}
	_ = all.print(ctx, api.LogsRequest{Tail: 1}) // from a daemon that is lost all is new
	o.last = max(o.last, all.last)
}

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
	tick := time.NewTicker(api.NextDaemon)
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
