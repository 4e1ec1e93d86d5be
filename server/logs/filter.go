package logs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/towline-dev/towline/server/api"
	"github.com/towline-dev/towline/starlark/config"
)

// Tiltfile is the name under which the lines of no resource are asked for.
const Tiltfile = "(Tiltfile)"

// The limits of a filter: what a face may ask for.
const (
	maxPattern = 4 << 10 // bytes of a text or an expression
	maxNames   = 10_000
	maxContext = 1000 // lines
)

// Known says what a filter may name.
type Known struct {
	Resources []string                       // nil: they are not known yet, and any name may come
	Labels    func(resource string) []string // nil: nobody knows
}

// Filter is a compiled api.LogFilter. It is never changed.
type Filter struct {
	api.LogFilter
	known Known
	regex *regexp.Regexp
	text  string // in lower case
	rank  int
	after uint64 // Seq of the last save's mark
}

// NewFilter compiles a filter. What it names and is not there is a
// *config.Problem, as is what cannot be read.
func NewFilter(f api.LogFilter, known Known) (*Filter, error) {
	out := &Filter{LogFilter: f, known: known, text: strings.ToLower(f.Text), rank: -1}
	if err := errors.Join(out.bounds(), out.names()); err != nil {
		return nil, err
	}
	if f.Level != "" {
		name := levelNamed(f.Level)
		if out.rank = Rank(name); out.rank < 0 {
			return nil, &config.Problem{Message: fmt.Sprintf("there is no level %q", f.Level), Hint: "the levels are " + strings.Join(api.LogLevels[:], ", ")}
		}
	}
	if f.Regex != "" {
		var err error
		if out.regex, err = regexp.Compile(f.Regex); err != nil {
			return nil, &config.Problem{Message: fmt.Sprintf("the expression cannot be read: %v", err), Hint: "it is RE2, as Go has it: https://github.com/google/re2/wiki/Syntax"}
		}
	}
	return out, nil
}

func (f *Filter) bounds() error {
	switch {
	case len(f.Text) > maxPattern || len(f.Regex) > maxPattern:
		return &config.Problem{Message: fmt.Sprintf("a text to look for has at most %d bytes", maxPattern)}
	case len(f.Resources)+len(f.Labels)+len(f.Field) > maxNames:
		return &config.Problem{Message: fmt.Sprintf("at most %d names can be asked for", maxNames)}
	case f.Context < 0 || f.Context > maxContext:
		return &config.Problem{Message: fmt.Sprintf("the context of a match is 0 to %d lines", maxContext)}
	}
	return nil
}

// names says what is named and is not there.
func (f *Filter) names() error {
	known := f.known.Resources
	for _, pattern := range f.Resources {
		problem := api.NoPattern(pattern) // of names that are not known yet
		if known != nil && pattern != Tiltfile {
			problem = api.Unnamed(pattern, known)
		}
		if problem != nil {
			return problem
		}
	}
	if len(f.Labels) > 0 && f.known.Labels == nil {
		return &config.Problem{Message: "labels are known of what is up alone", Hint: "name resources instead: `towline logs 'api*'`"}
	}
	var there []string
	for _, name := range known {
		if len(f.Labels) > 0 {
			there = append(there, f.known.Labels(name)...)
		}
	}
	for _, label := range f.Labels {
		if p := api.Unlabelled(label, there); p != nil && known != nil {
			return p
		}
	}
	return nil
}

// from reports whether a line is of what the filter names, and of its time.
func (f *Filter) from(l *api.LogLine) bool {
	switch {
	case l.Source == sourceSave, l.Seq != 0 && l.Seq <= f.after:
		return false
	case !f.Since.IsZero() && l.Time.Before(f.Since), !f.Until.IsZero() && l.Time.After(f.Until):
		return false
	case len(f.Resources)+len(f.Labels) == 0:
		return true
	}
	for _, pattern := range f.Resources {
		if api.Named(pattern, l.Resource) || pattern == Tiltfile && l.Resource == "" {
			return true
		}
	}
	for _, label := range f.Labels {
		if slices.Contains(f.known.Labels(l.Resource), label) {
			return true
		}
	}
	return false
}

// asks reports whether the filter asks for more than where a line comes from.
func (f *Filter) asks() bool {
	return f.text != "" || f.regex != nil || f.rank >= 0 || len(f.Field) > 0
}

// matches reports whether a recognised line says what is asked for.
func (f *Filter) matches(l *api.LogLine) bool {
	if f.rank >= 0 && Rank(l.Level) < f.rank {
		return false
	}
	if f.text != "" || f.regex != nil {
		text := Plain(l.Text)
		if f.text != "" && !strings.Contains(strings.ToLower(text), f.text) || f.regex != nil && !f.regex.MatchString(text) {
			return false
		}
	}
	for _, want := range f.Field {
		key, value, valued := strings.Cut(want, "=")
		if !slices.ContainsFunc(fieldsOf(l), func(have api.LogField) bool { return have.Key == key && (!valued || have.Value == value) }) {
			return false
		}
	}
	return true
}

// fieldsOf are the fields of a line, with those that have a place of their own.
func fieldsOf(l *api.LogLine) []api.LogField {
	if l.Message == "" && len(l.Fields) == 0 {
		return nil
	}
	fields := slices.Clip(l.Fields)
	for _, key := range [...]string{"msg", "message"} {
		fields = append(fields, api.LogField{Key: key, Value: l.Message})
	}
	return append(fields, api.LogField{Key: "level", Value: l.Level})
}
