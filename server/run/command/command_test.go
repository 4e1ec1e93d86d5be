package command

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/towline-dev/towline/server/run/output"
	"github.com/towline-dev/towline/starlark/config"
)

func TestCommandText(t *testing.T) {
	tests := map[string][]string{
		"make all":        {"make", "all"},
		"make | tee log":  {"sh", "-c", "make | tee log"},
		"set -e; make":    {"bash", "-c", "set -e; make"},
		"echo $HOME":      {"/bin/sh", "-c", "echo $HOME"},
		"python3 -c 1":    {"python3", "-c", "1"},
		"sh -c echo name": {"sh", "-c", "echo", "name"},
		"sh -x script":    {"sh", "-x", "script"},
		"":                nil,
	}
	for want, argv := range tests {
		if got := Text(argv); got != want {
			t.Errorf("Text(%q) = %q, want %q", argv, got, want)
		}
	}
}

// TestFolderThatIsNotThere is blamed, and not the program.
func TestFolderThatIsNotThere(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "gone")
	run := func(dir, program string) error {
		shell := Shell{Log: output.Log{Emit: func(output.Line) {}}}
		return shell.Run(t.Context(), Call{Command: config.Command{Argv: []string{program}, Dir: dir}})
	}
	want := "it is to run in " + missing + ", which cannot be used: no such file or directory"
	if err := run(missing, "true"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := run(t.TempDir(), "no-such-program"); err == nil || strings.Contains(err.Error(), "to run in") {
		t.Errorf("a program that is not there: %v", err)
	}
}
