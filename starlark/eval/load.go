package eval

import (
	"context"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/extensions"
	"github.com/towline-dev/towline/starlark/flags"
)

// load is the load statement.
func (r *run) load(ctx context.Context, path string) (starlark.StringDict, error) {
	var wants []string
	if n := len(r.executing); n > 0 {
		wants = r.modules[r.executing[n-1]].wants[path]
	}
	return r.loadPath(ctx, path, wants)
}

// loadPath executes a file or an extension, of which the caller wants these
// names.
func (r *run) loadPath(ctx context.Context, path string, wants []string) (starlark.StringDict, error) {
	if name, ok := strings.CutPrefix(path, extensions.Scheme); ok {
		file, err := r.extension(ctx, name)
		if err != nil {
			return nil, err
		}
		if args := r.api.ExtensionArgs(name); len(args) > 0 {
			outer := r.flags
			r.flags = flags.New(args)
			defer func() { r.flags = outer }()
		}
		globals, err := r.exec(file)
		if lacks := missingName(globals, wants); err == nil && lacks != "" && extensions.Shipped(file) {
			return r.publicModule(ctx, name, lacks)
		}
		return globals, err
	}
	return r.exec(r.abs(path))
}

func (c *call) include(ctx context.Context) (starlark.Value, error) {
	var in struct {
		Path string `arg:"path"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	_, err := c.run.loadPath(ctx, in.Path, nil)
	return starlark.None, err
}

func (c *call) loadDynamic(ctx context.Context) (starlark.Value, error) {
	var in struct {
		Path string `arg:"path"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	globals, err := c.run.loadPath(ctx, in.Path, nil)
	if err != nil {
		return nil, err
	}
	dict := starlark.NewDict(len(globals))
	for _, name := range globals.Keys() {
		if err := dict.SetKey(starlark.String(name), globals[name]); err != nil {
			return nil, err
		}
	}
	dict.Freeze()
	return dict, nil
}
