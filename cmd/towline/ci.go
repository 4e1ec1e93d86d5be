package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/towline-dev/towline/cmd/towline/ci"
	"github.com/towline-dev/towline/cmd/towline/words"
	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

func ciCommand() *cobra.Command {
	var ws workspaceFlags
	var timeout time.Duration
	var reports ciReports
	req := api.UpRequest{CI: true}
	cmd := &cobra.Command{
		Use:   "ci [RESOURCE...] [-- ARGS]",
		Short: "Bring the project up once, for a build server: its exit code says whether all is ready",
		Long: `Brings the project up with config.tilt_subcommand == 'ci' and ends with 0 when all
is ready and every job and local command is done, or with 1 as soon as something
has failed for good. Builds, objects and pods are what the Tiltfile says and no
more: no agent runs in the containers, and files that change are not followed.
Logs are printed all the while.

Local servers end with it. What was applied stays in the cluster, for tests that
come after, until ` + "`towline down`" + `. ci_settings() sets how long things may take: 30
minutes in all, and 5 for a resource to become ready, where it does not.`,
		Example: "  towline ci\n  towline ci web -- --env=test\n  towline ci --timeout 10m --junit report.xml",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, tiltfile, err := ws.find()
			if err != nil {
				return err
			}
			req.Tiltfile, req.Env, req.Args = tiltfile, os.Environ(), append([]string{}, args...)
			run := newCIRun(e, timeout)
			if err := run.follow(cmd.Context(), req); err != nil {
				return err
			}
			return run.conclude(cmd.Context(), reports)
		},
	}
	ws.register(cmd)
	cmd.Flags().Var((*timeLimit)(&timeout), "timeout", "in place of ci_settings(timeout=…), 10m for example")
	cmd.Flags().StringVar(&reports.junit, "junit", "", "write a JUnit report to this file")
	cmd.Flags().StringVar(&reports.json, "json", "", "write the whole status to this file, as towline status --json prints it")
	cmd.Flags().StringVar(&req.Context, "context", "", "context of the kubeconfig (default: its current one)")
	cmd.Flags().Var((*namespaceName)(&req.Namespace), "namespace", "namespace for objects that name none (default: the context's); made if it is not there")
	cmd.Flags().BoolVar(&req.TakeOver, "take-over", false, takeOverUsage)
	cmd.Flags().Var((*gitOpsMode)(&req.GitOps), "gitops", gitOpsUsage)
	return cmd
}

// ciReports are the files that tell programs how it went; "" is none.
type ciReports struct {
	junit, json string
}

// evaluationLimit bounds the time until the first status of a Tiltfile that
// could say how long things may take.
const evaluationLimit = 30 * time.Minute

// ciRun follows a project until it is up or has failed.
type ciRun struct {
	e     api.Endpoint
	began time.Time
	limit time.Duration // until the Tiltfile has said another
	out   io.Writer
	view  *progress

	mu      sync.Mutex // of what follows
	judge   *ci.Judge
	last    api.Status
	verdict ci.Verdict
	again   *time.Timer
	end     context.CancelFunc
}

func newCIRun(e api.Endpoint, timeout time.Duration) *ciRun {
	out := &lockedWriter{w: os.Stdout}
	view := newProgress(os.Stdout)
	view.w, view.tty = out, false // a block that changes in place would be between the logs
	return &ciRun{
		e: e, began: view.began, limit: cmp.Or(timeout, evaluationLimit), out: out, view: view,
		judge: ci.NewJudge(view.began, timeout),
	}
}

// follow brings the project up and returns at the verdict, and when ctx ends.
func (r *ciRun) follow(ctx context.Context, req api.UpRequest) error {
	// One who asks starts a daemon, and all others find it: of two that start the
	// loser would take the place of the first as it ends.
	if _, err := connect(ctx, r.e); err != nil {
		return err
	}
	waiting, end := context.WithCancel(ctx)
	defer end()
	r.end = end
	r.mu.Lock()
	r.again = time.AfterFunc(r.limit, func() { r.see(nil) })
	r.mu.Unlock()
	defer r.again.Stop()
	stopLogs := func() { r.rest(ctx) }
	accepted := sync.OnceFunc(func() { stopLogs = r.logs(ctx) })
	stopCounting := r.view.keepCounting()
	_, err := followUntil(waiting, r.e, req, func(s *api.Status) bool {
		accepted() // before that they may be of whoever develops here
		r.view.show(*s)
		return r.see(s)
	})
	stopCounting()
	stopLogs()
	r.mu.Lock()
	defer r.mu.Unlock()
	var refused *config.Problem
	switch {
	case ctx.Err() != nil:
		r.shutdown()
		return &config.Problem{
			Message: "interrupted before all was ready",
			Hint:    "what was applied stays: `towline status` shows it, `towline down` takes it down",
		}
	case r.verdict.Done:
		return nil
	case errors.As(err, &refused):
		r.verdict = ci.Verdict{Done: true, Failures: []ci.Failure{{Problem: *refused}}}
		return nil
	}
	r.shutdown()
	return err
}

