// Package eval runs a Tiltfile and says what it resolves to. The result is
// plain data (starlark/config); a Tiltfile that is wrong gives a project with
// an error in it, never a panic and never an endless wait.
//
// # How a run goes
//
// The files are executed by go.starlark.net with the options that Tilt sets,
// on one thread. Built-ins only note what was declared: each checks its
// arguments against the table of starlark/decl and appends to the run's state.
// When the root file has ended, the notes are assembled: images find their
// bases, objects become resources, options find their resources, and only then
// are names and references checked, so that the order of calls does not
// matter.
//
// Everything from outside (files, environment, commands, the kubeconfig) comes
// through Options, and every file that was read is in the result, so that a
// caller knows when to evaluate again. A Cache that is handed in again makes
// that cheap: programs and YAML are kept by content.
//
// # Effects
//
// Whatever does more than read passes run.held: commands, and what is fetched.
// A caller whom nobody asked to run the Tiltfile holds that back by
// Options.Allowed, and learns what can be known without it.
package eval

import (
	"context"
	"errors"
	"time"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
)

// Eval evaluates a Tiltfile. The project is never nil: when the Tiltfile is
// wrong its Error says why, and Resources are empty; ConfigFiles and Warnings
// hold what was seen until then.
//
// It goes in a goroutine of its own, for which Eval waits; but for one that does
// not end when ctx does, or takes far more memory than it may, Eval waits no
// longer than endWithin. Every step of Starlark is bounded (starlark/limit) and a
// chart is rendered in a process of its own, so that this is for libraries that
// forget to ask.
func Eval(ctx context.Context, o Options) *config.Project {
	r := newRun(o)
	if p := r.recall(ctx); p != nil {
		return p
	}
	done := make(chan *config.Project, 1)
	go func() { done <- r.evaluate(ctx) }()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case p := <-done:
			return p
		case <-ctx.Done():
			return wait(done, r.opts.Tiltfile, context.Cause(ctx).Error())
		case <-look.C:
			if err := r.meter.Exceeded(); err != nil {
				r.thread.Cancel(err.Error())
				return wait(done, r.opts.Tiltfile, err.Error()+"; the evaluation does not end by itself")
			}
		}
	}
}

const (
	endWithin = 800 * time.Millisecond // a person who ends it waits no longer than a second
	lookEvery = 100 * time.Millisecond
)

// wait gives an evaluation that is to end the time for it, and then gives up.
func wait(done <-chan *config.Project, tiltfile string, why string) *config.Project {
	select {
	case p := <-done:
		return p
	case <-time.After(endWithin):
	}
	p := config.NewProject(tiltfile)
	p.ConfigFiles = []string{tiltfile}
	p.Error = &config.Problem{Message: why, Pos: config.Position{File: tiltfile}}
	p.FillEmpty()
	return p
}

// evaluate is the whole run.
func (r *run) evaluate(ctx context.Context) *config.Project {
	r.names = r.predeclared(ctx)
	r.thread.Load = func(_ *starlark.Thread, path string) (starlark.StringDict, error) { return r.load(ctx, path) }
	err := r.protect(ctx, func() error {
		if err := r.execRoot(); err != nil && !errors.Is(err, errExit) {
			return err
		}
		return r.assemble()
	})
	r.project.ConfigFiles, r.project.Read, r.project.Listed = r.files.Paths(), r.files.Contents, r.files.Listed
	r.project.Warnings = r.warnings
	if r.withheld != nil {
		// What follows from what is not known is nobody's mistake.
		r.project.Error, r.project.Warnings = r.withheld, nil
	}
	if err != nil {
		if problem := r.problem(err); r.withheld == nil {
			r.project.Error = &problem
		}
		r.project.Resources, r.project.Images, r.project.YAML, r.project.Buttons = nil, nil, nil, nil
	}
	r.scrubProblems()
	r.project.FillEmpty()
	if r.project.Error == nil {
		r.opts.Cache.Succeeded()
		r.keep(ctx)
	}
	return r.project
}
