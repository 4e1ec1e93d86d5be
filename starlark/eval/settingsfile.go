package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

// configFile is the name of the file of settings, beside the Tiltfile.
const configFile = "tilt_config.json"

// configState is what the config module noted.
type configState struct {
	args       []string // after "--", or those of a registered extension
	settings   map[string]*setting
	order      []string
	positional string // the setting that takes arguments that are no flags
	parsed     bool
	dir        string // where parse was called

	resources []string // that are to be enabled; empty: not said
	cleared   bool
}

func newConfigState(args []string) configState {
	return configState{args: args, settings: map[string]*setting{}}
}

// setting is one declared setting. It is a pflag.Value that makes values from
// texts.
type setting struct {
	kind  string // "string_list", "string", "bool" or "object"
	usage string
	value any // []string, string, bool or decoded JSON; nil: unset
}

// Set implements pflag.Value.
func (s *setting) Set(text string) error {
	if s.value != nil && s.kind != "string_list" {
		return fmt.Errorf("%s settings can only be specified once. multiple values found (last value: %s)", s.kind, text)
	}
	switch s.kind {
	case "string_list":
		list, _ := s.value.([]string)
		s.value = append(list, text)
	case "string":
		s.value = text
	case "bool":
		b, err := strconv.ParseBool(text)
		if err != nil {
			return err
		}
		s.value = b
	case "object":
		if err := json.Unmarshal([]byte(text), &s.value); err != nil {
			return fmt.Errorf("decoding JSON, got %q: %w", text, err)
		}
	}
	return nil
}

// String implements pflag.Value.
func (s *setting) String() string {
	if s == nil || s.value == nil {
		return ""
	}
	return fmt.Sprint(s.value)
}

// Type implements pflag.Value.
func (s *setting) Type() string {
	switch s.kind {
	case "string_list":
		return "list[string]"
	case "object":
		return "object"
	}
	return s.kind
}

// setJSON takes a value of the file of settings; null leaves the setting
// unset.
func (s *setting) setJSON(v any) error {
	if v == nil {
		return nil
	}
	ok := true
	switch s.kind {
	case "string_list":
		list, isList := v.([]any)
		if !isList {
			return fmt.Errorf("expected array, got %s", jsonType(v))
		}
		texts := []string{}
		for _, x := range list {
			t, ok := x.(string)
			if !ok {
				return fmt.Errorf("expected string, got %s", jsonType(x))
			}
			texts = append(texts, t)
		}
		v = texts
	case "string":
		_, ok = v.(string)
	case "bool":
		_, ok = v.(bool)
	}
	if !ok {
		return fmt.Errorf("expected %s, got %s", s.kind, jsonType(v))
	}
	if s.kind == "object" {
		v = floats(v)
	}
	s.value = v
	return nil
}

// floats makes all numbers of an object's setting what Go makes of JSON's.
func floats(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case []any:
		for i, x := range v {
			v[i] = floats(x)
		}
	case map[string]any:
		for k, x := range v {
			v[k] = floats(x)
		}
	}
	return v
}

// jsonType names the type of a decoded value, in messages, as encoding/json
// does.
func jsonType(v any) string {
	if _, ok := v.(int64); ok {
		return "float64"
	}
	return fmt.Sprintf("%T", v)
}

func (s *setting) starlark() (starlark.Value, error) {
	if list, ok := s.value.([]string); ok {
		return value.StringList(list), nil
	}
	return value.ToStarlark(s.value)
}

// define returns the built-in that declares a setting of a kind.
func define(kind string) builtin {
	return func(c *call) (starlark.Value, error) {
		var in struct {
			Name  string `arg:"name"`
			Args  bool   `arg:"args"`
			Usage string `arg:"usage"`
		}
		if err := c.Into(&in); err != nil {
			return nil, err
		}
		s := &c.run.config
		switch {
		case in.Name == "":
			return nil, errors.New("'name' is required")
		case s.parsed:
			return nil, fmt.Errorf("%s cannot be called after config.parse is called", c.Name())
		case s.settings[in.Name] != nil:
			return nil, fmt.Errorf("%s defined multiple times", in.Name)
		case in.Args && s.positional != "":
			return nil, fmt.Errorf("both %s and %s are defined as positional args", in.Name, s.positional)
		}
		if in.Args {
			s.positional = in.Name
		}
		s.settings[in.Name] = &setting{kind: kind, usage: in.Usage}
		s.order = append(s.order, in.Name)
		return starlark.None, nil
	}
}

func (c *call) parseConfig() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	s, dir := &c.run.config, c.run.dir()
	if s.dir != "" && s.dir != dir {
		return nil, fmt.Errorf("%s can only be called from one Tiltfile working directory per run. It was called from %s and %s", c.Name(), s.dir, dir)
	}
	s.dir, s.parsed = dir, true
	values, err := c.readSettings(filepath.Join(dir, configFile))
	if err != nil {
		return nil, err
	}
	flags, err := c.parseFlags()
	if err != nil {
		return nil, err
	}
	dict := starlark.NewDict(len(s.order))
	for _, name := range s.order {
		v := values[name]
		if flags[name].value != nil {
			v = flags[name]
		}
		if v == nil || v.value == nil {
			continue
		}
		x, err := v.starlark()
		if err != nil {
			return nil, err
		}
		if err := dict.SetKey(starlark.String(name), x); err != nil {
			return nil, err
		}
	}
	return dict, nil
}

// readSettings reads the file of settings, if there is one.
func (c *call) readSettings(file string) (map[string]*setting, error) {
	data, err := c.run.files.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("error opening %s: %w", file, err)
	}
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
		def := c.run.config.settings[name]
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
func (c *call) parseFlags() (map[string]*setting, error) {
	s := &c.run.config
	var usage strings.Builder
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	set.SetOutput(&usage)
	values := map[string]*setting{}
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
	err := set.Parse(s.args)
	if usage.Len() > 0 {
		c.run.log(usage.String())
	}
	if err != nil {
		return nil, fmt.Errorf("invalid Tiltfile config args: %w", err)
	}
	if len(set.Args()) > 0 && s.positional == "" {
		return nil, errors.New("positional CLI args (" + strconv.Quote(strings.Join(set.Args(), " ")) + ") were specified, but none were expected.\nSee https://docs.tilt.dev/tiltfile_config.html#positional-arguments for examples.")
	}
	for _, arg := range set.Args() {
		if err := values[s.positional].Set(arg); err != nil {
			return nil, fmt.Errorf("invalid positional args (%q): error setting positional arg %s: %w", strings.Join(set.Args(), " "), s.positional, err)
		}
	}
	return values, nil
}

func (c *call) setEnabledResources() (starlark.Value, error) {
	var in struct {
		Resources unpack.Sequence `arg:"resources"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	s := &c.run.config
	s.resources, s.cleared = in.Resources, false
	return starlark.None, nil
}

func (c *call) clearEnabledResources() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	s := &c.run.config
	s.resources, s.cleared = nil, true
	return starlark.None, nil
}

// enabled returns the names of the resources that are asked for, or all. A
// Tiltfile that does not parse its arguments takes them as names.
func (s *configState) enabled() (names []string, all bool) {
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
