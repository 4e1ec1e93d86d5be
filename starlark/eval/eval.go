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
	"path/filepath"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/apiobject"
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/flags"
	"github.com/towline-dev/towline/starlark/inputs"
	"github.com/towline-dev/towline/starlark/limit"
	"github.com/towline-dev/towline/starlark/process"
	"github.com/towline-dev/towline/starlark/value"
)

// DefaultMaxSteps is how many steps of Starlark an evaluation may take: some
// ten seconds of a busy loop.
const DefaultMaxSteps = 500_000_000

// DefaultMaxDepth is how deep calls may nest.
const DefaultMaxDepth = 5_000

// Options say what to evaluate, and with what: files, environment, programs.
type Options struct {
	Tiltfile   string         // path of the root Tiltfile; absolute
	Args       []string       // the arguments after "--"
	Subcommand string         // "up", "down", "ci", …; "" is "up"
	FS         inputs.FS      // nil: the operating system's
	Env        []string       // "NAME=value", as os.Environ returns
	Kube       *Kube          // nil: what the kubeconfig in Env says
	Commands   process.Runner // nil: the operating system's
	Log        func(string)   // receives what the Tiltfile prints, line by line; nil: dropped
	MaxSteps   uint64         // 0: DefaultMaxSteps
	MaxDepth   int            // 0: DefaultMaxDepth
	MaxMemory  uint64         // bytes that the run may hold; 0: limit.DefaultMemory
	Cache      *cache.Cache   // nil: nothing is kept
	Remote     Remote         // fetches repositories of extensions; nil: none can be fetched
	Charts     Charts         // fetches Helm charts; nil: from the network
	Renderer   []string       // the command that is chart.Serve; none: charts are rendered in this process
	Version    string         // towline's own version
	Allowed    Allowed        // nil: the run may do whatever the Tiltfile wants
	AnyContext bool           // the caller checks the Kubernetes context before it deploys; local() is refused all the same
}

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

// errExit ends a run quietly.
var errExit = errors.New("exit")

// run is the state of one evaluation. It belongs to one goroutine.
type run struct {
	opts       Options
	files      *inputs.Recorder
	thread     *starlark.Thread
	imageNames imageNames
	project    *config.Project
	warnings   []config.Problem
	warned     map[string]bool // texts that are told once
	withheld   *config.Problem // the first thing that Options.Allowed did not allow
	said       []string        // what was logged
	did        bool            // see outside

	modules   map[string]*module // by path, each executed once
	executing []string           // paths of the files that are being executed, innermost last
	names     starlark.StringDict
	guarded   starlark.StringDict // functions that measure, in every file
	meter     *limit.Meter
	env       *value.Environ
	kube      *kubeState

	images  imageIndex
	yaml    yamlState
	local   []*localDecl
	compose composeState
	secrets *config.Secrets                 // values that no message may show
	steps   map[config.Position]*value.Step // live-update steps that nothing uses yet
	flags   *flags.Set
	api     *apiobject.Set
	ours    map[string]any // what the towline module set

	triggerMode    value.TriggerMode
	triggerModeSet string // position of the call
	team           string
	registrySet    bool
}

func newRun(o Options) *run {
	if o.FS == nil {
		o.FS = inputs.OS{}
	}
	if o.Commands == nil {
		o.Commands = process.OS{}
	}
	if o.Subcommand == "" {
		o.Subcommand = "up"
	}
	if o.MaxSteps == 0 {
		o.MaxSteps = DefaultMaxSteps
	}
	if o.MaxDepth == 0 {
		o.MaxDepth = DefaultMaxDepth
	}
	if o.MaxMemory == 0 {
		o.MaxMemory = limit.DefaultMemory
	}
	if o.Cache == nil {
		o.Cache = cache.New()
	}
	o.Tiltfile = filepath.Clean(o.Tiltfile)
	r := &run{
		opts:       o,
		files:      inputs.NewRecorder(o.FS, o.Cache),
		imageNames: imageNames{o.Cache},
		project:    config.NewProject(o.Tiltfile),
		warned:     map[string]bool{},
		modules:    map[string]*module{},
		steps:      map[config.Position]*value.Step{},
		ours:       map[string]any{},
	}
	r.env = value.NewEnviron(o.Env)
	r.kube = &kubeState{run: r, given: o.Kube}
	r.yaml.kinds, r.yaml.byName = initialKinds(), map[string]*resource{}
	r.flags, r.api = flags.New(o.Args), apiobject.NewSet(filepath.Dir(o.Tiltfile))
	r.thread = &starlark.Thread{
		Name:  "Tiltfile",
		Print: func(_ *starlark.Thread, msg string) { r.log(msg) },
	}
	r.meter = limit.NewMeter(o.MaxMemory, &o.Cache.Full)
	r.guarded = r.meter.Functions()
	return r
}

func (r *run) log(text string) {
	for line := range strings.SplitSeq(strings.TrimSuffix(r.scrub(text), "\n"), "\n") {
		if len(r.said) < maxSaid {
			r.said = append(r.said, line)
		} else {
			r.outside() // it is not kept
		}
		if r.opts.Log != nil {
			r.opts.Log(line)
		}
	}
}

// warn adds a warning at the place of the call that runs now.
func (r *run) warn(text string) {
	stack := r.stack(r.thread.CallStack())
	r.warnings = append(r.warnings, config.Problem{Message: text, Stack: stack, Pos: userPosition(stack)})
}

// warnAt adds a warning at a place.
func (r *run) warnAt(pos config.Position, text string) {
	r.warnings = append(r.warnings, config.Problem{Message: text, Pos: pos})
}

// warnOnce adds a warning, unless the run has given it already.
func (r *run) warnOnce(text string) {
	if !r.warned[text] {
		r.warned[text] = true
		r.warn(text)
	}
}

// logOnce logs a text, unless the run has told it already.
func (r *run) logOnce(text string) {
	if !r.warned[text] {
		r.warned[text] = true
		r.log(text)
	}
}

// dir is the folder against which relative paths are resolved: that of the
// file that is being executed.
func (r *run) dir() string {
	if len(r.executing) == 0 {
		return filepath.Dir(r.opts.Tiltfile)
	}
	return filepath.Dir(r.executing[len(r.executing)-1])
}

// abs returns the absolute and clean form of a path of the Tiltfile.
func (r *run) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.dir(), path)
}
