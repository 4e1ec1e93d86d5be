package rewrite

import (
	"encoding/json"
	"net/url"
	"path"
	"strconv"

	"github.com/towline-dev/towline/dap/message"
)

// Dialect is how an editor speaks of places, as its initialize request says.
// Debuggers are spoken to in paths, and count lines and columns from 1.
type Dialect struct {
	URIs     bool // file:// in place of paths
	Lines0   bool // lines count from 0
	Columns0 bool // columns count from 0
}

// DialectOf reads the arguments of initialize. What is missing is as the
// protocol says it is.
func DialectOf(arguments json.RawMessage) Dialect {
	args := struct {
		PathFormat     string `json:"pathFormat"`
		LinesStartAt1  *bool  `json:"linesStartAt1"`
		ColumnsStartAt *bool  `json:"columnsStartAt1"`
	}{}
	_ = json.Unmarshal(arguments, &args) // what is not of its type is not said
	return Dialect{
		URIs:     args.PathFormat == "uri",
		Lines0:   args.LinesStartAt1 != nil && !*args.LinesStartAt1,
		Columns0: args.ColumnsStartAt != nil && !*args.ColumnsStartAt,
	}
}

// ToPath returns the path that the editor names.
func (d Dialect) ToPath(s string) string {
	if !d.URIs {
		return s
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "file" || !path.IsAbs(u.Path) {
		return s
	}
	return u.Path
}

// FromPath returns a path as the editor names it.
func (d Dialect) FromPath(s string) string {
	if !d.URIs || !path.IsAbs(s) {
		return s
	}
	return (&url.URL{Scheme: "file", Path: s}).String()
}

// The tables say where a payload holds lines and columns, as those of
// locations.go do for paths. Both lists end with the field.
var (
	linesInArguments = map[string][][]string{
		"setBreakpoints":      fields([]string{"line", "endLine"}, "breakpoints", message.Each),
		"breakpointLocations": fields([]string{"line", "endLine"}),
		"gotoTargets":         fields([]string{"line"}),
		"completions":         fields([]string{"line"}),
		"evaluate":            fields([]string{"line"}),
	}
	linesInResponse = map[string][][]string{
		"setBreakpoints":            atBreakpoints,
		"setFunctionBreakpoints":    atBreakpoints,
		"setExceptionBreakpoints":   atBreakpoints,
		"setInstructionBreakpoints": atBreakpoints,
		"setDataBreakpoints":        atBreakpoints,
		"breakpointLocations":       atBreakpoints,
		"stackTrace":                fields([]string{"line", "endLine"}, "stackFrames", message.Each),
		"scopes":                    fields([]string{"line", "endLine"}, "scopes", message.Each),
		"gotoTargets":               fields([]string{"line", "endLine"}, "targets", message.Each),
		"stepInTargets":             fields([]string{"line", "endLine"}, "targets", message.Each),
		"disassemble":               fields([]string{"line", "endLine"}, "instructions", message.Each),
		"locations":                 fields([]string{"line", "endLine"}),
	}
	linesInEvent = map[string][][]string{
		"breakpoint": fields([]string{"line", "endLine"}, "breakpoint"),
		"output":     fields([]string{"line"}),
	}
	atBreakpoints = fields([]string{"line", "endLine"}, "breakpoints", message.Each)
	columnOf      = map[string]string{"line": "column", "endLine": "endColumn"}
)

// fields returns the places of fields below a path.
func fields(names []string, below ...string) [][]string {
	var places [][]string
	for _, name := range names {
		places = append(places, append(append([]string(nil), below...), name))
	}
	return places
}

// shift adds by to the lines and columns that the dialect counts from 0.
func (d Dialect) shift(payload json.RawMessage, lines [][]string, by int) json.RawMessage {
	add := func(raw json.RawMessage) json.RawMessage {
		n, err := strconv.Atoi(string(raw))
		if err != nil {
			return nil
		}
		return strconv.AppendInt(nil, int64(max(n+by, 0)), 10)
	}
	for _, place := range lines {
		last := len(place) - 1
		if d.Lines0 {
			payload = message.Replace(payload, place, add)
		}
		if d.Columns0 {
			column := append(append([]string(nil), place[:last]...), columnOf[place[last]])
			payload = message.Replace(payload, column, add)
		}
	}
	return payload
}
