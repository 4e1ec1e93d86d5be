package rewrite

import (
	"encoding/json"

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

// Outbound returns an editor's request with its paths changed by f.
func Outbound(m message.Message, f func(string) string) message.Message {
	if m.Type != message.Request {
		return m
	}
	return rewrite(m, inArguments[m.Command], f)
}

// Inbound returns a debugger's response or event with its paths changed by f.
func Inbound(m message.Message, f func(string) string) message.Message {
	switch m.Type {
	case message.Response:
		return rewrite(m, inResponse[m.Command], f)
	case message.Event:
		return rewrite(m, inEvent[m.Event], f)
	}
	return m
}

func rewrite(m message.Message, places [][]string, f func(string) string) message.Message {
	old := m.Payload()
	if len(places) == 0 || old == nil {
		return m
	}
	changed := false
	note := func(s string) string {
		to := f(s)
		changed = changed || to != s
		return to
	}
	var payload json.RawMessage = old
	for _, place := range places {
		payload = message.ReplaceString(payload, place, note)
	}
	if !changed {
		return m
	}
	return m.WithPayload(payload)
}