// see takes a status, nil where time alone has passed, and reports whether
// nothing more has to be waited for.
func (r *ciRun) see(s *api.Status) (done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.verdict.Done {
		return true
	}
	if s != nil {
		r.last = *s
	}
	if s == nil && r.last.Seq == 0 {
		r.verdict = ci.Verdict{Done: true, Failures: []ci.Failure{{Problem: config.Problem{
			Message: fmt.Sprintf("the Tiltfile is not evaluated after %s", r.limit), Pos: config.Position{File: r.last.Tiltfile},
		}}}}
	} else {
		r.verdict = r.judge.See(&r.last, time.Now())
	}
	if r.verdict.Done {
		r.end()
	} else if r.verdict.Again > 0 {
		r.again.Reset(r.verdict.Again)
	}
	return r.verdict.Done
}

// logs prints what is logged until stop is called, and then what came last.
func (r *ciRun) logs(ctx context.Context) (stop func()) {
	out := r.logOutput()
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = out.follow(ctx, api.LogsRequest{LogFilter: r.since(), Follow: true}) // ends with ctx
	}()
	return func() {
		cancel()
		<-ended
		rest, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		_ = out.print(rest, api.LogsRequest{LogFilter: r.since()}) // the daemon may be gone
		done()
	}
}

// logOutput prints what was logged since this run began.
func (r *ciRun) logOutput() *logOutput {
	printer := newLogPrinter(os.Stdout, true)
	printer.w = r.out
	return &logOutput{e: r.e, client: api.NewClient(r.e), show: printer.print}
}

// since leaves out what was logged before the run.
func (r *ciRun) since() api.LogFilter { return api.LogFilter{Since: r.began} }

// rest prints what was logged for a run that was refused, unless the daemon
// serves whoever develops here.
func (r *ciRun) rest(ctx context.Context) {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer done()
	if !api.Running(ctx, r.e) {
		return
	}
	out := r.logOutput()
	if s, err := out.client.Status(ctx); err == nil && !developed(s) {
		_ = out.print(ctx, api.LogsRequest{LogFilter: r.since()}) // the daemon may be gone
	}
}

// developed reports whether a project is up for somebody else than a build
// server.
func developed(s api.Status) bool { return s.Up && s.Config.CI == nil }

// conclude says how it went, writes the reports and ends the daemon with what
// it serves on this machine.
func (r *ciRun) conclude(ctx context.Context, reports ciReports) error {
	took := time.Since(r.began)
	for i, f := range r.verdict.Failures {
		text := f.Problem.Error()
		if f.Resource != "" {
			text = f.Resource + ": " + text
		}
		say(r.out, "error: "+text)
		again := i+1 < len(r.verdict.Failures) && r.verdict.Failures[i+1].Problem.Hint == f.Problem.Hint
		if f.Problem.Hint != "" && !again { // once for all that it is for
			say(r.out, "hint:  "+f.Problem.Hint)
		}
	}
	o, rest := api.OutcomeOf(&r.last), ""
	if n := len(o.Held) + len(o.Off); len(r.verdict.Failures) == 0 && n > 0 {
		rest = fmt.Sprintf(" and %d for a person to trigger", n)
	}
	if o.Total > 0 { // else nothing was begun
		say(r.out, fmt.Sprintf("%d of %d ready%s in %s%s", o.Ready, o.Total, rest, words.Short(took), inCluster(&r.last)))
	}
	err := reports.write(&r.last, r.verdict, took)
	r.shutdown()
	if err == nil && len(r.verdict.Failures) > 0 {
		err = errReported
	}
	return err
}

// shutdown ends the daemon and waits until it and what it serves have ended.
// What runs in the cluster stays, and so does the daemon of a project that a
// developer has up.
func (r *ciRun) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if !api.Running(ctx, r.e) {
		return
	}
	client := api.NewClient(r.e)
	s, err := client.Status(ctx)
	if err == nil && developed(s) {
		return
	}
	_ = client.Shutdown(ctx) // one that does not answer is of no use to anybody
	for api.Running(ctx, r.e) && ctx.Err() == nil {
		if now, err := client.Status(ctx); err == nil && now.Daemon.Pid != s.Daemon.Pid {
			return // an editor has started the next
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// write writes the reports that are asked for.
func (f ciReports) write(s *api.Status, v ci.Verdict, took time.Duration) error {
	var junit bytes.Buffer
	if err := ci.JUnit(&junit, s, v, took); err != nil {
		return err
	}
	status, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	for _, report := range []struct {
		path string
		data []byte
	}{{f.junit, junit.Bytes()}, {f.json, append(status, '\n')}} {
		if report.path == "" {
			continue
		}
		if err := os.WriteFile(report.path, report.data, 0o644); err != nil {
			return fmt.Errorf("writing a report: %w", err)
		}
	}
	return nil
}

// lockedWriter lets several write whole lines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
