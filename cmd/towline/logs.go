package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func logsCommand() *cobra.Command {
	var ws workspaceFlags
	var req api.LogsRequest
	var chosen selection
	var reconnect, withTime bool
	cmd := &cobra.Command{
		Use:   "logs [RESOURCE...]",
		Short: "Print the logs of resources: builds, pods and what Towline did",
		Long: `Prints the logs of the named resources, or of all. On a terminal the lines of
several carry their time, and each resource has a colour; NO_COLOR in the
environment turns colours off. Elsewhere lines are plain.`,
		Example: "  towline logs web\n  towline logs -f 'group3*'\n  towline logs --label backend --tail 20",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, client, err := ws.running(cmd.Context())
			if err != nil {
				return err
			}
			s, err := client.Status(cmd.Context())
			if err != nil {
				return err
			}
			chosen.names = args
			if req.Resources, err = logNames(s, chosen, req.Follow); err != nil {
				return err
			}
			printer := newLogPrinter(os.Stdout, len(req.Resources) != 1)
			if withTime {
				printer.time = fullTime
			}
			ctx, stop := whileRead(cmd.Context(), os.Stdout)
			defer stop()
			out := logOutput{e: e, client: client, show: printer.print}
			if req.Follow && reconnect {
				return out.follow(ctx, req)
			}
			err = out.print(ctx, req)
			if ctx.Err() != nil {
				return nil
			}
			return err
		},
	}
	ws.registerLong(cmd)
	chosen.register(cmd)
	cmd.Flags().BoolVarP(&req.Follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().BoolVar(&reconnect, "reconnect", false, "with -f: when the daemon goes, wait for the next one")
	cmd.Flags().BoolVar(&withTime, "time", false, "begin each line with its date and time")
	cmd.Flags().IntVar(&req.Tail, "tail", 0, "only the last N lines (0: all that is kept)")
	return cmd
}

// logNames are the names of the resources that are chosen, none for all. Names
// may come yet where resources are not known and the log is followed.
func logNames(s api.Status, chosen selection, followed bool) ([]string, error) {
	if chosen.empty() || len(s.Resources)+len(chosen.labels) == 0 && (followed || s.Config.Evaluating) {
		return chosen.names, nil
	}
	picked, err := chosen.of(s.Resources)
	names := make([]string, len(picked))
	for i, r := range picked {
		names[i] = r.Name
	}
	return names, err
}

// logPrinter writes lines of logs.
type logPrinter struct {
	w      io.Writer
	named  bool   // lines of several: each begins with its resource
	time   string // layout of the time that lines begin with; "": none
	colour bool
}

// The layouts of a line's time: for a person who watches, and for later.
const (
	clockTime = "15:04:05"
	fullTime  = "2006-01-02T15:04:05.000Z07:00"
)

// newLogPrinter returns one that suits a file: plain unless it is a terminal.
func newLogPrinter(w *os.File, named bool) *logPrinter {
	p := &logPrinter{w: w, named: named}
	if term.IsTerminal(int(w.Fd())) {
		p.colour = os.Getenv("NO_COLOR") == ""
		if named {
			p.time = clockTime
		}
	}
	return p
}

func (p *logPrinter) print(l api.LogLine) {
	if p.named && strings.TrimSpace(l.Text) == "" {
		return // between the lines of several, an empty one tells nothing
	}
	var prefix, text string
	if p.time != "" {
		prefix = p.paint(l.Time.Local().Format(p.time), "\x1b[2m") + " "
	}
	if p.named {
		name := l.Resource
		if name == "" {
			name = "towline"
		}
		prefix += p.paint(fmt.Sprintf("%-12s │", name), nameColour(name)) + " "
	}
	if text = l.Text; l.Level != "" {
		text = strings.ToUpper(l.Level) + ": " + text
	}
	fmt.Fprintln(p.w, prefix+p.paint(text, levelColour(l.Level)))
}

func (p *logPrinter) paint(text, colour string) string {
	if !p.colour {
		return text
	}
	return painted(text, colour)
}

// nameColour is a resource's colour, the same each time. Red and yellow are for
// levels.
func nameColour(name string) string {
	colours := [...]string{"\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[32m", "\x1b[96m", "\x1b[95m", "\x1b[94m", "\x1b[92m"}
	h := fnv.New32a()
	_, _ = io.WriteString(h, name)
	return colours[h.Sum32()%uint32(len(colours))]
}

func levelColour(level string) string {
	switch level {
	case "error":
		return "\x1b[31m"
	case "warn":
		return "\x1b[33m"
	}
	return ""
}

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
