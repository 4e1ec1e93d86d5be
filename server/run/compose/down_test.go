package compose

import (
	"errors"
	"strings"
	"testing"

	"github.com/towline-dev/towline/starlark/config"
)

// TestDownWithoutDocker says how to go on without what is missing, but not where
// it is enough to wait.
func TestDownWithoutDocker(t *testing.T) {
	for what, test := range map[string]struct {
		err    error
		forget bool
	}{
		"no plugin":           {&Failure{Problem: config.Problem{Message: "no plugin", Hint: "install it"}}, true},
		"docker is not there": {notInstalled(), true},
		"it does not answer":  {&Failure{Passing: true, Problem: config.Problem{Message: "no answer", Hint: "start it"}}, false},
		"another":             {errors.New("in use"), false},
	} {
		err := orForget(test.err)
		var p *config.Problem
		told := errors.As(err, &p) && strings.Contains(p.Hint, "towline down --forget")
		if told != test.forget || err.Error() != test.err.Error() {
			t.Errorf("%s: %v, the hint %+v", what, err, p)
		}
	}
	if p := new(config.Problem); errors.As(notInstalled(), &p) && strings.Contains(p.Hint, "--forget") {
		t.Error("the hint is said of what is brought up, too")
	}
}
