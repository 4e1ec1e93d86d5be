package eval

import "github.com/towline-dev/towline/starlark/config"

// warn adds a warning at the place of the call that runs now.
func (r *run) warn(text string) {
	stack := r.stack(r.thread.CallStack())
	r.warnings = append(r.warnings, config.Problem{Message: text, Stack: stack, Pos: userPosition(stack)})
}

// warnAt adds a warning at a place.
func (r *run) warnAt(pos config.Position, text string) {
	r.warnings = append(r.warnings, config.Problem{Message: text, Pos: pos})
}

// warnOnce adds a warning, unless the run has given it already.
func (r *run) warnOnce(text string) {
	if !r.warned[text] {
		r.warned[text] = true
		r.warn(text)
	}
}

// logOnce logs a text, unless the run has told it already.
func (r *run) logOnce(text string) {
	if !r.warned[text] {
		r.warned[text] = true
		r.log(text)
	}
}
