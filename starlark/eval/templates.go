package eval

import (
	"errors"

	"go.starlark.net/starlark"
)

func (c *call) kustomize() (starlark.Value, error) {
	return nil, errors.New("kustomize: not supported yet")
}

func (c *call) helm() (starlark.Value, error) {
	return nil, errors.New("helm: not supported yet")
}
