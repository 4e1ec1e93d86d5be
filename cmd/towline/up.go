package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

const takeOverUsage = "take over objects that another workspace has brought up, and bring the agent into pods of others that live_update is for"

const gitOpsUsage = "what becomes of objects that Argo CD or Flux holds: pause (what holds them, until `towline down`), leave or apply (default: as towline.gitops() says, or ask)"

func upCommand() *cobra.Command {
	var ws workspaceFlags
	var detach, stream bool
	var timeout time.Duration
	req := api.UpRequest{}
	cmd := &cobra.Command{
		Use:   "up [RESOURCE...] [-- ARGS]",
		Short: "Bring the project up and follow it; Ctrl-C leaves it running",
		Long: `Brings the project up: builds images, applies objects, waits until all is ready.
Saves are synced meanwhile, until Ctrl-C. What runs in the cluster stays until
` + "`towline down`" + `.

A terminal shows the live view: the resources, their logs, and keys that act on
them; ? lists these, q leaves. With --stream, with TOWLINE_UP=stream in the
environment, and where no terminal can be drawn on come lines instead: what is
ready or failed, then the logs.

Arguments, before and after --, are the Tiltfile's own, as config.parse() reads
them: names of resources where it does not. Names of resources that come to a
project that is up are brought up beside what is. Arguments hold until
` + "`towline down`" + `, and ` + "`towline args`" + ` changes them.`,
		Example: "  towline up\n  towline up web db\n  towline up --detach\n  towline up -- --env=dev",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, tiltfile, err := ws.find()
			if err != nil {
				return err
			}
			req.Tiltfile, req.Keep, req.Env = tiltfile, detach, os.Environ()
			req.Resources, req.Args = positional(cmd.Context(), e, cmd, args)
			if !detach && !stream && os.Getenv(viewVariable) != "stream" && canView() {
				return viewUp(cmd.Context(), e, req, timeout)
			}
			return up(cmd.Context(), e, req, following{detach: detach, timeout: timeout})
		},
	}
	ws.register(cmd)
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "return when all is ready; the project stays up and in sync in the background")
	cmd.Flags().BoolVar(&stream, "stream", false, "lines of logs on a terminal, too, in place of the live view")
	cmd.Flags().Var((*timeLimit)(&timeout), "timeout", "give up waiting after this time, 5m for example; what was begun goes on (0: wait)")
	cmd.Flags().StringVar(&req.Context, "context", "", "context of the kubeconfig (default: its current one)")
	cmd.Flags().Var((*namespaceName)(&req.Namespace), "namespace", "namespace for objects that name none (default: the context's); made if it is not there")
	cmd.Flags().BoolVar(&req.TakeOver, "take-over", false, takeOverUsage)
	cmd.Flags().Var((*gitOpsMode)(&req.GitOps), "gitops", gitOpsUsage)
	return cmd
}

// positional sorts a command's arguments. All are the Tiltfile's, but for those
// before -- that name resources of a project that is up.
func positional(ctx context.Context, e api.Endpoint, cmd *cobra.Command, args []string) (resources, rest []string) {
	dash := cmd.ArgsLenAtDash()
	if len(args) == 0 && dash < 0 {
		return nil, nil
	}
	if dash < 0 && api.Running(ctx, e) {
		if s, err := api.NewClient(e).Status(ctx); err == nil && s.Up && knows(s, args) {
			return args, nil
		}
	}
	return nil, append([]string{}, args...)
}

// knows reports whether all names are resources of a status.
func knows(s api.Status, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		return !slices.ContainsFunc(s.Resources, func(r api.ResourceStatus) bool { return r.Name == name })
	})
}

// following says how an up is followed.
type following struct {
	detach  bool
	timeout time.Duration // 0: none
}

// up brings a project up and follows it. A daemon that is lost on the way is
// started again and goes on where the old one was.
func up(ctx context.Context, e api.Endpoint, req api.UpRequest, f following) error {
	view := newProgress(os.Stdout)
	view.knows(ctx, e)
	waiting, stop := ctx, context.CancelFunc(func() {})
	if f.timeout > 0 {
		waiting, stop = context.WithTimeout(ctx, f.timeout)
	}
	client, err := followAsking(waiting, e, req, view)
	stop()
	if ctx.Err() == nil && waiting.Err() == context.DeadlineExceeded {
		return timedOut(ctx, e, f.timeout, &selection{})
	}
	if ctx.Err() != nil {
		return interrupted(ctx, e)
	}
	if err != nil {
		return err
	}
	logs := logOutput{e: e, client: client, show: newLogPrinter(os.Stdout, true).print}
	logs.skip(ctx)
	s, err := client.Status(ctx)
	if err != nil {
		return daemonEnded(err)
	}
	view.summary(s)
	if f.detach {
		if len(api.OutcomeOf(&s).Failed) > 0 {
			return errReported
		}
		return nil
	}
	say(os.Stdout, "\nFollowing the logs from here (`towline logs` has what came before). Ctrl-C leaves everything running.")
	return logs.followAll(ctx)
}

