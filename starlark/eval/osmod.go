package eval

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/fault"
)

// environ is os.environ: the environment of this run, as a dictionary. It is
// a copy; a change reaches commands of this run and nothing else.
type environ struct {
	vars map[string]string
}

func newEnviron(env []string) *environ {
	e := &environ{vars: make(map[string]string, len(env)+1)}
	for _, kv := range env {
		if name, value, ok := strings.Cut(kv, "="); ok && name != "" {
			e.vars[name] = value
		}
	}
	e.vars["TOWLINE"] = "1"
	return e
}

func (e *environ) get(name string) string { return e.vars[name] }

func (e *environ) copy() map[string]string { return maps.Clone(e.vars) }

// list returns "NAME=value" pairs with some variables added, in order.
func (e *environ) list(extra map[string]string) []string {
	all := e.copy()
	maps.Copy(all, extra)
	list := make([]string, 0, len(all))
	for _, k := range sortedKeys(all) {
		list = append(list, k+"="+all[k])
	}
	return list
}

func (e *environ) dict() *starlark.Dict {
	d := starlark.NewDict(len(e.vars))
	for _, k := range sortedKeys(e.vars) {
		_ = d.SetKey(starlark.String(k), starlark.String(e.vars[k]))
	}
	return d
}

// String returns the dictionary's text.
func (e *environ) String() string { return e.dict().String() }

// Type is "environ".
func (e *environ) Type() string { return "environ" }

// Freeze does nothing: the environment stays changeable in loaded files.
func (e *environ) Freeze() {}

// Truth is whether there is any variable.
func (e *environ) Truth() starlark.Bool { return len(e.vars) > 0 }

// Hash fails.
func (e *environ) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: environ") }

// Get returns a variable.
func (e *environ) Get(k starlark.Value) (starlark.Value, bool, error) {
	s, ok := starlark.AsString(k)
	v, found := e.vars[s]
	if ok && !found { // whether the operator in sees an error makes no difference
		return nil, false, fault.Environment(fmt.Errorf("key %s not in %s", k, e.Type()))
	}
	return starlark.String(v), ok && found, nil
}

// SetKey sets a variable.
func (e *environ) SetKey(k, v starlark.Value) error {
	key, ok := starlark.AsString(k)
	if !ok {
		return fmt.Errorf("putenv() key must be a string, not %s", k.Type())
	}
	value, ok := asString(v)
	if !ok {
		return fmt.Errorf("putenv() value must be a string, not %s", v.Type())
	}
	e.vars[key] = value
	return nil
}

// Iterate iterates over the names.
func (e *environ) Iterate() starlark.Iterator { return e.dict().Iterate() }

// Len is the number of variables.
func (e *environ) Len() int { return len(e.vars) }

// Items returns pairs of name and value.
func (e *environ) Items() []starlark.Tuple { return e.dict().Items() }

// Attr returns a method of dictionaries; those that change the dictionary
// change the environment.
func (e *environ) Attr(name string) (starlark.Value, error) {
	d := e.dict()
	method, err := d.Attr(name)
	b, ok := method.(*starlark.Builtin)
	if err != nil || !ok {
		return method, err
	}
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		v, err := b.CallInternal(t, args, kwargs)
		if err != nil {
			return nil, err
		}
		return v, e.take(d)
	}), nil
}

// take makes the environment what a changed dictionary says.
func (e *environ) take(d *starlark.Dict) error {
	vars := make(map[string]string, d.Len())
	for _, item := range d.Items() {
		k, ok := starlark.AsString(item[0])
		v, okValue := asString(item[1])
		if !ok || !okValue {
			return fmt.Errorf("environment variables are strings, got %s=%s", item[0], item[1])
		}
		vars[k] = v
	}
	e.vars = vars
	return nil
}

// AttrNames returns the methods' names.
func (e *environ) AttrNames() []string { return new(starlark.Dict).AttrNames() }

func (c *call) getcwd() (starlark.Value, error) {
	if err := c.noArgs(); err != nil {
		return nil, err
	}
	return starlark.String(c.run.dir()), nil
}

