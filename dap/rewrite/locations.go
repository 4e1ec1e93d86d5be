package rewrite

import (
	"bytes"

	"github.com/towline-dev/towline/dap/message"
)

// The tables say where a payload holds paths of source files, by the name of
// the request or event.
var (
	inArguments = map[string][][]string{
		"setBreakpoints":      {{"source", "path"}},
		"breakpointLocations": {{"source", "path"}},
		"gotoTargets":         {{"source", "path"}},
		"source":              {{"source", "path"}},
	}
	inResponse = map[string][][]string{
		"setBreakpoints":            {breakpoints},
		"setFunctionBreakpoints":    {breakpoints},
		"setExceptionBreakpoints":   {breakpoints},
		"setInstructionBreakpoints": {breakpoints},
		"setDataBreakpoints":        {breakpoints},
		"stackTrace":                {{"stackFrames", message.Each, "source", "path"}},
		"scopes":                    {{"scopes", message.Each, "source", "path"}},
		"loadedSources":             {{"sources", message.Each, "path"}},
		"disassemble":               {{"instructions", message.Each, "location", "path"}},
		"locations":                 {{"source", "path"}},
	}
	inEvent = map[string][][]string{
		"breakpoint":   {{"breakpoint", "source", "path"}},
		"loadedSource": {{"source", "path"}},
		"output":       {{"source", "path"}},
	}
	breakpoints = []string{"breakpoints", message.Each, "source", "path"}
)

// Outbound returns an editor's request as the debugger understands it, with its
// paths changed by f.
func (d Dialect) Outbound(m message.Message, f func(string) string) message.Message {
	if m.Type != message.Request {
		return m
	}
	there := func(s string) string { return f(d.ToPath(s)) }
	return d.rewrite(m, inArguments[m.Command], there, linesInArguments[m.Command], 1)
}

// Inbound returns a debugger's response or event as the editor understands it,
// with its paths changed by f.
func (d Dialect) Inbound(m message.Message, f func(string) string) message.Message {
	back := func(s string) string { return d.FromPath(f(s)) }
	switch m.Type {
	case message.Response:
		return d.rewrite(m, inResponse[m.Command], back, linesInResponse[m.Command], -1)
	case message.Event:
		return d.rewrite(m, inEvent[m.Event], back, linesInEvent[m.Event], -1)
	}
	return m
}

func (d Dialect) rewrite(m message.Message, paths [][]string, f func(string) string, lines [][]string, by int) message.Message {
	old := m.Payload()
	if old == nil || len(paths) == 0 && len(lines) == 0 {
		return m
	}
	payload := old
	for _, place := range paths {
		payload = message.ReplaceString(payload, place, f)
	}
	if d.Lines0 || d.Columns0 {
		payload = d.shift(payload, lines, by)
	}
	if bytes.Equal(payload, old) {
		return m
	}
	return m.WithPayload(payload)
}
