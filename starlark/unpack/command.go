package unpack

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"

	"github.com/towline-dev/towline/starlark/value"
)

// ShellCommand converts a command: a string is for sh (or cmd on Windows), a
// list is the program and its arguments.
func ShellCommand(v starlark.Value, windows bool) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	if s, ok := v.(starlark.String); ok {
		switch {
		case s == "":
			return nil, nil
		case windows:
			return []string{"cmd", "/S", "/C", string(s)}, nil
		}
		return []string{"sh", "-c", string(s)}, nil
	}
	if _, ok := v.(starlark.Sequence); !ok {
		return nil, fmt.Errorf("a command must be a string or list of strings. found %s", value.TypeOf(v))
	}
	var argv Sequence
	if err := argv.Unpack(v); err != nil {
		return nil, fmt.Errorf("a command must be a string or a list of strings: %w", err)
	}
	return argv, nil
}

// PlainCommand converts a command without a shell, where it needs none: an
// image may have none.
func PlainCommand(v starlark.Value) ([]string, error) {
	s, ok := v.(starlark.String)
	if !ok || strings.ContainsAny(string(s), "|&;<>()$`\\\"'*?[#~=%\n{}!") {
		return ShellCommand(v, false)
	}
	return strings.Fields(string(s)), nil
}
