package command

import "testing"

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
