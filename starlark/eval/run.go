package eval

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/apiobject"
	"github.com/towline-dev/towline/starlark/assembly"
	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/flags"
	"github.com/towline-dev/towline/starlark/image"
	"github.com/towline-dev/towline/starlark/inputs"
	"github.com/towline-dev/towline/starlark/limit"
	"github.com/towline-dev/towline/starlark/process"
	"github.com/towline-dev/towline/starlark/value"
)

// errExit ends a run quietly.
var errExit = errors.New("exit")

// A module is a file that was executed, or is being executed (globals nil).
type module struct {
	globals starlark.StringDict
	err     error
	done    bool
	source  []byte
	wants   map[string][]string // the names that it loads, by extension
}

// localDecl is a local resource as declared.
type localDecl struct {
	name        string
	triggerMode value.TriggerMode
	res         config.Resource
}

func (l *localDecl) resource(fallback value.TriggerMode) config.Resource {
	l.res.TriggerMode = l.triggerMode.OrElse(fallback)
	return l.res
}

// run is the state of one evaluation. It belongs to one goroutine.
type run struct {
	opts     Options
	files    *inputs.Recorder
	thread   *starlark.Thread
	project  *config.Project
	warnings []config.Problem
	warned   map[string]bool // texts that are told once
	withheld *config.Problem // the first thing that Options.Allowed did not allow
	said     []string        // what was logged
	did      bool            // see outside

	modules   map[string]*module // by path, each executed once
	executing []string           // paths of the files that are being executed, innermost last
	names     starlark.StringDict
	guarded   starlark.StringDict // functions that measure, in every file
	meter     *limit.Meter
	env       *value.Environ
	kube      *kubeState

	apart   map[string]string // texts of files of which the Tiltfile sees nothing, by path
	images  *image.Index
	k8s     *assembly.Set
	local   []*localDecl
	compose composeState
	secrets *config.Secrets                 // values that no message may show
	steps   map[config.Position]*value.Step // live-update steps that nothing uses yet
	flags   *flags.Set
	api     *apiobject.Set
	ours    map[string]any             // what the towline module set
	follows map[string]config.Position // resources of a towline.follow()

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
		opts:    o,
		files:   inputs.NewRecorder(o.FS, o.Cache),
		project: config.NewProject(o.Tiltfile),
		warned:  map[string]bool{},
		modules: map[string]*module{},
		steps:   map[config.Position]*value.Step{},
		ours:    map[string]any{},
		follows: map[string]config.Position{},
		apart:   map[string]string{},
	}
	r.env = value.NewEnviron(o.Env)
	r.kube = &kubeState{given: o.Kube, read: func() Kube {
		r.outside()
		return ReadKubeconfig(r.opts.FS, r.env.Copy())
	}}
	r.images = &image.Index{Names: image.Names{Cache: o.Cache}, Var: r.env.Var}
	r.k8s = assembly.NewSet(r.images, r.taken)
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

// conflict says who has a resource's name already.
func (r *run) conflict(name string) error {
	if r.k8s.Has(name) {
		return fmt.Errorf("k8s_resource named %q already exists", name)
	}
	return r.taken(name)
}

// taken is conflict beside Kubernetes.
func (r *run) taken(name string) error {
	for _, l := range r.local {
		if l.name == name {
			return fmt.Errorf("local_resource named %q already exists", name)
		}
	}
	if r.compose.has(name) {
		return fmt.Errorf("dc_resource named %q already exists", name)
	}
	return nil
}

// maxSaid is how many lines of what an evaluation printed are kept.
const maxSaid = 1000

// scrub takes the values of Secrets out of a text, unless the Tiltfile shows
// them.
func (r *run) scrub(text string) string {
	if !r.project.Settings.SecretScrub {
		return text
	}
	return r.secrets.Scrub(text)
}

// outside notes that the run looks at more than the files that it asks for, or
// does more than look.
func (r *run) outside() {
	r.did = true
	r.files.Forget()
}
