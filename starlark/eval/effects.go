package eval

import (
	"errors"

	"github.com/towline-dev/towline/starlark/config"
)

// errHeld ends a run that cannot go on without what it may not do.
var errHeld = errors.New("held")

// held reports whether the run may not do something, and notes that at the
// call that asks.
func (r *run) held(what string) bool {
	r.outside()
	if r.opts.Allowed == nil || r.opts.Allowed(r.files.Contents) {
		return false
	}
	if r.withheld == nil {
		p := config.Problem{
			Message: what + " is not done before somebody asks for it, so that what depends on it is not known",
			Cause:   config.CauseHeld,
			Hint:    "bring the project up, or allow this Tiltfile to run its commands",
			Stack:   r.stack(r.thread.CallStack()),
		}
		if n := len(p.Stack); n > 0 {
			p.Pos = p.Stack[n-1].Pos
		}
		r.withheld = &p
	}
	return true
}
