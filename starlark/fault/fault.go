// Package fault has the errors of an evaluation that say more than a text:
// which call they are of, or that the Tiltfile may be right elsewhere.
package fault

import (
	"errors"
	"fmt"
	"net"

	"github.com/towline-dev/towline/starlark/config"
)

// Located is an error that knows what is at fault better than the stack of
// calls: another call, or a place in a file that a call read.
type Located struct {
	Pos  config.Position
	Err  error
	Hint string
}

// Error returns the text without the place.
func (l *Located) Error() string { return l.Err.Error() }

// Unwrap returns the error itself.
func (l *Located) Unwrap() error { return l.Err }

// environment is an error of where the Tiltfile is evaluated.
type environment struct{ error }

// Unwrap returns the error itself.
func (e environment) Unwrap() error { return e.error }

// Environment says that an error comes from where the Tiltfile is evaluated:
// a command, a program, the network. Nil stays nil.
func Environment(err error) error {
	if err == nil {
		return nil
	}
	return environment{err}
}

// IsEnvironment reports whether an error is one of Environment, or of the
// network.
func IsEnvironment(err error) bool {
	return errors.As(err, new(environment)) || errors.As(err, new(*net.OpError))
}

// Tiltf makes an error in the words in which Tilt says it, upper case and full
// stops included, so that people and scripts find what they know.
func Tiltf(format string, args ...any) error { return fmt.Errorf(format, args...) }
