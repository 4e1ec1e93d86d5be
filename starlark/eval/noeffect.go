package eval

import "fmt"

// warnNoEffect warns, once an evaluation, of a built-in that is accepted and
// does nothing yet: what a Tiltfile says is done, or it is told.
func (c *call) warnNoEffect() {
	if why := c.Entry.Idle; why != "" {
		c.run.warnOnce(fmt.Sprintf("%s has no effect yet: %s", c.Name(), why))
	}
}
