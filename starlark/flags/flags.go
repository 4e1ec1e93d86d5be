// Package flags has the settings that a Tiltfile declares with its config
// module, with the values that tilt_config.json and the arguments after "--"
// give them, and which resources it enables.
package flags

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/towline-dev/towline/starlark/value"
)

// File is the name of the file of settings, beside the Tiltfile.
const File = "tilt_config.json"

// Set are the settings of a Tiltfile, or of an extension that was registered
// with arguments of its own.
type Set struct {
	args       []string
	settings   map[string]*setting
	order      []string
	positional string // the setting that takes arguments that are no flags
	parsed     bool
	dir        string // where Parse was called

	resources []string // that are to be enabled; empty: not said
	cleared   bool
}

// New returns a set without settings, for the arguments after "--".
func New(args []string) *Set {
	return &Set{args: args, settings: map[string]*setting{}}
}

// Setting declares a setting.
type Setting struct {
	Name  string
	Kind  string // "string_list", "string", "bool" or "object"
	Args  bool   // it takes the arguments that are no flags
	Usage string
}

// Value is a setting that has a value.
type Value struct {
	Name  string
	Value any // []string, string, bool or decoded JSON
}

// Define declares a setting; builtin is what does so.
func (s *Set) Define(builtin string, d Setting) error {
	switch {
	case d.Name == "":
		return errors.New("'name' is required")
	case s.parsed:
		return fmt.Errorf("%s cannot be called after config.parse is called", builtin)
	case s.settings[d.Name] != nil:
		return fmt.Errorf("%s defined multiple times", d.Name)
	case d.Args && s.positional != "":
		return fmt.Errorf("both %s and %s are defined as positional args", d.Name, s.positional)
	}
	if d.Args {
		s.positional = d.Name
	}
	s.settings[d.Name] = &setting{kind: d.Kind, usage: d.Usage}
	s.order = append(s.order, d.Name)
	return nil
}

// Parse reads the file of settings in a folder, if there is one, and the
// arguments, which prevail. The values are in the order of the declarations.
// Usage is what a flag for help wants to be shown.
func (s *Set) Parse(dir string, read func(path string) ([]byte, error)) (values []Value, usage string, err error) {
	if s.dir != "" && s.dir != dir {
		return nil, "", fmt.Errorf("config.parse can only be called from one Tiltfile working directory per run. It was called from %s and %s", s.dir, dir)
	}
	s.dir, s.parsed = dir, true
	file := filepath.Join(dir, File)
	data, err := read(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("error opening %s: %w", file, err)
	}
	var set map[string]*setting
	if err == nil {
		if set, err = s.decode(file, data); err != nil {
			return nil, "", err
		}
	}
	flags, usage, err := s.parseFlags()
	if err != nil {
		return nil, usage, err
	}
	for _, name := range s.order {
		v := set[name]
		if flags[name].value != nil {
			v = flags[name]
		}
		if v != nil && v.value != nil {
			values = append(values, Value{name, v.value})
		}
	}
	return values, usage, nil
}

// decode reads the content of the file of settings.
func (s *Set) decode(file string, data []byte) (map[string]*setting, error) {
	decoded, err := value.DecodeJSON(data)
	if err != nil {
		return nil, fmt.Errorf("error parsing json from %s: %w", file, err)
	}
	raw, ok := decoded.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("error parsing json from %s: want an object", file)
	}
	values := map[string]*setting{}
	for _, name := range value.SortedKeys(raw) {
		def := s.settings[name]
		if def == nil {
			return nil, fmt.Errorf("%s specified unknown setting name '%s'", file, name)
		}
		values[name] = &setting{kind: def.kind}
		if err := values[name].setJSON(raw[name]); err != nil {
			return nil, fmt.Errorf("%s specified invalid value for setting %s: %w", file, name, err)
		}
	}
	return values, nil
}

// parseFlags reads the arguments after "--".
func (s *Set) parseFlags() (values map[string]*setting, usage string, err error) {
	var shown strings.Builder
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	set.SetOutput(&shown)
	values = map[string]*setting{}
	for _, name := range s.order {
		def := s.settings[name]
		values[name] = &setting{kind: def.kind}
		if name == s.positional {
			continue
		}
		flag := set.VarPF(values[name], name, "", def.usage)
		if def.kind == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
	err = set.Parse(s.args)
	usage = shown.String()
	if err != nil {
		return nil, usage, fmt.Errorf("invalid Tiltfile config args: %w", err)
	}
	if len(set.Args()) > 0 && s.positional == "" {
		return nil, usage, errors.New("positional CLI args (" + strconv.Quote(strings.Join(set.Args(), " ")) + ") were specified, but none were expected.\nSee https://docs.tilt.dev/tiltfile_config.html#positional-arguments for examples.")
	}
	for _, arg := range set.Args() {
		if err := values[s.positional].Set(arg); err != nil {
			return nil, usage, fmt.Errorf("invalid positional args (%q): error setting positional arg %s: %w", strings.Join(set.Args(), " "), s.positional, err)
		}
	}
	return values, usage, nil
}

// Enable says which resources are enabled.
func (s *Set) Enable(resources []string) { s.resources, s.cleared = resources, false }

// Clear says that no resource is enabled.
func (s *Set) Clear() { s.resources, s.cleared = nil, true }

// Enabled returns the names of the resources that are asked for, or all. A
// Tiltfile that does not parse its arguments takes them as names.
func (s *Set) Enabled() (names []string, all bool) {
	switch {
	case s.cleared:
		return nil, false
	case len(s.resources) > 0:
		return s.resources, false
	case s.parsed:
		return nil, true
	}
	return s.args, len(s.args) == 0
}