func (c *call) getenv() (starlark.Value, error) {
	var in struct {
		Key     string       `arg:"key"`
		Default defaultValue `arg:"default"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	if v, ok := c.run.env.vars[in.Key]; ok {
		return starlark.String(v), nil
	}
	return orNone(in.Default.v), nil
}

func (c *call) putenv() (starlark.Value, error) {
	var in struct {
		Key   string         `arg:"key"`
		Value starlark.Value `arg:"value"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	return starlark.None, c.run.env.SetKey(starlark.String(in.Key), in.Value)
}

func (c *call) unsetenv() (starlark.Value, error) {
	var in struct {
		Key string `arg:"key"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	delete(c.run.env.vars, in.Key)
	return starlark.None, nil
}

// pathFunc makes a built-in of a function from path to value.
func pathFunc(f func(r *run, p string) (starlark.Value, error)) builtin {
	return func(c *call) (starlark.Value, error) {
		var in struct {
			Path starlark.Value `arg:"path"`
		}
		if err := c.into(&in); err != nil {
			return nil, err
		}
		s, ok := asString(in.Path)
		if repo, isRepo := in.Path.(*gitRepo); isRepo {
			s, ok = repo.dir, true
		}
		if !ok {
			return nil, c.errorf("for parameter path: got %s, want string", in.Path.Type())
		}
		return f(c.run, s)
	}
}

func pathBuiltins() map[string]builtin {
	return map[string]builtin{
		"os.path.abspath": pathFunc(func(r *run, p string) (starlark.Value, error) {
			return starlark.String(r.abs(p)), nil
		}),
		"os.path.basename": pathFunc(func(_ *run, p string) (starlark.Value, error) {
			return starlark.String(filepath.Base(p)), nil
		}),
		"os.path.dirname": pathFunc(func(_ *run, p string) (starlark.Value, error) {
			return starlark.String(filepath.Dir(p)), nil
		}),
		"os.path.exists": pathFunc(func(r *run, p string) (starlark.Value, error) {
			return starlark.Bool(r.exists(r.abs(p))), nil
		}),
		"os.path.realpath": pathFunc(func(r *run, p string) (starlark.Value, error) {
			real, err := r.opts.FS.EvalSymlinks(r.abs(p))
			return starlark.String(real), err
		}),
		"os.path.relpath": (*call).relpath,
		"os.path.join":    (*call).joinPaths,
	}
}

func (c *call) relpath() (starlark.Value, error) {
	var in struct {
		Target string `arg:"targpath"`
		Base   string `arg:"basepath"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(c.run.abs(in.Base), c.run.abs(in.Target))
	return starlark.String(rel), err
}

func (c *call) joinPaths() (starlark.Value, error) {
	if len(c.kwargs) > 0 {
		return nil, c.errorf("unexpected keyword arguments")
	}
	if len(c.args) == 0 {
		return nil, c.errorf("got 0 arguments, want at least 1")
	}
	var parts []string
	for i, a := range c.args {
		s, ok := asString(a)
		if !ok {
			return nil, c.errorf("for parameter %d: got %s, want string", i+1, a.Type())
		}
		if filepath.IsAbs(s) {
			parts = nil
		}
		parts = append(parts, s)
	}
	return starlark.String(filepath.Join(parts...)), nil
}

func (c *call) quote() (starlark.Value, error) {
	var in struct {
		Name string `arg:"name"`
	}
	if err := c.into(&in); err != nil {
		return nil, err
	}
	return starlark.String(shellQuote(in.Name)), nil
}

// shellQuote quotes a text for a POSIX shell, when it needs that.
func shellQuote(s string) string {
	safe := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("@%_-+=:,./", c)
	}
	if s != "" && strings.IndexFunc(s, func(c rune) bool { return !safe(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'"
}

// constants are the values of the table that are no functions.
func (r *run) constants() map[string]starlark.Value {
	osName := "posix"
	if hostIsWindows {
		osName = "nt"
	}
	executable, _ := os.Executable()
	return map[string]starlark.Value{
		"TRIGGER_MODE_AUTO":      triggerAuto,
		"TRIGGER_MODE_MANUAL":    triggerManual,
		"config.tilt_subcommand": starlark.String(r.opts.Subcommand),
		"config.main_path":       starlark.String(r.opts.Tiltfile),
		"config.main_dir":        starlark.String(filepath.Dir(r.opts.Tiltfile)),
		"os.name":                starlark.String(osName),
		"os.environ":             r.env,
		"sys.argv":               stringList(os.Args),
		"sys.executable":         starlark.String(executable),
		"towline.version":        starlark.String(r.opts.Version),
	}
}
