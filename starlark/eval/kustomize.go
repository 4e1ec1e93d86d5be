package eval

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/kustomize"
	"github.com/towline-dev/towline/starlark/process"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) kustomize(ctx context.Context) (starlark.Value, error) {
	var in struct {
		Paths unpack.Path     `arg:"paths"`
		Bin   starlark.Value  `arg:"kustomize_bin"`
		Flags unpack.Sequence `arg:"flags"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	dir := in.Paths.Value
	var out string
	var err error
	bin, _ := value.AsString(value.OrNone(in.Bin))
	if bin == "" && kustomize.Supports(in.Flags) {
		out, err = c.run.kustomizeLibrary(ctx, dir, in.Flags)
	} else {
		out, err = c.run.kustomizeBinary(ctx, dir, bin, in.Flags)
	}
	if err != nil {
		c.run.files.Watch(dir) // what is missing may come
		return nil, c.run.inKustomization(err, dir)
	}
	return value.Blob{Text: out, Source: "kustomize: " + dir}, nil
}

func (r *run) kustomizeLibrary(ctx context.Context, dir string, flags []string) (string, error) {
	r.outside()
	b := kustomize.Builder{Files: r.files, Cache: r.opts.Cache, Tiltfile: r.opts.Tiltfile}
	if r.opts.Allowed != nil && !b.Local(dir) && r.held("fetching what the kustomization in "+dir+" names") {
		return "", nil
	}
	if len(r.opts.Kustomizer) > 0 {
		b.Apart = func(input []byte) ([]byte, error) { return r.kustomizeApart(ctx, dir, input) }
	}
	return b.Build(dir, flags)
}

// fetchWithin is how long a kustomization may take that names what is not on this
// machine.
const fetchWithin = 2 * time.Minute

// kustomizeApart runs the process that builds a kustomization, and ends it when
// the evaluation ends or what it fetches does not come.
func (r *run) kustomizeApart(ctx context.Context, dir string, input []byte) ([]byte, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, fetchWithin, fmt.Errorf("kustomize: building %s takes longer than %v: does an address that it names not answer?", dir, fetchWithin))
	defer cancel()
	var said strings.Builder
	out, err := process.OS{}.Run(bounded, process.Command{Argv: r.opts.Kustomizer, Stdin: string(input), Log: func(s string) { said.WriteString(s) }})
	switch {
	case err == nil:
		return out, nil
	case bounded.Err() != nil:
		return nil, fault.Environment(context.Cause(bounded))
	}
	return nil, fmt.Errorf("kustomize: the process that builds %s: %w: %s", dir, err, quoteEnd(said.String()))
}

// kustomizeBinary runs the program, or kubectl in its place.
func (r *run) kustomizeBinary(ctx context.Context, dir, bin string, flags []string) (string, error) {
	r.watchBelow(dir)
	argv := []string{bin, "build"}
	switch {
	case bin != "":
	case r.hasProgram("kustomize"):
		argv[0] = "kustomize"
	case r.hasProgram("kubectl"):
		argv = []string{"kubectl", "kustomize"}
	default:
		return "", fault.Environment(fmt.Errorf("kustomize: the flags %q need the program kustomize or kubectl, and neither is installed", flags))
	}
	argv = append(append(argv, flags...), dir)
	if r.held("the command " + strconv.Quote(value.CommandText(argv))) {
		return "", nil
	}
	var stderr strings.Builder
	out, err := r.command(ctx, config.Command{Argv: argv, Dir: r.dir()}, "", func(s string) { stderr.WriteString(s) })
	if err != nil {
		return "", commandFailed(value.CommandText(argv), err, string(out), stderr.String())
	}
	return string(out), nil
}

// watchBelow notes all files below a folder.
func (r *run) watchBelow(dir string) {
	r.files.Watch(dir)
	paths, _ := r.files.List(dir, true)
	for _, p := range paths {
		r.files.Watch(p)
	}
}

// hasProgram reports whether a program is in the PATH of the run.
func (r *run) hasProgram(name string) bool {
	r.outside()
	return process.Find(name, r.env.Var("PATH"), r.dir()) != ""
}
