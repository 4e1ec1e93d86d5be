package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/run/output"
)

// perSecond is how often a program hears of the status at most.
const perSecond = 4

func watchCommand() *cobra.Command {
	var ws workspaceFlags
	var asJSON, logs, asView bool
	var since uint64
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Tell what changes: each resource's state, line by line or as JSON",
		Long: `Tells what changes until Ctrl-C or until the daemon ends.

With --view a terminal shows the live view of "towline up": resources, their logs
and keys that act on them, ? lists these. It starts nothing, waits where nothing is
up, and what is up stays up when it is closed. Where no terminal can be drawn on
(a pipe, TERM=dumb) come lines as without it.

With --json each line is an event: the first a snapshot ("status"), each later
one what changed since ("changes", four times a second at most), how far a save
has come ("save": its stages typed, saved, sent, staged, applied, restarted and ready, those that were seen), a problem that came or was mended ("problem"), the progress of
what a person waits for ("operation"), a question that came or that is asked no more
("ask") or, with --logs, a line of the log ("log").
A number ("seq") grows with them. A program that was away goes on with --since
NUMBER, and gets a snapshot where the daemon no longer knows. Editors and the
terminal read the same stream.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asView && canView() {
				e, _, err := ws.find()
				if err != nil {
					return err
				}
				return viewWatch(cmd.Context(), e)
			}
			_, client, err := ws.running(cmd.Context())
			if err != nil {
				return err
			}
			ctx, stop := whileRead(cmd.Context(), os.Stdout)
			defer stop()
			switch {
			case asJSON:
				out := json.NewEncoder(cmd.OutOrStdout())
				req := api.WatchRequest{Since: since, Topics: []api.Topic{api.TopicSave, api.TopicProblem, api.TopicOperation, api.TopicAsk}, PerSecond: perSecond}
				if logs {
					req.Topics = append(req.Topics, api.TopicLogs)
				}
				err = client.Events(ctx, req, func(e api.Event) error { return out.Encode(e) })
			default:
				told := changes{w: cmd.OutOrStdout(), began: time.Now(), said: map[string]string{}}
				err = client.Watch(ctx, func(s *api.Status) error { return told.show(*s) })
			}
			if ctx.Err() != nil {
				return nil
			}
			return daemonEnded(err)
		},
	}
	ws.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print events as JSON, one a line")
	cmd.Flags().BoolVar(&asView, "view", false, "on a terminal: the live view of resources and logs")
	cmd.MarkFlagsMutuallyExclusive("view", "json")
	cmd.Flags().BoolVar(&logs, "logs", false, "with --json: the lines of the log, too")
	cmd.Flags().Uint64Var(&since, "since", 0, "with --json: go on after this event")
	return cmd
}

// changes tells each change of a resource in a line.
type changes struct {
	w     io.Writer
	began time.Time
	said  map[string]string
}

func (c *changes) show(s api.Status) error {
	for _, r := range s.Resources {
		text := words.Line(r.Text)
		gist := output.Gist(text)
		if r.State == api.StateStopped || r.State == api.StateDisabled || c.said[r.Name] == gist {
			continue
		}
		c.said[r.Name] = gist
		if err := say(c.w, fmt.Sprintf("%6s  %s %s: %s", words.Short(time.Since(c.began)), words.Mark(r.State), r.Name, text)); err != nil {
			return err
		}
	}
	return nil
}
