package eval

import (
	"errors"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) fail() (starlark.Value, error) {
	var in struct {
		Msg string `arg:"msg"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	return nil, errors.New(in.Msg)
}

func (c *call) warn() (starlark.Value, error) {
	var in struct {
		Msg string `arg:"msg"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	c.run.warn(in.Msg)
	return starlark.None, nil
}

func (c *call) exit() (starlark.Value, error) {
	var in struct {
		Code starlark.Value `arg:"code"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if text, ok := value.AsString(in.Code); ok {
		c.run.log(text)
	} else if in.Code != nil && in.Code != starlark.None {
		c.run.log(in.Code.String())
	}
	return nil, errExit
}
