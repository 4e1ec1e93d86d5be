package eval

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/decl"
)

// warnNoEffect warns, once an evaluation, of a built-in or of arguments that are
// accepted and do nothing yet: what a Tiltfile says is done, or it is told.
func (c *call) warnNoEffect() {
	if why := c.Entry.Idle; why != "" {
		c.run.warnOnce(fmt.Sprintf("%s has no effect yet: %s", c.Name(), why))
		return
	}
	for i, p := range c.Entry.Params {
		if p.Idle == "" {
			continue
		}
		if text, given := c.argument(i, p); given && text != p.Default && (p.IdleFor == "" || text == p.IdleFor) {
			c.run.warnOnce(fmt.Sprintf("%s: %s has no effect yet: %s", c.Name(), strings.TrimSuffix(p.Name+"="+p.IdleFor, "="), p.Idle))
		}
	}
}

// argument returns a call's argument as the table writes values; given is false
// where it stands for no value.
func (c *call) argument(i int, p decl.Param) (text string, given bool) {
	var v starlark.Value
	if i < len(c.Args) {
		v = c.Args[i]
	}
	for _, kw := range c.Kwargs {
		if kw[0] == starlark.String(p.Name) {
			v = kw[1]
		}
	}
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return "", false
	case starlark.String:
		return "'" + string(v) + "'", true
	}
	return v.String(), true
}
