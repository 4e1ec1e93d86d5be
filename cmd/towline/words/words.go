// Package words is how what a daemon tells reads on a terminal: the sign and the
// colour of a state, times, lines of logs, and texts that fit in its columns.
package words

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// Mark is the sign of a state in a table.
func Mark(s api.State) string {
	return [...]string{api.ClassBusy: "…", api.ClassGood: "✓", api.ClassWarning: "▲", api.ClassBad: "✗", api.ClassIdle: "·"}[s.Class()]
}

// Colour is how a terminal paints what is in a state, "" where it has no colour.
func Colour(s api.State) string {
	if os.Getenv("NO_COLOR") != "" {
		return ""
	}
	if s == api.StatePending {
		return "\x1b[2m"
	}
	return [...]string{api.ClassBusy: "", api.ClassGood: "\x1b[32m", api.ClassWarning: "\x1b[33m", api.ClassBad: "\x1b[31m", api.ClassIdle: "\x1b[2m"}[s.Class()]
}

// Painted is a text in a colour; "" is none.
func Painted(text, colour string) string {
	if colour == "" {
		return text
	}
	return colour + text + "\x1b[0m"
}

// ListedUpTo is how many resources have a line each where nobody asks for all: of
// more there is a line for each state.
const ListedUpTo = 40

// Listed are the resources that a list shows: what waits for a button alone is
// none that anybody asked for.
func Listed(all []api.ResourceStatus) []api.ResourceStatus {
	return slices.DeleteFunc(slices.Clone(all), func(r api.ResourceStatus) bool { return r.ButtonAlone() })
}

// latelyFor is how long a crash is told of what is ready again.
const latelyFor = 10 * time.Minute

// CrashedLately says how long ago a program of a resource crashed and was started
// again, "" where that is none or long ago.
func CrashedLately(r *api.ResourceStatus, now time.Time) string {
	if r.Crashed == nil || now.Sub(*r.Crashed) > latelyFor {
		return ""
	}
	return "crashed " + Ago(now.Sub(*r.Crashed))
}

// State says where a resource stands; its problem is told beside it.
func State(r *api.ResourceStatus, now time.Time) string {
	text := string(r.State)
	if r.Message != "" && !r.State.Good() && r.Problem == nil {
		text += ": " + r.Message
	}
	if r.Message != "" && r.State == api.StateReady {
		text += ", " + r.Message
	}
	if lately := CrashedLately(r, now); lately != "" && r.State.Good() {
		text += ", " + lately
	}
	return Line(text)
}

// ByState sorts the resources that are asked for by their state, what is well
// first; what only a person starts is not. States without any are left out.
func ByState(s api.Status) (states []api.State, of map[api.State][]api.ResourceStatus) {
	of = map[api.State][]api.ResourceStatus{}
	for _, r := range s.Resources {
		if r.State != api.StateStopped && r.State != api.StateDisabled && !r.Off() {
			of[r.State] = append(of[r.State], r)
		}
	}
	for _, state := range api.States {
		if len(of[state]) > 0 {
			states = append(states, state)
		}
	}
	slices.SortStableFunc(states, func(a, b api.State) int { return Rank(a) - Rank(b) })
	return states, of
}

// Rank sorts states for a person: 0 is well, 1 comes, 2 needs somebody.
func Rank(s api.State) int {
	switch {
	case s.Good():
		return 0
	case s.Bad() || s == api.StateUnknown:
		return 2 // last, where the eye is
	}
	return 1
}

// Counted is a status in one line: "271 ready · 24 starting · 5 error: db image
// not found".
func Counted(s api.Status) string {
	states, of := ByState(s)
	parts := make([]string, len(states))
	for i, state := range states {
		parts[i] = fmt.Sprintf("%d %s", len(of[state]), state)
		if Rank(state) == 2 {
			parts[i] += ": " + Reason(of[state][0])
		}
	}
	return strings.Join(parts, " · ")
}

// Reason names a resource with what is wrong with it.
func Reason(r api.ResourceStatus) string {
	if r.Problem != nil {
		return r.Name + " " + Line(r.Problem.Message)
	}
	return strings.TrimSpace(r.Name + " " + Line(r.Message))
}

// Line is the first line of a text.
func Line(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// Short prints a duration with the digits that matter.
func Short(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1fms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	text := d.Round(time.Second).String()
	if rest, whole := strings.CutSuffix(text, "m0s"); whole {
		return rest + "m" // 2m, and not 2m0s
	}
	return text
}

// Ago says how long something is past.
func Ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d >= time.Hour:
		d = d.Truncate(time.Minute)
	}
	return Short(d) + " ago"
}

// Update is what was done to a resource last, nil for nothing.
func Update(r *api.ResourceStatus) *api.Update {
	u := r.LastUpdate
	for _, t := range r.Targets {
		if t.LastSync != nil && (u == nil || t.LastSync.Began.After(u.Began)) {
			u = t.LastSync
		}
	}
	return u
}

// LastUpdate says what was done to a resource last, how long it took and when.
func LastUpdate(r api.ResourceStatus) string {
	u := Update(&r)
	if u == nil {
		return "-"
	}
	text := u.Kind
	if u.Took > 0 {
		text += " " + Short(u.Took)
	}
	return text + ", " + Ago(time.Since(u.Began))
}

// Cluster says where a project is up; nothing of one that needs no cluster.
func Cluster(s *api.Status) string {
	if s.Cluster.Context == "" {
		return ""
	}
	return fmt.Sprintf("context %s, namespace %s", s.Cluster.Context, s.Cluster.Namespace)
}

// Problems are all of a status, each as error and hint.
func Problems(s api.Status) []string {
	var texts []string
	word := "error: "
	add := func(subject, message, hint string) {
		text := word + message
		if subject != "" {
			text = word + subject + ": " + message
		}
		if hint != "" {
			text += "\nhint:  " + hint
		}
		texts = append(texts, text)
	}
	if p := s.Config.Error; p != nil {
		add("", p.Error(), p.Hint)
	}
	if p := s.Cluster.Problem; p != nil {
		add("cluster", p.Error(), p.Hint)
	}
	word = "warning: "
	for _, p := range []*config.Problem{s.Daemon.Unwritten, s.Daemon.Unwatched} {
		if p != nil {
			add("", p.Error(), p.Hint)
		}
	}
	word = "error: "
	for _, r := range s.Resources {
		if r.Problem != nil {
			if r.State.Passing() {
				word = "waiting: "
			}
			add(r.Name, r.Problem.Error(), r.Problem.Hint)
			word = "error: "
		}
		for _, f := range r.Forwards {
			if f.Problem != "" {
				add(r.Name, f.Problem, "")
			}
		}
		word = "warning: "
		for _, f := range r.Forwards {
			if f.Moved != "" {
				add(r.Name, f.Moved, "")
			}
			if f.Silent != "" {
				add(r.Name, fmt.Sprintf("nothing answered on %s: %s", f.Local, f.Silent), "")
			}
		}
		word = "error: "
		for _, t := range r.Targets {
			if t.Problem != nil && (r.Problem == nil || t.Problem.Message != r.Problem.Message) {
				add(r.Name, t.Problem.Error(), t.Problem.Hint)
			}
		}
	}
	return texts
}
