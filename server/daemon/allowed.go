package daemon

import (
	"encoding/hex"
	"maps"

	"github.com/towline-dev/towline/starlark/config"
)

// allowed returns what an evaluation that nobody asked for has to ask before it
// does more than read: it may do what it did for a person before, as long as
// all that was read holds what it held then. An editor that opens a file wants
// no command to run.
func (r *record) allowed() func(read map[string]config.Content) bool {
	known := maps.Clone(r.Allowed)
	return func(read map[string]config.Content) bool {
		for path, content := range read {
			if sum, ok := known[path]; !ok || sum != sumOf(content) {
				return false
			}
		}
		return true
	}
}

// allow remembers what files held when a person wanted the Tiltfile to run, and
// reports whether that is new.
func (r *record) allow(read map[string]config.Content) bool {
	if r.Allowed == nil {
		r.Allowed = map[string]string{}
	}
	news := false
	for path, content := range read {
		sum := sumOf(content)
		if old, ok := r.Allowed[path]; !ok || old != sum {
			r.Allowed[path], news = sum, true
		}
	}
	return news
}

// sumOf is a content as it is written down, "" for a file that is not there.
func sumOf(c config.Content) string {
	if !c.Exists {
		return ""
	}
	return hex.EncodeToString(c.Sum[:])
}
