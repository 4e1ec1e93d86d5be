package eval

import (
	"os"
	"path/filepath"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) getcwd() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	return starlark.String(c.run.dir()), nil
}

func (c *call) getenv() (starlark.Value, error) {
	var in struct {
		Key     string     `arg:"key"`
		Default unpack.Any `arg:"default"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if v, ok := c.run.env.Lookup(in.Key); ok {
		return starlark.String(v), nil
	}
	return value.OrNone(in.Default.Value), nil
}

func (c *call) putenv() (starlark.Value, error) {
	var in struct {
		Key   string         `arg:"key"`
		Value starlark.Value `arg:"value"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return starlark.None, c.run.env.SetKey(starlark.String(in.Key), in.Value)
}

func (c *call) unsetenv() (starlark.Value, error) {
	var in struct {
		Key string `arg:"key"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	c.run.env.Unset(in.Key)
	return starlark.None, nil
}

// pathFunc makes a built-in of a function from path to value.
func pathFunc(f func(r *run, p string) (starlark.Value, error)) builtin {
	return func(c *call) (starlark.Value, error) {
		var in struct {
			Path starlark.Value `arg:"path"`
		}
		if err := c.Into(&in); err != nil {
			return nil, err
		}
		s, ok := value.AsString(in.Path)
		if repo, isRepo := in.Path.(*value.GitRepo); isRepo {
			s, ok = repo.Dir, true
		}
		if !ok {
			return nil, c.Errorf("for parameter path: got %s, want string", in.Path.Type())
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
			return starlark.Bool(r.files.Exists(r.abs(p))), nil
		}),
		"os.path.realpath": pathFunc(func(r *run, p string) (starlark.Value, error) {
			real, err := r.files.Real(r.abs(p))
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
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if in.Base == "" {
		in.Base = c.run.dir()
	}
	if filepath.IsAbs(in.Base) != filepath.IsAbs(in.Target) { // Go's function takes two of a kind
		in.Base, in.Target = c.run.abs(in.Base), c.run.abs(in.Target)
	}
	rel, err := filepath.Rel(in.Base, in.Target)
	return starlark.String(rel), err
}

func (c *call) joinPaths() (starlark.Value, error) {
	if len(c.Kwargs) > 0 {
		return nil, c.Errorf("unexpected keyword arguments")
	}
	if len(c.Args) == 0 {
		return nil, c.Errorf("got 0 arguments, want at least 1")
	}
	var parts []string
	for i, a := range c.Args {
		s, ok := value.AsString(a)
		if !ok {
			return nil, c.Errorf("for parameter %d: got %s, want string", i+1, a.Type())
		}
		parts = append(parts, s)
	}
	return starlark.String(filepath.Join(parts...)), nil
}

func (c *call) quote() (starlark.Value, error) {
	var in struct {
		Name string `arg:"name"`
	}
	if err := c.Into(&in); err != nil {
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
		"TRIGGER_MODE_AUTO":      value.TriggerAuto,
		"TRIGGER_MODE_MANUAL":    value.TriggerManual,
		"config.tilt_subcommand": starlark.String(r.opts.Subcommand),
		"config.main_path":       starlark.String(r.opts.Tiltfile),
		"config.main_dir":        starlark.String(filepath.Dir(r.opts.Tiltfile)),
		"os.name":                starlark.String(osName),
		"os.environ":             r.env,
		"sys.argv":               value.StringList(os.Args),
		"sys.executable":         starlark.String(executable),
		"towline.version":        starlark.String(r.opts.Version),
	}
}
