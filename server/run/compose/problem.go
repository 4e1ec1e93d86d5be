package compose

import (
	"errors"

	"github.com/towline-dev/towline/starlark/config"
)

// Failure is why docker did not do what it was asked to.
type Failure struct {
	Problem config.Problem
	Passing bool // it does not answer, which may pass by itself
}

func (f *Failure) Error() string { return f.Problem.Message }

// Unwrap is the problem as a person is told it.
func (f *Failure) Unwrap() error { return &f.Problem }

// problemOf is an error as a person is told it, with a place.
func problemOf(err error, pos config.Position) (problem *config.Problem, passing bool) {
	p := config.Problem{Message: err.Error()}
	var failed *Failure
	if errors.As(err, &failed) {
		p, passing = failed.Problem, failed.Passing
	}
	if p.Pos.File == "" {
		p.Pos = pos
	}
	return &p, passing
}
