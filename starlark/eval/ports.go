package eval

import (
	"fmt"
	"net/url"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) portForward() (starlark.Value, error) {
	var in struct {
		Local     int    `arg:"local_port"`
		Container int    `arg:"container_port"`
		Name      string `arg:"name"`
		Path      string `arg:"link_path"`
		Host      string `arg:"host"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	if _, err := url.Parse(in.Path); err != nil {
		return nil, fmt.Errorf("parsing `path` param: %w", err)
	}
	return value.PortForward{PortForward: config.PortForward{Local: in.Local, Container: in.Container, Name: in.Name, Path: in.Path, Host: in.Host}}, nil
}
