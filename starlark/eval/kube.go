package eval

import (
	"fmt"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/value"
)

func (c *call) k8sContext() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	return starlark.String(c.run.kube.kube().Context), nil
}

func (c *call) k8sNamespace() (starlark.Value, error) {
	if err := c.Nothing(); err != nil {
		return nil, err
	}
	return starlark.String(c.run.kube.namespace()), nil
}

func (c *call) allowContexts() (starlark.Value, error) {
	var in struct {
		Contexts starlark.Value `arg:"contexts"`
	}
	if err := c.Into(&in); err != nil {
		return nil, err
	}
	for _, x := range value.Elements(in.Contexts) {
		name, ok := x.(starlark.String)
		if !ok {
			return nil, fmt.Errorf("allow_k8s_contexts contexts must be a string or a sequence of strings; found %s", value.TypeOf(x))
		}
		c.run.kube.allowed = append(c.run.kube.allowed, string(name))
		s := &c.run.project.Settings
		s.AllowedContexts = append(s.AllowedContexts, string(name))
	}
	return starlark.None, nil
}
