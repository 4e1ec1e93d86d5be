package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func waitCommand() *cobra.Command {
	var ws workspaceFlags
	var chosen selection
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait [RESOURCE...]",
		Short: "Wait until resources are ready, or all that are up",
		Long: `Waits until the named resources, or all that are up, are ready or done and in sync
with the last save: it looks at all files first, so that what was saved a moment ago
counts, and waits for the commands whose output they read. The exit code is 1 once
nothing more happens by itself and one of them has failed, or waits for one that did
or for a trigger, and where the Tiltfile has an error. Resources that only a trigger
starts count where they are named.`,
		Example: "  towline wait\n  towline wait web --timeout 2m && npm test\n  towline wait --label backend",
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen.names = args
			e, client, err := ws.running(cmd.Context())
			if err != nil {
				return err
			}
			ctx, stop := cmd.Context(), context.CancelFunc(func() {})
			if timeout > 0 {
				ctx, stop = context.WithTimeout(ctx, timeout)
			}
			defer stop()
			err = awaitReady(ctx, cmd.OutOrStdout(), client, chosen)
			if ctx.Err() == context.DeadlineExceeded {
				return timedOut(cmd.Context(), e, timeout, &chosen)
			}
			return err
		},
	}
	ws.register(cmd)
	chosen.register(cmd)
	cmd.Flags().Var((*timeLimit)(&timeout), "timeout", "give up after this time, 5m for example (0: wait)")
	return cmd
}

// awaitReady follows the daemon until what is chosen has settled, and tells out
// what is not ready then.
func awaitReady(ctx context.Context, out io.Writer, client *api.Client, chosen selection) error {
	settled := errors.New("settled")
	var outcome api.Outcome
	var asleep []*api.ResourceStatus // chosen, and not up
	_ = client.Look(ctx)             // at what was saved a moment ago; a daemon that is lost, or older, is Watch's to tell of
	err := client.Watch(ctx, func(s *api.Status) error {
		if !s.Up {
			return &config.Problem{Message: "nothing is up", Hint: "bring it up: `towline up`"}
		}
		if p := s.Config.Error; p != nil && !s.Config.Evaluating {
			return p // what is ready is not what was saved
		}
		picked, err := chosen.of(s.Resources)
		if err != nil {
			return err
		}
		names := make([]string, len(picked))
		for i, r := range picked {
			names[i] = r.Name
		}
		if !api.Settled(s, names...) {
			return nil
		}
		outcome, asleep = api.OutcomeOf(s, names...), nil
		for i := range picked {
			r := &picked[i]
			if !chosen.empty() && (r.State == api.StateStopped || r.State == api.StateDisabled) {
				asleep = append(asleep, r)
			}
			if r.Off() && slices.Contains(chosen.names, r.Name) {
				outcome.Held = append(outcome.Held, r)
			}
		}
		return settled
	})
	if err == nil {
		err = io.ErrUnexpectedEOF // the stream has no end of its own
	}
	if !errors.Is(err, settled) {
		return daemonEnded(err)
	}
	if len(asleep) > 0 {
		return notUp(asleep)
	}
	var failed api.Status
	for _, r := range append(outcome.Failed, outcome.Held...) {
		say(out, fmt.Sprintf("%s %s: %s", words.Mark(r.State), r.Name, words.Line(r.Text)))
		failed.Resources = append(failed.Resources, *r)
	}
	for _, text := range words.Problems(failed) {
		say(out, text)
	}
	if len(outcome.Failed)+len(outcome.Held) > 0 {
		return errReported
	}
	return nil
}

// notUp says that resources were chosen that nobody asked for.
func notUp(asleep []*api.ResourceStatus) *config.Problem {
	var names []string
	for _, r := range asleep {
		names = append(names, r.Name)
	}
	p := &config.Problem{
		Message: api.Listed(names, 8, " and ") + " will not get ready: not up",
		Hint:    "bring it up: `towline enable " + names[0] + "`",
	}
	if asleep[0].ButtonAlone() {
		p.Hint = "nobody has pressed its button yet: `towline button " + asleep[0].Buttons[0].Name + "` does"
	}
	return p
}
