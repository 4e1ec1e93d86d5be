package eval

import (
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/flags"
	"github.com/towline-dev/towline/starlark/unpack"
	"github.com/towline-dev/towline/starlark/value"
)

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
		return starlark.None, c.run.flags.Define(c.Name(), flags.Setting{Name: in.Name, Kind: kind, Args: in.Args, Usage: in.Usage})
	}
}

func (c *call) parseConfig() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	values, usage, err := c.run.flags.Parse(c.run.dir(), c.run.files.Read)
	if usage != "" {
		c.run.log(usage)
	}
	if err != nil {
		return nil, err
	}
	dict := starlark.NewDict(len(values))
	for _, v := range values {
		x, err := settingValue(v.Value)
		if err != nil {
			return nil, err
		}
		if err := dict.SetKey(starlark.String(v.Name), x); err != nil {
			return nil, err
		}
	}
	return dict, nil
}

func settingValue(v any) (starlark.Value, error) {
	if texts, ok := v.([]string); ok {
		return value.StringList(texts), nil
	}
	return value.ToStarlark(v)
}

func (c *call) setEnabledResources() (starlark.Value, error) {
	var in struct {
		Resources unpack.Sequence `arg:"resources"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	c.run.flags.Enable(in.Resources)
	return starlark.None, nil
}

func (c *call) clearEnabledResources() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	c.run.flags.Clear()
	return starlark.None, nil
}
