package eval

import (
	"errors"

	"go.starlark.net/starlark"
)

type composeState struct{}

func (s *composeState) has(string) bool { return false }
func (s *composeState) empty() bool     { return true }

func (r *run) assembleCompose() error { return nil }
func (r *run) addCompose()            {}

func (c *call) dockerCompose() (starlark.Value, error) {
	return nil, errors.New("docker_compose: not supported yet")
}

func (c *call) dcResource() (starlark.Value, error) {
	return nil, errors.New("dc_resource: not supported yet")
}
