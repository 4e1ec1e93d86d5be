package daemon

import (
	"os"
	"strings"

	"github.com/towline-dev/towline/server/run/command"
)

// importEnvironment makes the environment of a command's terminal the daemon's own, as if
// it had been started there now. Commands begin beside it: at each moment a variable
// has its old value or its new one.
func importEnvironment(env []string) {
	if len(env) == 0 {
		return
	}
	kept := map[string]bool{command.OwnerName: true} // this daemon, whatever the terminal was started by
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok && name != "" && name != command.OwnerName {
			kept[name] = os.Setenv(name, value) == nil // it fails for names that no environment holds
		}
	}
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); !kept[name] {
			_ = os.Unsetenv(name)
		}
	}
}
