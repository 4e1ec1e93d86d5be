package daemon

import (
	"errors"
	"slices"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/server/kube"
	"github.com/towline-dev/towline/starlark/config"
)

// overtaken is the answer to an Up that another request came between.
var overtaken = &config.Problem{Message: "another request came between", Hint: "ask again: `towline up`"}

// notUp is the answer to who asks something of what is not up.
var notUp = &config.Problem{Message: "the project is not up", Hint: "bring it up first: `towline up`"}

// checkResourceNames says which of some names is no resource's, nil if all are.
func checkResourceNames(p *config.Project, resources ...string) error {
	var names []string
	for _, r := range p.Resources {
		names = append(names, r.Name)
	}
	for _, resource := range resources {
		if !slices.Contains(names, resource) {
			problem := api.NoResource(resource, names)
			problem.Pos.File = p.Tiltfile
			return problem
		}
	}
	return nil
}

// problemOf is an error as a person is told it.
func problemOf(err error) *config.Problem {
	var p *config.Problem
	var k *kube.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &k):
		return k.Problem()
	}
	return &config.Problem{Message: err.Error()}
}
