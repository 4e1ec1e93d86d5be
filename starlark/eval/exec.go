package eval

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"runtime/debug"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/towline-dev/towline/starlark/cache"
	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
	"github.com/towline-dev/towline/starlark/limit"
)

// maxSource is the size of the largest Tiltfile, in bytes.
const maxSource = 8 << 20

// protect runs f with the limits in force, and turns a panic in an error.
func (r *run) protect(ctx context.Context, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v\n%s", p, debug.Stack())
		}
	}()
	stop := context.AfterFunc(ctx, func() { r.thread.Cancel(context.Cause(ctx).Error()) })
	defer stop()
	limit.Steps(r.thread, r.meter, &r.opts.MaxSteps, r.opts.MaxDepth)
	if err := ctx.Err(); err != nil {
		return err
	}
	return f()
}

func (r *run) execRoot() error {
	if err := r.tiltignore(); err != nil {
		return err
	}
	_, err := r.exec(r.opts.Tiltfile)
	return err
}

// tiltignore takes the patterns of the file of that name beside the root
// Tiltfile: what they match never counts as changed.
func (r *run) tiltignore() error {
	dir := filepath.Dir(r.opts.Tiltfile)
	file := filepath.Join(dir, ".tiltignore")
	patterns, err := r.files.IgnoreFile(file)
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	if len(patterns) > 0 {
		s := &r.project.Settings
		s.WatchIgnores = append(s.WatchIgnores, config.Ignore{Base: dir, Patterns: patterns, Source: file})
	}
	return nil
}

// exec executes a file, once in a run, and returns its globals.
func (r *run) exec(path string) (starlark.StringDict, error) {
	if m := r.modules[path]; m != nil {
		if !m.done {
			return nil, fault.Tiltf("Circular load: %s", strings.Join(append(r.executing, path), " -> "))
		}
		return m.globals, m.err
	}
	m := &module{}
	r.modules[path] = m
	m.globals, m.err = r.execFile(m, path)
	m.done = true
	return m.globals, m.err
}

func (r *run) execFile(m *module, path string) (starlark.StringDict, error) {
	source, err := r.source(path)
	if err != nil {
		return nil, err
	}
	m.source = source
	program, err := r.compile(path, source)
	if err != nil {
		return nil, err
	}
	m.wants = program.wants
	r.executing = append(r.executing, path)
	defer func() { r.executing = r.executing[:len(r.executing)-1] }()
	names := make(starlark.StringDict, len(r.names)+len(r.guarded)+2)
	maps.Copy(names, r.names)
	maps.Copy(names, r.guarded)
	names["__file__"] = starlark.String(path)
	names["__name__"] = starlark.String(r.moduleName(path))
	globals, err := program.Init(r.thread, names)
	if err != nil {
		return nil, err // nobody asks for its values, and there may be many
	}
	if tooLarge := limit.CheckValues(globals); tooLarge != nil {
		return nil, tooLarge
	}
	globals.Freeze()
	return globals, nil
}

func (r *run) moduleName(path string) string {
	if path == r.opts.Tiltfile {
		return "__main__"
	}
	return filepath.Base(path)
}

func fileOptions() *syntax.FileOptions {
	return &syntax.FileOptions{Set: true, While: true, TopLevelControl: true, GlobalReassign: true, Recursion: true}
}

// compiled is a file that is ready to run.
type compiled struct {
	*starlark.Program
	wants map[string][]string // as a module's
}

// compile parses and resolves a file, or takes the program of the same path
// and content from the cache.
func (r *run) compile(path string, source []byte) (compiled, error) {
	return cache.Fill(r.opts.Cache, "program", path+"\x00"+string(source), func() (compiled, error) {
		if len(source) > maxSource {
			return compiled{}, fmt.Errorf("%s has %d MB, more than a Tiltfile may have", path, len(source)>>20)
		}
		if err := limit.CheckNesting(path, source); err != nil {
			return compiled{}, err
		}
		predeclared := func(name string) bool {
			return r.names.Has(name) || r.guarded.Has(name) || name == "__file__" || name == "__name__"
		}
		tree, err := fileOptions().Parse(path, source, 0)
		if err != nil {
			return compiled{}, err
		}
		wants := loadedNames(tree)
		limit.Guard(tree)
		program, err := starlark.FileProgram(tree, predeclared)
		return compiled{program, wants}, err
	})
}
