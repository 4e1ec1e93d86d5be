package eval

import (
	"errors"
	"fmt"

	"github.com/distribution/reference"
	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/config"
)

func (c *call) defaultRegistry() (starlark.Value, error) {
	var in struct {
		Host            string `arg:"host"`
		HostFromCluster string `arg:"host_from_cluster"`
		SingleName      string `arg:"single_name"`
	}
	if c.run.registrySet {
		return nil, errors.New("default registry already defined")
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	for _, h := range []struct{ field, host string }{{"host", in.Host}, {"host_from_cluster", in.HostFromCluster}} {
		if err := checkRegistry(h.field, h.host); err != nil {
			return nil, fmt.Errorf("default_registry: %w", err)
		}
	}
	c.run.registrySet = true
	c.run.project.Settings.DefaultRegistry = &config.Registry{Host: in.Host, HostFromCluster: in.HostFromCluster, SingleName: in.SingleName}
	return starlark.None, nil
}

// checkRegistry checks that images can be named below a registry's host.
func checkRegistry(field, host string) error {
	if host == "" {
		if field == "host" {
			return errors.New("host must not be empty")
		}
		return nil
	}
	if _, err := reference.ParseNamed(host + "/image"); err != nil {
		return fmt.Errorf("%s %q: %w", field, host, err)
	}
	return nil
}
