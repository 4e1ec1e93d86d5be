// Package adapter describes debuggers as data: what they can do, how they are
// asked to attach, what they say when a process ends, and what their errors
// mean to a person. The bridge holds the behaviour that all share.
package adapter

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/towline-dev/towline/starlark/config"
)

// Adapter describes one debugger. It is not changed after it was made.
type Adapter struct {
	Name     string // as api.DebugSession.Debugger has it
	Language string // whose debugger it is

	// Capabilities is what initialize answers. It is known before there is a
	// debugger, since an editor asks before it says what to debug. Without it the
	// editor is told what the debugger itself says, when that is there.
	Capabilities map[string]any

	// Filters tell the debugger's names of the exceptions that initialize offers,
	// before it is known which debugger it will be; "" is what it does not have.
	// Others it is asked for as the editor does.
	Filters map[string]string

	// Attach are the arguments that the debugger needs to attach to the process
	// that its stream belongs to. They win over the person's.
	Attach map[string]any

	// Own are the arguments of a person that are not the debugger's business.
	Own []string

	// Once are arguments that count for the first process of a session only.
	Once []string

	// Remembered are the requests that are sent again to the next process.
	Remembered []string

	// Forgotten are requests whose effect cannot outlive a process, since they
	// speak of its addresses.
	Forgotten []string

	// Resuming are the requests after which the program runs.
	Resuming []string

	// Ends are the events that say that the process ended.
	Ends []string

	// Gone are texts in what a debugger refuses that say the same, sooner than an
	// event does.
	Gone []string

	// Hidden are events that the bridge keeps from the editor, because it sends
	// them itself or because they are not true of the whole session.
	Hidden []string

	// Sources is an expression whose value names the program's source files, one
	// a line; "" when there is none. It is asked while the program is stopped.
	Sources string

	// BuildInfo is an expression for the string that Go's linker left of the
	// build: modules and flags; "" for other languages.
	BuildInfo string

	// Armed is the event by which the debugger says, after configurationDone, that
	// breakpoints are hit from now on; "" when they are as soon as that is answered.
	Armed string

	// Notice is what a person is told first, after the resource's name; "" for
	// nothing.
	Notice string

	// Explanations are tried in order on the debugger's errors.
	Explanations []Explanation
}

// All returns the descriptions of all debuggers that agents serve.
func All() []Adapter { return []Adapter{Delve(), Debugpy(), Inspector()} }

// Explanation says what an error that holds a text means.
type Explanation struct {
	Text          string
	Message, Hint string
}

// Find returns the adapter of a debugger, or of a language's when that alone is
// known; false when there is none.
func Find(all []Adapter, name, language string) (Adapter, bool) {
	i := slices.IndexFunc(all, func(a Adapter) bool {
		return a.Name == name || name == "" && a.Language == language
	})
	if i < 0 {
		return Adapter{}, false
	}
	return all[i], true
}

// AttachArguments returns the arguments of the debugger's attach request, made
// of those that the person gave the editor. Only the first process of a
// session is stopped on entry.
func (a Adapter) AttachArguments(given map[string]json.RawMessage, first bool) map[string]any {
	args := make(map[string]any, len(given)+len(a.Attach))
	for name, value := range given {
		if slices.Contains(a.Own, name) || !first && slices.Contains(a.Once, name) {
			continue
		}
		args[name] = value
	}
	maps.Copy(args, a.Attach)
	return args
}

// Filter returns the debugger's name of an exception filter, "" when it has none.
func (a Adapter) Filter(name string) string {
	if own, ok := a.Filters[name]; ok {
		return own
	}
	return name
}

// Explain returns what an error of the debugger means, or nil.
func (a Adapter) Explain(text string) *config.Problem {
	for _, e := range a.Explanations {
		if strings.Contains(text, e.Text) {
			return &config.Problem{Message: e.Message, Hint: e.Hint}
		}
	}
	return nil
}

// SaysGone reports whether a debugger refused something because the process ended.
func (a Adapter) SaysGone(refusal string) bool {
	return slices.ContainsFunc(a.Gone, func(text string) bool { return strings.Contains(refusal, text) })
}

// Knows reports whether the bridge can answer a request without the debugger.
func (a Adapter) Knows(command string) bool {
	return slices.Contains(a.Remembered, command) || slices.Contains(a.Resuming, command)
}
