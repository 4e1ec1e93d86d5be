package daemon

import (
	"encoding/hex"
	"maps"

	"github.com/towline-dev/towline/starlark/config"
)

// looking is what config.tilt_subcommand says to a Tiltfile that is evaluated
// while nothing is up: for an editor, and not to bring anything up.
const looking = "tiltfile-result"

// subcommandNow is what the Tiltfile is told that is evaluated next.
func (c *core) subcommandNow() string {
	switch {
	case c.subcommand != "up":
	case c.session.runner == nil && c.asked == 0:
		return looking
	case c.session.request.CI:
		return "ci"
	}
	return c.subcommand
}

// allowed returns what an evaluation has to ask before it does more than read,
// nil when a person wants the Tiltfile to run: it is up, or was just asked for.
// An editor that opens a file wants no such thing. Then it may do what it did
// for a person before: as long as all that was read holds what it held then.
func (c *core) allowed() func(read map[string]config.Content) bool {
	if c.asked > 0 || c.session.runner != nil {
		return nil
	}
	known := maps.Clone(c.store.record.Allowed)
	return func(read map[string]config.Content) bool {
		for path, content := range read {
			if sum, ok := known[path]; !ok || sum != sumOf(content) {
				return false
			}
		}
		return true
	}
}

// allow remembers what files held when a person wanted the Tiltfile to run.
func (c *core) allow(read map[string]config.Content) {
	allowed := c.store.record.Allowed
	if allowed == nil {
		allowed = map[string]string{}
	}
	news := false
	for path, content := range read {
		sum := sumOf(content)
		if old, ok := allowed[path]; !ok || old != sum {
			allowed[path], news = sum, true
		}
	}
	if news {
		c.store.record.Allowed = allowed
		c.save()
	}
}

// sumOf is a content as it is written down, "" for a file that is not there.
func sumOf(c config.Content) string {
	if !c.Exists {
		return ""
	}
	return hex.EncodeToString(c.Sum[:])
}

// asking counts a request of a person that wants the Tiltfile to run, until it
// is answered.
func (c *core) asking(answer func(error)) func(error) {
	c.asked++
	return func(err error) {
		c.asked--
		answer(err)
	}
}

// askedFor evaluates the Tiltfile as a person wants it who allows it to run
// its commands, and answers with what is wrong with it.
func (c *core) askedFor(answer func(error)) {
	if c.downing != nil {
		c.downing = append(c.downing, func() { c.askedFor(answer) })
		return
	}
	answer = c.asking(answer)
	c.evaluate(func(p *config.Project) {
		if p.Error != nil {
			answer(p.Error)
			return
		}
		answer(nil)
	})
}
