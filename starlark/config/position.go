package config

import (
	"errors"
	"fmt"
)

// String returns "file:line:col", or as much of it as is known.
func (p Position) String() string {
	switch {
	case p.File == "":
		return "-"
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Error returns the problem as one line that names the place, so that a
// *Problem can travel as an error.
func (p *Problem) Error() string {
	text := p.Message
	if p.Pos.File != "" {
		text = p.Pos.String() + ": " + text
	}
	return text
}

// IsProblem reports whether an error is a Problem, said to a person.
func IsProblem(err error) bool {
	_, is := errors.AsType[*Problem](err)
	return is
}
