package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
	"github.com/towline-dev/towline/starlark/fault"
)

func TestIsEnvironment(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"none":              {nil, false},
		"the Tiltfile's":    {fault.Tiltf("Image %q", "a"), false},
		"nil of a command":  {fault.Environment(nil), false},
		"of a command":      {fault.Environment(fs.ErrNotExist), true},
		"wrapped":           {fmt.Errorf("running: %w", fault.Environment(fs.ErrNotExist)), true},
		"within a location": {&fault.Located{Err: fault.Environment(fs.ErrNotExist)}, true},
		"of the network":    {fmt.Errorf("fetching: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), true},
	} {
		if got := fault.IsEnvironment(test.err); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestErrorsStayWhatTheyAre(t *testing.T) {
	located := &fault.Located{Pos: config.Position{File: "/Tiltfile", Line: 3}, Err: fault.Environment(fs.ErrNotExist), Hint: "make it"}
	var found *fault.Located
	if err := fmt.Errorf("reading: %w", located); !errors.As(err, &found) || found.Pos.Line != 3 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v lost its place or its cause", err)
	}
	if got, want := located.Error(), fs.ErrNotExist.Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