// followAsking is follow; at a terminal a person is asked for what only a person
// may decide, and it goes on with the answer.
func followAsking(ctx context.Context, e api.Endpoint, req api.UpRequest, view *progress) (*api.Client, error) {
	who := newPerson(os.Stdin, os.Stdout)
	for {
		stopCounting := view.keepCounting()
		client, err := follow(ctx, e, req, view)
		stopCounting()
		if err != nil || !interactive() {
			return client, err
		}
		s, err := client.Status(ctx)
		if err != nil {
			return client, err
		}
		asks := who.fresh(s.Asks)
		if len(asks) == 0 {
			return client, nil
		}
		view.drawn = 0 // the questions stand below it
		given := who.answers(ctx, asks)
		for _, answer := range given {
			if err := client.Answer(ctx, answer); err != nil {
				return client, err
			}
		}
		if len(given) == 0 {
			return client, nil
		}
	}
}

// follow asks for up and shows what happens until nothing more does.
func follow(ctx context.Context, e api.Endpoint, req api.UpRequest, view *progress) (*api.Client, error) {
	return followUntil(ctx, e, req, func(s *api.Status) bool {
		view.show(*s)
		return s.Up && api.Settled(s)
	})
}

// followUntil asks for up and takes every status until one is the last. A daemon
// that ends in the middle of it, killed or gone by itself, is started again; where
// somebody took the project down, that is the end.
func followUntil(ctx context.Context, e api.Endpoint, req api.UpRequest, last func(*api.Status) bool) (*api.Client, error) {
	const tries = 3
	reached := errors.New("reached")
	down, accepted := ending{e: e}, false
	for try := 1; ; try++ {
		client, err := connect(ctx, e)
		if err != nil {
			return nil, err
		}
		if _, err = client.Up(ctx, req); err == nil {
			accepted = true
			err = client.Watch(ctx, func(s *api.Status) error {
				if last(s) {
					return reached
				}
				if problem := down.see(s); problem != nil {
					return problem
				}
				return nil
			})
		}
		var refused *config.Problem
		switch {
		case errors.Is(err, reached):
			return client, nil
		case errors.As(err, &refused) || ctx.Err() != nil:
			return nil, err
		case accepted && down.lost() != nil:
			return nil, down.lost()
		case try == tries:
			return nil, fmt.Errorf("the daemon ends again and again (%w); its log is %s", err, e.LogFile())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// timedOut says what of those that were chosen has failed, which may be why others
// are not ready, and what is not ready yet.
func timedOut(ctx context.Context, e api.Endpoint, after time.Duration, chosen *selection) error {
	p := &config.Problem{
		Message: fmt.Sprintf("not all is ready after %s", after),
		Hint:    "what was begun goes on: `towline status` shows it, `towline down` takes it down",
	}
	if s, err := api.NewClient(e).Status(ctx); err == nil {
		o := api.OutcomeOf(&s)
		for _, r := range slices.Concat(o.Failed, o.Busy, o.Held) {
			if !chosen.empty() && !chosen.picks(r) {
				continue
			}
			p.Message += fmt.Sprintf("\n  %s: %s", r.Name, words.Line(r.Text))
		}
	}
	return p
}

// interrupted says what goes on without the one who followed it.
func interrupted(ctx context.Context, e api.Endpoint) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLook)
	defer cancel()
	text := "Interrupted. `towline status` shows what is up."
	if api.Running(ctx, e) {
		if s, err := api.NewClient(e).Status(ctx); err == nil && s.Up {
			text = "Left running. `towline status` shows it, `towline down` takes it down."
		}
	}
	say(os.Stdout, "\n"+text)
	return nil
}

// followAll prints what comes until ctx ends or the project is taken down, through
// restarts of the daemon.
func (o *logOutput) followAll(ctx context.Context) error {
	down := ending{e: o.e}
	for {
		client, err := connect(ctx, o.e)
		if err == nil {
			o.client = client
			err = whileUp(ctx, client, &down, func(ctx context.Context) error { return o.print(ctx, api.LogsRequest{Follow: true}) })
		}
		if ctx.Err() != nil {
			return interrupted(ctx, o.e)
		}
		var refused *config.Problem
		if errors.As(err, &refused) {
			return err
		}
		if problem := down.lost(); problem != nil {
			return problem
		}
		if err != nil {
			say(os.Stderr, "the daemon was lost: "+words.Line(daemonEnded(err).Error()))
		}
		select {
		case <-ctx.Done():
			return interrupted(ctx, o.e)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
