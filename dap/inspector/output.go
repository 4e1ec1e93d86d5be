package inspector

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-dap"

	"github.com/towline-dev/towline/dap/cdp"
)

// maxOutput bounds what one call writes to the console, in bytes.
const maxOutput = 64 << 10

// console passes on what the program wrote to its console. mu is held.
func (s *session) console(ctx context.Context, t *thread, c cdp.ConsoleCall) {
	if len(c.Args) > 0 && c.Args[0].Type == "string" {
		switch decode[string](c.Args[0].Value) {
		case logMark:
			s.logged(ctx, t, c)
			return
		case failMark:
			s.failed(c)
			return
		}
	}
	body := dap.OutputEventBody{Category: "stdout"}
	switch c.Type {
	case "error", "warning", "assert", "trace":
		body.Category = "stderr"
	case "startGroup":
		body.Group = "start"
	case "startGroupCollapsed":
		body.Group = "startCollapsed"
	case "endGroup":
		body.Group = "end"
	case "clear":
		return
	}
	body.Output = cut(format(c.Args), maxOutput) + "\n"
	s.locate(ctx, t, &body, c.Stack)
	s.withValues(t, &body, c.Args)
	s.event("output", body)
}

// logged passes on what a log point said. mu is held.
func (s *session) logged(ctx context.Context, t *thread, c cdp.ConsoleCall) {
	var text strings.Builder
	var values []cdp.Object
	for i := 1; i+1 < len(c.Args); i += 2 {
		text.WriteString(plainText(c.Args[i+1]))
		if string(c.Args[i].Value) == "true" {
			values = append(values, c.Args[i+1])
		}
	}
	body := dap.OutputEventBody{Category: "stdout", Output: cut(text.String(), maxOutput) + "\n"}
	s.locate(ctx, t, &body, c.Stack)
	s.withValues(t, &body, values)
	s.event("output", body)
}

// failed says once for each breakpoint that its condition cannot be evaluated. mu
// is held.
func (s *session) failed(c cdp.ConsoleCall) {
	if len(c.Args) < 3 {
		return
	}
	id := decode[int](c.Args[1].Value)
	for file, list := range s.breakpoints {
		for _, b := range list {
			if b.id != id || s.complained[id] {
				continue
			}
			s.complained[id] = true
			s.say(fmt.Sprintf("the condition of the breakpoint at %s:%d failed, and it did not stop: %s", file, b.want.Line, firstLine(plainText(c.Args[2]))))
		}
	}
}

// locate says where an output came from. mu is held.
func (s *session) locate(ctx context.Context, t *thread, body *dap.OutputEventBody, stack *cdp.StackTrace) {
	if stack == nil {
		return
	}
	for _, f := range stack.Frames {
		if f.URL == "" {
			continue // a condition of ours
		}
		p, _ := s.origin(ctx, t, f.ScriptID, f.Line, f.Column)
		if p.script == nil {
			return
		}
		body.Source, body.Line, body.Column = s.dapSource(t, p), p.at.Line+1, p.at.Column+1
		return
	}
}

// withValues lets the client look into the values of an output. mu is held.
func (s *session) withValues(t *thread, body *dap.OutputEventBody, values []cdp.Object) {
	var list []cdp.Property
	for i := range values {
		if values[i].ID != "" {
			list = append(list, cdp.Property{Name: strconv.Itoa(i), Value: &values[i]})
		}
	}
	if len(list) > 0 {
		body.VariablesReference = s.refs.add(ref{thread: t, list: list, kept: true})
	}
}

var directive = regexp.MustCompile(`%[sdifjoOc%]`)

// format joins the arguments of console.log as it does.
func format(args []cdp.Object) string {
	var parts []string
	if len(args) > 0 && args[0].Type == "string" {
		text, rest := decode[string](args[0].Value), args[1:]
		if len(rest) > 0 {
			text = directive.ReplaceAllStringFunc(text, func(d string) string {
				switch {
				case d == "%%":
					return "%"
				case len(rest) == 0:
					return d
				}
				arg := rest[0]
				rest = rest[1:]
				if d == "%c" {
					return ""
				}
				return plainText(arg)
			})
		}
		parts, args = append(parts, text), rest
	}
	for _, a := range args {
		parts = append(parts, plainText(a))
	}
	return strings.Join(parts, " ")
}

// thrown is the body of Runtime.exceptionThrown.
type thrown struct {
	Details cdp.Exception `json:"exceptionDetails"`
}

// thrown passes on an exception that nothing caught. mu is held.
func (s *session) thrown(ctx context.Context, t *thread, e thrown) {
	text := e.Details.Text
	if said := e.Details.Said(); said != text {
		text = strings.TrimSpace(text + " " + s.mapStack(ctx, t, said))
	}
	body := dap.OutputEventBody{Category: "stderr", Output: cut(text, maxOutput) + "\n"}
	stack := e.Details.Stack
	if stack == nil {
		stack = &cdp.StackTrace{Frames: []cdp.StackCall{{ScriptID: e.Details.ScriptID, URL: e.Details.URL, Line: e.Details.Line, Column: e.Details.Column}}}
	}
	s.locate(ctx, t, &body, stack)
	s.event("output", body)
}

var stackPlace = regexp.MustCompile(`(file://)?(/[^\s():]+):(\d{1,9}):(\d{1,9})`)

// mapStack returns the text of a stack with the places of the sources. mu is held.
func (s *session) mapStack(ctx context.Context, t *thread, text string) string {
	return stackPlace.ReplaceAllStringFunc(text, func(at string) string {
		m := stackPlace.FindStringSubmatch(at)
		scripts := t.byPath[path.Clean(m[2])]
		if len(scripts) == 0 {
			return at
		}
		line, _ := strconv.Atoi(m[3])
		column, _ := strconv.Atoi(m[4])
		p, _ := s.origin(ctx, t, scripts[len(scripts)-1].ID, line-1, column-1)
		if p.source < 0 || p.file == "" {
			return at
		}
		return fmt.Sprintf("%s:%d:%d", p.file, p.at.Line+1, p.at.Column+1)
	})
}
